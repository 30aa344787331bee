"""streamer history: what was heard, by how many machines ever, read where their outputs have put it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from streamer.base.text import printable
from streamer.base.units import parse_moment, parse_time_s
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import answer, tell
from streamer.outputs.formats import format_log
from streamer.outputs.reading import Read, check_reader, read_records

HELP = """Events that outputs have written or sent: of all runs and hosts, each once.

PLACE is a file of NDJSON, nats://HOST[:PORT][/SUBJECT], whose stream keeps what has come, or mqtt://HOST[:PORT][/TOPIC],
which has only what comes from now on. A line begins with HOST/RUN, the first four digits of the run that has said it.

\b
streamer history nats://broker --since 1h
streamer history nats://broker --follow --json
streamer history events.jsonl
"""


@click.command("history", context_settings=CONTEXT, help=HELP)
@click.argument("place")
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on with what comes.")
@click.option("--since", metavar="TIME", help="No older than 1h, or than 2026-11-22T07:31:00+01:00.")
@click.option("--json", "is_json", is_flag=True, help="As NDJSON, one object a line.")
@DEBUG
def command(place: str, follows: bool, since: str | None, is_json: bool) -> None:
    since_when = None if since is None else _read_since(since)
    check_reader(place)
    senders: set[str] = set()
    for read in read_records(place, since=since_when, follows=follows):
        if isinstance(read, str):
            tell(read)
        elif read is not None:
            if read.sender and read.sender not in senders:
                senders.add(read.sender)
                tell(f"{read.sender} listens to {printable(read.source)}")
            _show(read, is_json=is_json)


def _read_since(text: str) -> datetime:
    if "T" in text or text.count("-") > 1:
        return parse_moment(text, name="since")
    return datetime.now(UTC) - timedelta(seconds=parse_time_s(text, name="since"))


def _show(read: Read, *, is_json: bool) -> None:
    if is_json:
        answer(read.line.decode())
    elif (line := format_log(read.record)) is not None:
        answer(f"{read.sender}  {line}" if read.sender else line)
