"""The levels of a history: tables of what is asked for, and the files that they become."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.files import check_folder, describe_unwritable, replacing
from streamer.base.text import choose, shorten
from streamer.base.units import format_duration
from streamer.commands.history.asked import Asked
from streamer.history.read import list_unreadable
from streamer.stores.spans import Spans, find_range_s, read_spans
from streamer.stores.spans_files import WRITERS

MOST_ROWS = 18  # with what stands around them a screen of 24
SPANS_S = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600),
    *(7200, 10_800, 21_600, 43_200, 86_400, 7 * 86_400, 28 * 86_400),
)
PICTURE_COLUMNS = 1400


def make_tables(asked: Asked) -> tuple[list[Spans], list[str]]:
    """A table for each bank of bands, the one with most in it first; and what people should be told."""
    for target in asked.outputs:
        _check_target(Path(target))
    since_s, until_s = find_range_s(asked.folder, asked.since_s, asked.until_s)
    if asked.every_s is not None and (asked.every_s != round(asked.every_s) or asked.every_s < 1):
        raise SpecError(f"every is {asked.every_s:g} s; a history has whole seconds: write 1s or more")
    rows = PICTURE_COLUMNS if asked.outputs else MOST_ROWS
    tables = read_spans(
        asked.folder,
        since_s=since_s,
        until_s=until_s,
        span_s=asked.every_s or choose_span_s(until_s - since_s, rows),
        unit=asked.unit,
        weighting=asked.weighting,
    )
    unreadable = list_unreadable(asked.folder, since_s=since_s, until_s=until_s)
    if not tables:
        for remark in _tell_unreadable(unreadable):
            raise SpecError(remark)
        raise SpecError(
            f"{shorten(asked.folder)} has no levels of that time; `streamer history {asked.folder}` says of which"
        )
    if asked.channel > tables[0].channels:
        raise SpecError(f"channel is {asked.channel}; there are {tables[0].channels}, counted from 1")
    return tables, [*_tell_other_bands(tables[1:], asked), *_tell_unreadable(unreadable)]


def choose_span_s(length_s: float, rows: int) -> float:
    """The shortest round one that makes no more rows than so many."""
    return float(next((span for span in SPANS_S if math.ceil(length_s / span) <= rows), SPANS_S[-1]))


def _tell_other_bands(others: Sequence[Spans], asked: Asked) -> Iterator[str]:
    """Files hold one bank of bands; text shows them all."""
    for spans in others if asked.outputs else ():
        measured = format_duration(round(float(spans.covered.sum()) * spans.span_s))
        yield f"{measured} were measured in other bands, {spans.bank.spec}: name a time by --since to have those"


def _tell_unreadable(paths: Sequence[Path]) -> Iterator[str]:
    if paths:
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"{shorten(paths[0])}{more} cannot be read, and what was measured then is left out: remove it"


def write_files(tables: Sequence[Spans], asked: Asked) -> Iterator[Path]:
    spans = tables[0]
    if asked.bands:
        spans = take_bands(spans, asked.bands)
    for text in asked.outputs:
        target = Path(text)
        try:
            with replacing(target) as path:
                WRITERS[target.suffix.lower()](path, spans)
        except OSError as error:
            raise describe_unwritable(f"output {shorten(text)}", error) from error
        yield target


def take_bands(spans: Spans, bands: Sequence[str]) -> Spans:
    """These alone, in ascending order."""
    at = sorted({spans.find_band(band) for band in bands})
    bank = replace(
        spans.bank,
        freqs_hz=spans.bank.freqs_hz[at],
        labels=tuple(spans.bank.labels[i] for i in at),
        edges_hz=None if spans.bank.edges_hz is None else spans.bank.edges_hz[at],
    )
    levels = {name: values[:, at] for name, values in spans.levels.items()}
    return replace(spans, bank=bank, levels=levels, total=None, highest_s=spans.highest_s[:, at])


def _check_target(target: Path) -> None:
    choose(target.suffix.lower(), WRITERS, name=f"suffix of output {shorten(target)}")
    try:
        if target.is_dir() and target.suffix.lower() != ".zarr":
            raise IsADirectoryError(21, "Is a directory")
        check_folder(target)
    except OSError as error:
        raise describe_unwritable(f"output {shorten(target)}", error) from error
