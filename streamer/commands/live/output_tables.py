"""[[output]] of a settings file: the same outputs as -o names, an option a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.base.errors import StreamerError
from streamer.base.text import printable, shorten, show
from streamer.base.toml import TomlFile
from streamer.outputs import check_outputs, find_files, reaches_out
from streamer.outputs.target import hide_password, write_target


def read_outputs(
    file: TomlFile, findings: list[str], *, folder: Path, may_reach_out: bool
) -> tuple[str, ...]:
    """A target for each table. folder: where files lie that are named by themselves"""
    tables = file.values.get("output", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        findings.append(
            f"{file.name}:{file.line_of(('output',))}: output: each stands in a table, [[output]]"
        )
        return ()
    found = []
    for number, table in enumerate(tables):
        where = f"{file.name}:{file.line_of(('output', number))}: output"
        try:
            text = _read_table(table, folder)
            if not may_reach_out and reaches_out(text):
                findings.append(
                    f"{where}: to is {shorten(hide_password(table['to']))}, which starts a program or reaches another"
                    " machine; a file in the current folder may not ask for that: give it with -o, --config, or in"
                    " your own settings"
                )
                continue
            check_outputs([text])
        except StreamerError as error:
            findings.append(f"{where}: {error}")
            continue
        found.append(text)
    return tuple(found)


def _read_table(table: dict[str, Any], folder: Path) -> str:
    to = table.get("to")
    if not isinstance(to, str) or not to.strip():
        raise StreamerError('to is missing; write where events go, such as to = "events.jsonl"')
    if find_files([to]):
        to = str(folder / to)
    return write_target(to, {key: _to_text(key, value) for key, value in table.items() if key != "to"})


def _to_text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) and "," not in each for each in value):
        return ",".join(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise StreamerError(
        f"{printable(key)[:40]} is {show(value)}; write a text, a number, true, false or a list of texts"
    )
