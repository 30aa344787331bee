"""streamer bench decoders: other people's decoders and ours by the same signals."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.base.errors import SpecError
from streamer.base.files import check_folder, describe_unwritable, write_whole
from streamer.base.text import choose
from streamer.base.units import parse_duration_s
from streamer.commands.options import CONTEXT, DEBUG, QUIET, NumberRange, refuse_empty
from streamer.commands.talk import begin_work, tell

if TYPE_CHECKING:
    from streamer.judge.decoders.command import Command
    from streamer.judge.families import Family
    from streamer.judge.heard import Decoder
    from streamer.judge.run import Table

SLOW = {"pydtmf"}  # asked when named


@click.command("bench decoders", context_settings=CONTEXT)
@click.option("--family", default="dtmf", show_default=True, metavar="LIST", help="dtmf,r1,fax,... or all.")
@click.option("--table", default="", metavar="NAME", help="Only this plan of the family, such as zvei1.")
@click.option(
    "--only", default="", metavar="WORDS", help="Lines whose name has one of them in it: S/N,twist."
)
@click.option(
    "--decoder",
    metavar="LIST",
    help="streamer,spandsp,multimon-ng,...; all that are installed, with --command ours alone, or none.",
)
@click.option(
    "--command",
    "commands",
    multiple=True,
    metavar="NAME=COMMAND",
    help="A decoder that prints events; {file}, {files} or {raw} in it, or a WAV on its stdin; repeatable.",
)
@click.option("--match", metavar="REGEX", help="What a label is in what commands print: 'DTMF: (.)'.")
@click.option("--join", "is_joined", is_flag=True, help="All labels of a signal are one: a digit a line.")
@click.option("-r", "--rate", type=NumberRange(4000, 192_000), metavar="HZ", help="What commands are given.")
@click.option(
    "--timeout", default="10s", show_default=True, help="Of a command, beyond what its audio lasts."
)
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Commands at once."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another set of signals.")
@click.option(
    *("--scale",),
    type=NumberRange(0.01, 10),
    default=0.1,
    show_default=True,
    help="1: all trials; 0.1: a tenth, to look.",
)
@click.option(
    "--speech",
    default="judge",
    show_default=True,
    metavar="SET|FOLDER",
    help="judge | blind | words, or yours.",
)
@click.option("--music", default="", metavar="FOLDER", help="Your recordings instead of Debian's.")
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option(
    "-o", "--output", metavar="FILE", callback=refuse_empty, help="Its name must end in .md or .json."
)
@QUIET
@DEBUG
def command(**given: Any) -> None:
    """Tone decoders beside each other: yours, others' and ours, by the same signals.

    A table a family: a line a test, a column a decoder, and the digest of all signals, so that two people see that they
    had the same. See `streamer guide decoders` for what a command is given and may print.
    """
    output = None if given["output"] is None else _check_output(given["output"])
    families = _list_families(given["family"], given["table"], given["only"])
    speech, music = _check_speech(given["speech"]), _check_music(given["music"])
    decoders = _find_all(given)
    from streamer.judge.judge import Terms
    from streamer.judge.run import judge_family

    if "streamer" in decoders:
        begin_work(is_quiet=given["quiet"])
    terms = Terms(seed=given["seed"], scale=given["scale"], speech=speech, music=music)
    show = _be_silent if given["is_json"] else click.echo
    tables: list[Table] = []
    for family in families:
        show(f"{chr(10) * bool(tables)}## {family.title}\n")
        table = judge_family(family, decoders, terms, only=given["only"], table=given["table"], show=show)
        if not table.who:
            tell(f"none of {', '.join(decoders)} knows {family.title}")
            continue
        show("\n" + "\n".join(table.foot()))
        tables.append(table)
    if not tables:
        raise SpecError(f"nobody was judged: give --family what --decoder {','.join(decoders)} knows")
    text = json.dumps([table.to_dict() for table in tables], indent=1)
    if given["is_json"]:
        click.echo(text)
    if output is not None:
        written = text if output.suffix == ".json" else _to_markdown(tables)
        write_whole(output, written, name=str(output))


def _be_silent(_text: str) -> None:
    """Rows are printed at the end."""


def _find_all(given: dict[str, Any]) -> dict[str, Decoder]:
    from streamer.judge.decoders import PEERS, find_decoders

    commands = _parse_commands(given)
    named = given["decoder"]
    if named is None:
        names = ["streamer"] if commands else [name for name in PEERS if name not in SLOW]
    else:
        names = [] if named == "none" else [choose(name, PEERS, name="decoder") for name in named.split(",")]
    found, missing = find_decoders(names)
    if not given["quiet"]:
        for name, package in missing.items():
            tell(f"{name} is not here: install {package}")
    if not (decoders := {**found, **commands}):
        raise SpecError("there is no decoder: name one by --decoder that is here, or give a --command")
    return decoders


def _parse_commands(given: dict[str, Any]) -> dict[str, Command]:
    from streamer.judge.decoders import PEERS
    from streamer.judge.decoders.command import Command, parse_command
    from streamer.judge.decoders.reading import Reader

    try:
        match = None if given["match"] is None else re.compile(given["match"])
    except re.error as error:
        raise SpecError(f'--match "{given["match"]}" is no regular expression: {error}') from error
    commands: dict[str, Command] = {}
    for text in given["commands"]:
        name, words = parse_command(text)
        if name in commands or name in PEERS:
            raise SpecError(f'a decoder is called "{name}" already; name this one: --command NAME={text}')
        commands[name] = Command(
            words=words,
            reader=Reader(match=match, joins=given["is_joined"]),
            rate_hz=given["rate"],
            timeout_s=parse_duration_s(given["timeout"]),
            jobs=given["jobs"],
        )
    return commands


def _list_families(named: str, table: str, only: str) -> Sequence[Family]:
    """Those that have such a line."""
    from streamer.judge.run import choose_lines
    from streamer.judge.table import ALL, make_lines

    names = list(ALL) if named == "all" else [choose(name, ALL, name="family") for name in named.split(",")]
    families = [ALL[name] for name in names]
    if table:
        choose(table, [each for family in families for each in family.tables], name="table")
    families = [family for family in families if table in ("", *family.tables)]
    if chosen := [family for family in families if choose_lines(family, only)]:
        return chosen
    lines = dict.fromkeys(line.name for family in families for line in make_lines(family))
    raise SpecError(f'no line has --only "{only}" in its name; there are: {"; ".join(lines)}')


def _check_speech(word: str) -> str:
    from streamer.judge.material import LANGUAGES

    if word in LANGUAGES or Path(word).is_dir():
        return word
    raise SpecError(
        f'--speech is "{word}"; it must be one of {", ".join(LANGUAGES)}, or a folder of recordings'
    )


def _check_music(folder: str) -> str:
    if folder and not Path(folder).is_dir():
        raise SpecError(f'--music is "{folder}"; it must be a folder of recordings')
    return folder


def _check_output(name: str) -> Path:
    output = Path(name)
    if output.suffix not in (".md", ".json"):
        raise SpecError(f'--output is "{name}"; its name must end in .md or .json')
    try:
        check_folder(output)
    except OSError as error:
        raise describe_unwritable(name, error) from error
    return output


def _to_markdown(tables: Sequence[Table]) -> str:
    parts = []
    for table in tables:
        rows = [*table.head(), *(row.show(table.who) for row in table.rows)]
        parts.append(f"## {table.title}\n\n" + "\n".join([*rows, "", *table.foot()]))
    return "\n\n".join(parts) + "\n"
