"""What a history holds, over spans of time: Leq, Lmax, L10, L50 and L90 of every band and channel."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.averages import NAMES, average, list_levels, name_figure
from streamer.analysis.bank import Bank
from streamer.base.errors import MissingExtraError, SpecError
from streamer.base.reading import Reading
from streamer.base.text import shorten
from streamer.base.units import db_from_powers, parse_frequency_hz, powers_from_db
from streamer.history.lines import Header, Stretch, find_offsets_db
from streamer.history.read import MINUTE_S, check_history, find_extent, read_lines

LINES_AT_ONCE = 7200  # of all bands and channels in memory
FINE_UP_TO_S = 2 * 86_400.0  # a longer time is read by the minute
MOST_SPANS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spans:
    """Levels over spans of time of one bank of bands. NaN where nothing was measured.

    starts_s: (spans,) unix seconds   span_s: length of each   step_s: of the lines that L10 to L90 are of
    levels: name -> (channels, bands, spans), of leq, lmax, l10, l50 and l90, in `unit`
    total: (channels, spans) Leq of all bands together; None of probes, and of bands that do not touch
    time_weighting: F or S, of lmax; none: of a frame
    covered: (spans,) which share of each was measured   highest_s: (channels, bands) when the highest level was
    """

    bank: Bank
    channels: int
    source: str
    fs_hz: float
    unit: str
    is_dated: bool
    starts_s: NDArray[np.float64]
    span_s: float
    step_s: float
    levels: dict[str, NDArray[np.float64]]
    total: NDArray[np.float64] | None
    covered: NDArray[np.float64]
    highest_s: NDArray[np.float64]
    time_weighting: str = ""

    @property
    def leq(self) -> NDArray[np.float64]:
        return self.levels["leq"]

    @property
    def lmax(self) -> NDArray[np.float64]:
        return self.levels["lmax"]

    @property
    def named_levels(self) -> dict[str, NDArray[np.float64]]:
        """Under the names by which files have them: lfmax, of time weighting F; L10 to L90 have none."""
        lmax = name_figure("lmax", self.time_weighting)
        return {lmax if name == "lmax" else name: values for name, values in self.levels.items()}

    @property
    def times(self) -> NDArray[np.datetime64]:
        """(spans,) when each begins, UTC, as numpy has times."""
        return np.array(np.round(self.starts_s * 1e3), dtype="datetime64[ms]")

    def find_band(self, text: str) -> int:
        """By the name that it has, or the nearest in hertz that lies within half a band of it."""
        if text in self.bank.labels:
            return self.bank.labels.index(text)
        there = ", ".join(self.bank.labels[:40])
        try:
            hz = parse_frequency_hz(text, name="band")
        except SpecError as error:
            raise SpecError(
                f"band is {shorten(text)}; write one of {there}, or a frequency in it; "
                "all together stand in each row without --band"
            ) from error
        nearest = int(np.argmin(np.abs(np.log(self.bank.freqs_hz / hz))))
        edges_hz = self.bank.cut_edges_hz(self.fs_hz)[nearest]
        is_within = edges_hz[0] <= hz <= edges_hz[1] or abs(self.bank.freqs_hz[nearest] / hz - 1) < 0.03
        if not is_within:
            raise SpecError(
                f"band is {text}, and the nearest that was measured is {self.bank.freqs_hz[nearest]:g} Hz; "
                f"there are {there}"
            )
        return nearest

    def to_xarray(self) -> Any:
        """The same as an xarray.Dataset, (channel, frequency, time)."""
        try:
            import xarray  # an extra, and slow to load
        except ImportError as error:
            raise MissingExtraError(
                "to_xarray needs xarray: pip install goertzel-streamer[xarray]"
            ) from error
        dims = ("channel", "frequency", "time")
        values: dict[str, Any] = {
            name: (dims, each, {"units": self.unit}) for name, each in self.named_levels.items()
        }
        if self.total is not None:
            values["total_leq"] = (("channel", "time"), self.total, {"units": self.unit})
        values["covered"] = ("time", self.covered, {"units": "1", "long_name": "share that was measured"})
        edges_hz = self.bank.cut_edges_hz(self.fs_hz)
        return xarray.Dataset(
            values,
            coords={
                "channel": ("channel", np.arange(1, self.channels + 1), {"long_name": "channel, from 1"}),
                "frequency": ("frequency", self.bank.freqs_hz, {"units": "Hz", "long_name": "band centre"}),
                "band": ("frequency", list(self.bank.labels), {"long_name": "band label"}),
                "low_edge": ("frequency", edges_hz[:, 0], {"units": "Hz"}),
                "high_edge": ("frequency", edges_hz[:, 1], {"units": "Hz"}),
                "time": (
                    "time",
                    self.times.astype("datetime64[ns]"),
                    {"long_name": "begin of the span, UTC"},
                ),
            },
            attrs={
                "title": f"Levels of {self.source}",
                "source": self.source,
                "span_s": self.span_s,
                "step_s": self.step_s,
                "bands": self.bank.spec,
            },
        )


@dataclass(slots=True)
class _Gathering:
    """Spans of one bank on their way. highest: power and time of the loudest line, (channels, bands)"""

    header: Header
    parts: list[dict[str, NDArray[np.float64]]] = field(default_factory=list)
    highest: NDArray[np.float64] | None = None
    highest_s: NDArray[np.float64] | None = None
    step_s: float = 1.0


def read_spans(
    folder: Path,
    *,
    since_s: float,
    until_s: float,
    span_s: float,
    unit: str | None = None,
    weighting: str | None = None,
) -> list[Spans]:
    """A table for each bank of bands that there are lines of, the one with most of them first.

    span_s: whole seconds; spans begin at multiples of it, by the clock on the wall here   unit, weighting: None: as
    levels were told when they were measured. Raises SpecError where there is none, or no calibration for dbspl.
    """
    check_history(folder)
    if (until_s - since_s) / span_s > MOST_SPANS:
        raise SpecError(f"every is {span_s:g} s, and that makes over {MOST_SPANS:,} spans: name a longer one")
    is_coarse = span_s % MINUTE_S == 0 and until_s - since_s > FINE_UP_TO_S
    line_s = MINUTE_S if is_coarse else 1
    block_s = max(1, LINES_AT_ONCE * line_s // span_s) * span_s
    found: dict[Any, _Gathering] = {}
    for at, until, zone_s, length_s in cut_blocks(since_s, until_s, span_s=span_s, block_s=block_s):
        groups: defaultdict[Any, list[Stretch]] = defaultdict(list)
        for stretch in _read_block(folder, since_s=at, until_s=until, is_coarse=is_coarse, span_s=span_s):
            groups[stretch.header.measures].append(stretch)
        for key, stretches in groups.items():
            gathering = found.setdefault(key, _Gathering(stretches[-1].header))
            gathering.header = stretches[-1].header
            lines = _join_lines(stretches, unit=unit, weighting=weighting)
            _add_block(gathering, lines, span_s=span_s, zone_s=zone_s, length_s=length_s)
    tables = [_finish(each, span_s=span_s, unit=unit, weighting=weighting) for each in found.values()]
    return sorted(tables, key=lambda spans: -float(spans.covered.sum()))


def _read_block(
    folder: Path, *, since_s: float, until_s: float, is_coarse: bool, span_s: float
) -> list[Stretch]:
    """By the minute too where the seconds have been thrown away, if that is fine enough."""
    stretches = list(read_lines(folder, since_s=since_s, until_s=until_s, is_coarse=is_coarse))
    if not stretches and not is_coarse and span_s % MINUTE_S == 0:
        return list(read_lines(folder, since_s=since_s, until_s=until_s, is_coarse=True))
    return stretches


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lines:
    """Of one bank, each time once. mean, highest: (lines, channels, bands)   covered_s: what of each was measured"""

    starts_s: NDArray[np.float64]
    step_s: float
    covered_s: NDArray[np.float64]
    mean: NDArray[np.float64]
    highest: NDArray[np.float64]


def _join_lines(stretches: list[Stretch], *, unit: str | None, weighting: str | None) -> _Lines:
    """In the order of time, in this unit; lines that two lives have parts of are one."""
    gains = [find_gains(each.header, unit=unit, weighting=weighting) for each in stretches]
    mean = np.concatenate([each.mean_power * gain for each, gain in zip(stretches, gains, strict=True)])
    highest = np.concatenate([each.max_power * gain for each, gain in zip(stretches, gains, strict=True)])
    counts = [len(each.starts_s) for each in stretches]
    starts_s = np.concatenate([each.starts_s for each in stretches])
    steps_s = np.repeat([each.header.step_s for each in stretches], counts)
    hops_s = np.repeat([each.header.hop_s for each in stretches], counts)
    frames = np.concatenate([each.frames for each in stretches]).astype(np.float64)
    order = np.argsort(starts_s, kind="stable")
    starts_s, steps_s, hops_s, frames = starts_s[order], steps_s[order], hops_s[order], frames[order]
    mean, highest, covered_s = mean[order], highest[order], frames * hops_s
    firsts = np.flatnonzero(np.diff(starts_s, prepend=-1))
    if len(firsts) < len(order):
        weights = frames[:, np.newaxis, np.newaxis]
        mean = np.add.reduceat(mean * weights, firsts) / np.add.reduceat(weights, firsts)
        highest = np.maximum.reduceat(highest, firsts)
        covered_s = np.add.reduceat(covered_s, firsts)
    starts_s, steps_s, hops_s = starts_s[firsts], steps_s[firsts], hops_s[firsts]
    # Of 47.06 frames a second most have 47 and some 48: where less than one is missing, nothing was lost.
    is_whole = covered_s > steps_s - hops_s * (1 - 1e-6)
    return _Lines(
        starts_s=starts_s.astype(np.float64),
        step_s=float(steps_s.max()),
        covered_s=np.where(is_whole, steps_s, covered_s),
        mean=mean,
        highest=highest,
    )


def _add_block(
    gathering: _Gathering, lines: _Lines, *, span_s: float, zone_s: float, length_s: float
) -> None:
    """length_s: of a span; another than span_s of the one in which the clock on the wall was moved"""
    at = lines.highest.argmax(axis=0)
    peak = np.take_along_axis(lines.highest, at[np.newaxis], axis=0)[0].astype(np.float64)
    if gathering.highest is None or gathering.highest_s is None:
        gathering.highest, gathering.highest_s = peak, lines.starts_s[at]
    else:
        is_new = peak > gathering.highest
        gathering.highest = np.where(is_new, peak, gathering.highest)
        gathering.highest_s = np.where(is_new, lines.starts_s[at], gathering.highest_s)
    gathering.step_s = lines.step_s
    local_s = lines.starts_s + zone_s
    if length_s > span_s:  # a day of 25 hours is one
        local_s = np.minimum(local_s, (local_s[0] // span_s + 1) * span_s - 1)
    mean, highest = np.moveaxis(lines.mean, 0, -1), np.moveaxis(lines.highest, 0, -1)
    averages = average(local_s, mean, highest, span_s=span_s, step_s=lines.step_s)
    firsts = np.searchsorted(local_s, averages.starts_s)
    gathering.parts.append(
        {
            "starts_s": averages.starts_s - zone_s,
            "covered": np.minimum(1.0, np.add.reduceat(lines.covered_s, firsts) / length_s),
            "sum": averages.leq.sum(axis=1),
            **list_levels(averages),
        }
    )


def _finish(gathering: _Gathering, *, span_s: float, unit: str | None, weighting: str | None) -> Spans:
    header, parts, bank = gathering.header, gathering.parts, make_bank(gathering.header)
    assert gathering.highest_s is not None
    joined = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}
    return Spans(
        bank=bank,
        channels=header.channels,
        source=header.source,
        fs_hz=header.fs,
        unit=Reading(unit=unit or header.unit, weighting=weighting or header.weighting).label,
        is_dated=header.is_dated,
        time_weighting=header.time_weighting,
        starts_s=joined["starts_s"],
        span_s=span_s,
        step_s=gathering.step_s,
        levels={name: joined[name] for name in NAMES},
        total=db_from_powers(2 * joined["sum"]) if bank.is_whole else None,
        covered=joined["covered"],
        highest_s=gathering.highest_s,
    )


def find_gains(header: Header, *, unit: str | None, weighting: str | None) -> NDArray[np.float32]:
    """(channels, bands) what powers are multiplied by. SpecError for dbspl of what nobody has calibrated."""
    offsets_db = np.array(find_offsets_db(header, unit=unit, weighting=weighting))
    gains: NDArray[np.float32] = powers_from_db(offsets_db).astype(np.float32)
    return gains


def make_bank(header: Header) -> Bank:
    edges_hz = None
    if any(header.edges_hz):
        edges_hz = np.array([e or (hz, hz) for e, hz in zip(header.edges_hz, header.freqs_hz, strict=True)])
    return Bank(
        freqs_hz=np.array(header.freqs_hz),
        labels=tuple(header.labels),
        scale=header.scale,
        spec=header.bands,
        edges_hz=edges_hz,
    )


def find_zone_s(unix_s: float) -> float:
    """How far the clock on the wall here is ahead of UTC at that time."""
    offset = datetime.fromtimestamp(unix_s, UTC).astimezone().utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def cut_blocks(
    since_s: float, until_s: float, *, span_s: float, block_s: float
) -> Iterator[tuple[float, float, float, float]]:
    """Whole spans by the clock on the wall: begin, end, how far that clock is ahead, and the length of their spans.

    Spans keep to the clock when summer time begins or ends: a day then has 23 or 25 hours, an hour is always one.
    """
    keeps_to_clock = 3600 % span_s == 0 or span_s % 3600 == 0
    at, zone_s = since_s, find_zone_s(since_s)
    while at < until_s:
        zone_s = find_zone_s(at) if keeps_to_clock else zone_s
        until, length_s = ((at + zone_s) // block_s + 1) * block_s - zone_s, span_s
        if keeps_to_clock and find_zone_s(until) != zone_s:
            change_s = _find_change_s(at, until)
            begin = (change_s + zone_s) // span_s * span_s - zone_s  # of the span in which it is
            if at < begin:
                until = begin
            else:
                until = max(change_s, begin + span_s + zone_s - find_zone_s(change_s))
                length_s = until - begin
        yield at, min(until, until_s), zone_s, length_s
        at = until


def _find_change_s(since_s: float, until_s: float) -> float:
    """The first second of another zone, of the one change between them."""
    low, high, zone_s = math.floor(since_s), math.ceil(until_s), find_zone_s(since_s)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if find_zone_s(middle) == zone_s else (low, middle)
    return float(high)


def find_range_s(folder: Path, since_s: float | None, until_s: float | None) -> tuple[float, float]:
    """What is asked for, or all there is."""
    check_history(folder)
    extent = find_extent(folder)
    if extent is None:
        raise SpecError(f"{folder} has no levels yet")
    return extent[0] if since_s is None else since_s, extent[1] if until_s is None else until_s
