"""Spans of time as a picture: the highest level of each, by the clock on the wall; what was lost is grey."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.stores.as_png.layout import Style, choose_range, lay_out
from streamer.stores.as_png.pooling import FrequencyAxis, find_loudest
from streamer.stores.as_png.sheet import Sheet
from streamer.stores.as_png.ticks import Tick
from streamer.stores.spans import Spans

STEPS_S = (
    *(1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(86_400 * days for days in (1, 2, 7, 14, 28, 56, 112, 224)),
)


def draw_spans(path: Path, spans: Spans, *, about: str, style: Style | None = None) -> None:
    style = style or Style()
    panels, axis = lay_out(style, spans.channels), FrequencyAxis(spans.bank)
    start_s, stop_s = float(spans.starts_s[0]), float(spans.starts_s[-1] + spans.span_s)
    columns = _lay_in_columns(spans, start_s, stop_s, panels[0].width)
    floor_db, ceiling_db = choose_range(columns, style)
    sheet = Sheet(style)
    sheet.write_heading(
        spans.source, [about, f"{len(spans.bank)} bands", f"levels in {spans.unit}", "grey: not measured"]
    )
    for channel, (box, levels) in enumerate(zip(panels, columns, strict=True), start=1):
        shown = find_loudest(levels, axis.rows(box.height), axis=0)[::-1]
        sheet.draw_levels(box, (shown - floor_db) / (ceiling_db - floor_db))
        sheet.draw_frequencies(box, axis)
        if spans.channels > 1:
            sheet.write_tag(box, f"channel {channel}")
    ticks = choose_clock_ticks(start_s, stop_s, length=panels[0].width, measure=sheet.measure_label)
    sheet.draw_ticks(panels, ticks, unit="")
    sheet.draw_colours(panels, floor_db=floor_db, ceiling_db=ceiling_db, unit=spans.unit)
    sheet.save(path, title=spans.source)


def _lay_in_columns(spans: Spans, start_s: float, stop_s: float, width: int) -> NDArray[np.float64]:
    """(channels, bands, pixels) the highest level under each, NaN where there is none."""
    found = np.full((spans.channels, len(spans.bank), width), np.nan)
    per_pixel_s = (stop_s - start_s) / width
    for i, begin_s in enumerate(spans.starts_s.tolist()):
        first = min(width - 1, math.floor((begin_s - start_s) / per_pixel_s + 1e-6))
        last = max(first + 1, min(width, math.floor((begin_s + spans.span_s - start_s) / per_pixel_s + 1e-6)))
        part = found[:, :, first:last]
        np.fmax(part, spans.lmax[:, :, i : i + 1], out=part)
    return found


def choose_clock_ticks(
    start_s: float, stop_s: float, *, length: float, measure: Callable[[str], float]
) -> list[Tick]:
    """By the clock on the wall here; at midnight the day."""
    ticks: list[Tick] = []
    for step_s in STEPS_S:
        if (stop_s - start_s) / step_s > length / 8:
            continue
        ticks = [
            Tick((at_s - start_s) / (stop_s - start_s), _tell(at_s, step_s))
            for at_s in _list_marks(start_s, stop_s, step_s)
        ]
        room = length * step_s / (stop_s - start_s)
        if max((measure(tick.label) + 20 for tick in ticks), default=0) <= room:
            break
    return ticks


def _list_marks(start_s: float, stop_s: float, step_s: int) -> list[float]:
    begin = datetime.fromtimestamp(start_s, UTC).astimezone().replace(tzinfo=None)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    if step_s > 86_400:
        midnight -= timedelta(days=midnight.toordinal() % (step_s // 86_400))
    n = math.ceil((begin - midnight).total_seconds() / step_s)
    marks = []
    while (at_s := (midnight + timedelta(seconds=n * step_s)).astimezone().timestamp()) <= stop_s:
        if at_s >= start_s:
            marks.append(at_s)
        n += 1
    return marks


def _tell(at_s: float, step_s: int) -> str:
    moment = datetime.fromtimestamp(at_s, UTC).astimezone()
    if step_s >= 86_400 or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return f"{moment:%a} {moment.day} {moment:%b}"
    return moment.strftime("%H:%M:%S" if step_s < 60 else "%H:%M")
