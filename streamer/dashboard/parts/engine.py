"""How the machine feels: how fast, how late, and that no sample is unaccounted for."""

from __future__ import annotations

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import format_ago, format_factor, format_ms
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.messages import OutputRow
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen

NAME_WIDTH = 8


def draw(canvas: Canvas, seen: Seen) -> None:
    state, snapshot = seen.state, seen.state.snapshot
    canvas.put(0, 0, "engine", Role.DIM)
    if snapshot is None:
        canvas.put(NAME_WIDTH, 0, "no figures yet", Role.DIM)
        return
    fs_hz = state.scene.fs_hz
    factor = snapshot.realtime_factor
    lacks = snapshot.workers_ready < snapshot.workers_total
    lines = [
        f"{'ok  ' if not lacks else 'short of workers  '}"
        + ("" if factor is None else f" {format_factor(factor)}× real time,")
        + f" {snapshot.workers_ready} of {snapshot.workers_total} workers"
    ]
    if snapshot.latency_ms_p50 is not None and snapshot.latency_ms_p99 is not None:
        p50, p99 = format_ms(snapshot.latency_ms_p50).removesuffix(" ms"), format_ms(snapshot.latency_ms_p99)
        lines.append(f"latency  {p50} / {p99} (median / 99 %)")
    captured, analysed = snapshot.captured_samples / fs_hz, snapshot.analysed_samples / fs_hz
    lost, pending = snapshot.dropped_samples / fs_hz, snapshot.lag_s or 0.0
    lines.append(
        f"captured {captured:,.1f} s = analysed {analysed:,.1f} + lost {lost:,.1f} + pending {pending:,.1f}"
    )
    fps = state.scene.fps if state.drawn_fps is None else state.drawn_fps
    ring = "" if snapshot.ring_fill is None else f"ring {snapshot.ring_fill:.0%}, "
    lines.append(f"{ring}screen {fps:.2g} fps{'' if state.drawn_fps is None else ', slow'}")
    troubled = {0} if lacks else set()
    for output in snapshot.outputs:
        if not output.is_well:
            troubled.add(len(lines))
        lines.append(_tell_output(output))
    for y, line in enumerate(lines[: canvas.height]):
        style = Role.MARK if y in troubled else Role.PLAIN
        canvas.put(NAME_WIDTH, y, fit(line, canvas.width - NAME_WIDTH), style)


def _tell_output(output: OutputRow) -> str:
    away = "" if output.away_s is None else f", away {format_ago(output.away_s)}"
    why = "" if output.is_well or not output.error else f": {clean(output.error)}"
    figures = f"{output.sent:,} sent, {output.queued:,} queued, {output.lost:,} lost"
    return f"→ {clean(output.name)}  {figures}{away}{why}"


def wish(facts: Facts) -> Wish | None:
    if not facts.wants_engine or facts.has_side:
        return None
    rows = 4 + facts.outputs
    return Wish(least=4, good=rows, most=rows)


PART = Part("engine", 7, draw, wish)
