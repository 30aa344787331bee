"""streamer history: what was heard, by how many machines ever, read where their outputs have put it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.base.errors import SpecError
from streamer.base.moments import parse_after, parse_past
from streamer.base.text import printable, shorten
from streamer.base.units import parse_lasting_s
from streamer.commands.options import CONTEXT, DEBUG, join, refuse_empty
from streamer.commands.talk import answer, tell

if TYPE_CHECKING:
    from streamer.commands.history.asked import Asked
    from streamer.outputs.reading import Read

HELP = """What outputs have kept, written or sent: levels and events, over any time.

PLACE is a folder of `live -o history:DIR`. Or it has events, of all runs and hosts each once: a file of NDJSON;
nats://HOST[:PORT][/SUBJECT], whose stream keeps what has come; mqtt://HOST[:PORT][/TOPIC], which has only what comes
from now on. A line begins with HOST/RUN, the first four digits of the run that has said it.

TIME is how long ago, 2h or 3d; wednesday 22:00, yesterday, 22:00; or 2026-11-25 22:00. Of --until it is after --since.

\b
streamer history DIR                       levels of all there is, and what was heard
streamer history DIR --band 100 --since "wednesday 22:00" --until 6:00
streamer history DIR --since yesterday --every 1h -o yesterday.png -o yesterday.csv
streamer history nats://broker --follow --json
"""

LEVELS_OPTIONS = join(
    click.option("--until", metavar="TIME", help="No newer; +8h is so long after --since."),
    click.option(
        "--band", "bands", multiple=True, metavar="BAND", help="Of a history: 100, or its name; repeatable."
    ),
    click.option("--channel", type=click.IntRange(1), default=1, show_default=True, help="Of a history."),
    click.option("--every", metavar="TIME", help="Of a history: a row for 1s, 10m or 1h; what suits."),
    click.option("--unit", metavar="dbfs|dbm0|dbspl", help="Of a history; as it was measured."),
    click.option("--weighting", metavar="A|C|Z", help="Of a history; as it was measured."),
    click.option("--events", "has_events", is_flag=True, help="Of a history: its events, a line each."),
    click.option(
        *("-o", "--output", "outputs"),
        multiple=True,
        callback=refuse_empty,
        metavar="FILE",
        help="Of a history: its levels as .png, .csv, .npz, .nc or .zarr; repeatable.",
    ),
)


@click.command("history", context_settings=CONTEXT, help=HELP)
@click.argument("place")
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on with what comes, of events.")
@click.option("--since", metavar="TIME", help="No older.")
@LEVELS_OPTIONS
@click.option("--json", "is_json", is_flag=True, help="Events as NDJSON, one object a line.")
@DEBUG
def command(place: str, **given: Any) -> None:
    now = datetime.now().astimezone()
    since = None if given["since"] is None else parse_past(given["since"], now=now, name="since")
    until = None
    if given["until"] is not None:
        until = (
            parse_past(given["until"], now=now, name="until")
            if since is None
            else parse_after(given["until"], since=since, now=now, name="until")
        )
        if since is not None and until <= since:
            raise SpecError(
                f"until is {shorten(given['until'])}, which is not after since, {since:%Y-%m-%d %H:%M}"
            )
    if not Path(place).is_dir():
        _refuse_levels(place, given)
        _tell_records(place, since=since, follows=given["follows"], is_json=given["is_json"])
        return
    if given["follows"]:
        raise SpecError(f"--follow is of events that come, and {shorten(place)} is a folder: leave it out")
    from streamer.base.reading import read_weighting
    from streamer.commands.history.asked import Asked

    asked = Asked(
        folder=Path(place),
        since_s=None if since is None else since.timestamp(),
        until_s=None if until is None else until.timestamp(),
        every_s=None if given["every"] is None else parse_lasting_s(given["every"], name="every"),
        **{key: given[key] for key in ("bands", "channel", "unit", "outputs")},
        weighting=given["weighting"] and read_weighting(given["weighting"]),
    )
    _tell_history(asked, has_events=given["has_events"], is_json=given["is_json"])


def _tell_history(asked: Asked, *, has_events: bool, is_json: bool) -> None:
    from streamer.commands.history.events import read_events, summarize_events  # and so numpy
    from streamer.commands.history.levels import make_tables, write_files
    from streamer.commands.history.text import format_history

    if is_json or has_events:
        for read in read_events(asked):
            _show(read, is_json=is_json)
        return
    tables, remarks = make_tables(asked)
    if asked.outputs:
        for target in write_files(tables, asked):
            tell(f"wrote {target}")
    else:
        for line in format_history(tables, asked, summarize_events(asked, fs_hz=tables[0].fs_hz)):
            answer(line)
    for remark in remarks:
        tell(remark)


def _refuse_levels(place: str, given: dict[str, Any]) -> None:
    """SpecError for what is asked of a place that holds events alone."""
    for name in ("until", "bands", "every", "unit", "weighting", "outputs", "has_events"):
        if given[name]:
            flag = {"bands": "band", "outputs": "output", "has_events": "events"}.get(name, name)
            raise SpecError(
                f"--{flag} is of a history's folder, as `live -o history:DIR` keeps it; {shorten(place)} is none"
            )


def _tell_records(place: str, *, since: datetime | None, follows: bool, is_json: bool) -> None:
    from streamer.outputs.reading import check_reader, read_records  # and so numpy

    check_reader(place)
    senders: set[str] = set()
    for read in read_records(place, since=since, follows=follows):
        if isinstance(read, str):
            tell(read)
        elif read is not None:
            if read.sender and read.sender not in senders:
                senders.add(read.sender)
                tell(f"{read.sender} listens to {printable(read.source)}")
            _show(read, is_json=is_json)


def _show(read: Read, *, is_json: bool) -> None:
    from streamer.outputs.formats import format_log

    if is_json:
        answer(read.line.decode())
    elif (line := format_log(read.record)) is not None:
        answer(f"{read.sender}  {line}" if read.sender else line)
