"""A history for people, in 80 columns: a row a span of time, then what was heard."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from streamer.base.text import printable
from streamer.base.units import format_duration
from streamer.commands.history.asked import Asked
from streamer.commands.history.events import Summary
from streamer.stores.spans import Spans

WIDTH = 80
STEPS = " .:-=+*#%@"  # of a spectrum, quiet to loud; read aloud, piped and printed everywhere
RANGE_DB = 60.0  # that they and bars span, below the highest level there is
MOST_LABELS = 6
FULL = 0.995  # covered: less is told


def format_history(tables: Sequence[Spans], asked: Asked, heard: Summary) -> Iterator[str]:
    for number, spans in enumerate(tables):
        if number:
            yield ""
        yield from _format_table(spans, asked, heard)
    yield from _format_heard(heard)


def _format_table(spans: Spans, asked: Asked, heard: Summary) -> Iterator[str]:
    channel = min(asked.channel, spans.channels) - 1
    ends_s = float(spans.starts_s[-1] + spans.span_s)
    of = f", channel {channel + 1} of {spans.channels}" if spans.channels > 1 else ""
    about = f"{of}  {spans.unit}  {tell_day(spans.starts_s[0])} to {tell_day(ends_s)}"
    source, room = printable(spans.source), WIDTH - len(about)
    yield (source if len(source) <= room else f"{source[: room - 3]}...") + about
    if not spans.is_dated:
        yield "(a recording without a date: times are from when it was played)"
    if asked.bands:
        for band in asked.bands:
            yield from _format_band(spans, channel, spans.find_band(band))
    else:
        yield from _format_bands(spans, channel, heard)


def _format_band(spans: Spans, channel: int, band: int) -> Iterator[str]:
    """One band: its levels, and a bar from the left to Leq, on to Lmax."""
    levels = {name: values[channel, band] for name, values in spans.levels.items()}
    top_db = 10.0 * math.ceil(np.nanmax(levels["lmax"]) / 10)
    room = WIDTH - 56
    name = spans.bank.labels[band]
    name = f"{name} Hz" if name.replace(".", "").isdigit() else name
    scale = f"{top_db - RANGE_DB:.0f}".ljust(room - len(f"{top_db:.0f}")) + f"{top_db:.0f}"
    yield f"{name:<12}    Leq  {_name_lmax(spans)}    L10    L50    L90   {scale}"
    for i, begins in enumerate(tell_times(spans)):
        figures = "".join(f"{levels[key][i]:7.1f}" for key in ("leq", "lmax", "l10", "l50", "l90"))
        bar = draw_bar(levels["leq"][i], levels["lmax"][i], top_db, room)
        yield f"{begins:<12}{figures}  {bar} {_tell_share(spans.covered[i])}".rstrip()
    when = tell_day(spans.highest_s[channel, band], has_seconds=spans.step_s < 60)
    yield f"highest {np.nanmax(levels['lmax']):.1f} at {when}; {_tell_steps(spans)}"


def _format_bands(spans: Spans, channel: int, heard: Summary) -> Iterator[str]:
    """All bands: the level of all together, the loudest, and the spectrum in a line."""
    leq, lmax = spans.leq[channel], spans.lmax[channel]
    room = min(len(spans.bank), WIDTH - 46)
    columns = np.array_split(np.arange(len(spans.bank)), room)
    top_db = 10.0 * math.ceil(np.nanmax(leq) / 10)
    first = "  total" if spans.total is not None else ""
    low, high = spans.bank.labels[0], spans.bank.labels[-1]
    labels = f"{low} .. {high}"
    yield f"{'begins':<12}{first}  {_name_lmax(spans)}  loudest     Leq  {labels[:room]:<{room}} heard"
    counts: list[int] = np.histogram(heard.starts_s, [*spans.starts_s, math.inf])[0].tolist()
    for i, begins in enumerate(tell_times(spans)):
        loudest = int(np.argmax(leq[:, i]))
        total = "" if spans.total is None else f"{spans.total[channel, i]:7.1f}"
        pooled = [leq[column, i].max() for column in columns]
        told = f"{counts[i]:5d}" if counts[i] else "     "
        yield (
            f"{begins:<12}{total}{lmax[:, i].max():7.1f}  {spans.bank.labels[loudest][:8]:<8}{leq[loudest, i]:7.1f}  "
            f"{draw_spectrum(np.array(pooled), top_db)} {told} {_tell_share(spans.covered[i])}"
        ).rstrip()
    band = int(np.argmax(lmax.max(axis=1)))
    when = tell_day(spans.highest_s[channel, band], has_seconds=spans.step_s < 60)
    yield (
        f"highest {lmax[band].max():.1f} in {spans.bank.labels[band]} at {when}; "
        f"spectrum {top_db - RANGE_DB:.0f} to {top_db:.0f}"
    )


def _name_lmax(spans: Spans) -> str:
    return f"L{spans.time_weighting}max".rjust(5)


def _tell_steps(spans: Spans) -> str:
    return f"L10, L50, L90 of the means of {format_duration(spans.step_s)}"


def _tell_share(covered: float) -> str:
    return "" if covered >= FULL else f"{100 * covered:.0f}%" if covered >= 0.01 else "<1%"


def _format_heard(heard: Summary) -> Iterator[str]:
    labels = sorted(heard.labels.items(), key=lambda item: -item[1].count)
    for (kind, label), each in labels[:MOST_LABELS]:
        times = "once" if each.count == 1 else f"{each.count} times, last"
        yield f"heard {kind} {printable(label)[:30]} {times} {tell_day(each.last_s, has_seconds=True)}"
    if len(labels) > MOST_LABELS:
        yield f"... and {len(labels) - MOST_LABELS} other labels; --events shows all"
    if heard.gaps:
        gaps = "1 gap" if heard.gaps == 1 else f"{heard.gaps} gaps"
        yield f"lost {format_duration(round(heard.lost_s, 1))} in {gaps}"


def draw_bar(leq: float, lmax: float, top_db: float, room: int) -> str:
    """`####----`: to Leq, and on to Lmax."""
    to_leq, to_lmax = (round((level - top_db + RANGE_DB) / RANGE_DB * room) for level in (leq, lmax))
    to_leq = max(0, min(room, to_leq))
    return ("#" * to_leq + "-" * (max(to_leq, min(room, to_lmax)) - to_leq)).ljust(room)


def draw_spectrum(levels: NDArray[np.float64], top_db: float) -> str:
    steps = np.clip((levels - top_db + RANGE_DB) / RANGE_DB * len(STEPS), 0, len(STEPS) - 1)
    return "".join(STEPS[int(step)] for step in steps)


def tell_times(spans: Spans) -> Iterator[str]:
    """When each span begins; its day where that is another."""
    day = None
    has_seconds = spans.span_s % 60 != 0
    for start_s in spans.starts_s:
        moment = to_here(float(start_s))
        clock = moment.strftime("%H:%M:%S" if has_seconds else "%H:%M")
        if spans.span_s >= 86_400:
            yield moment.strftime("%a %d %b")
        elif moment.date() == day:
            yield f"    {clock}"
        else:
            yield f"{moment:%a} {clock}"
        day = moment.date()


def tell_day(unix_s: float, *, has_seconds: bool = False) -> str:
    return to_here(float(unix_s)).strftime("%a %Y-%m-%d %H:%M:%S" if has_seconds else "%a %Y-%m-%d %H:%M")


def to_here(unix_s: float) -> datetime:
    """In this machine's time zone."""
    return datetime.fromtimestamp(unix_s, UTC).astimezone()
