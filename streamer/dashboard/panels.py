"""The panels around bars and waterfall, drawn by rich: they change a few times a second at most."""

from __future__ import annotations

import io
from datetime import datetime
from functools import lru_cache

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from streamer.dashboard.canvas import PARTS_OF_A_CELL, RESET, clean, fit, tell_unit
from streamer.dashboard.messages import EventRow, Scene, Snapshot
from streamer.dashboard.palette import Depth
from streamer.dashboard.state import State

HEALTH_WIDTH = 26
ROOMY_WIDTH = 100
CLIPPED_DBFS = -0.1
MODE_MARKS = {"LIVE": "●", "REPLAY": "▶", "DEMO": "◆"}


@lru_cache(maxsize=1)
def _console() -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        legacy_windows=False,
        emoji=False,
        highlight=False,
        _environ={},
    )


_COLOUR_SYSTEMS = {
    Depth.TRUE: ColorSystem.TRUECOLOR,
    Depth.INDEXED: ColorSystem.EIGHT_BIT,
    Depth.BASIC: ColorSystem.STANDARD,
    Depth.MONO: ColorSystem.STANDARD,
}


def draw(renderable: RenderableType, width: int, height: int, depth: Depth) -> tuple[str, ...]:
    """Rows of a rich renderable, cut and padded to this size."""
    console = _console()
    options = console.options.update_dimensions(width, height)
    rows = []
    for segments in console.render_lines(renderable, options)[:height]:
        parts = []
        for text, style, _ in segments:
            if style is None:
                parts.append(text)
                continue
            seen = style.without_color if depth is Depth.MONO else style
            parts.append(seen.render(text, color_system=_COLOUR_SYSTEMS[depth]))
        rows.append("".join(parts) + RESET)
    return (*rows, *[" " * width + RESET] * (height - len(rows)))


def make_header(state: State, width: int) -> RenderableType:
    scene, snapshot = state.scene, state.snapshot
    mark = MODE_MARKS.get(scene.mode, "○")
    colour = "bold green" if scene.mode == "LIVE" else "bold cyan"
    left = Text.assemble(
        (f" streamer {clean(scene.version)} ", "bold reverse"),
        " ",
        (f"{mark} {clean(scene.mode)}", colour),
        "  ",
    )
    if state.choices.frozen:
        left.append("‖ FROZEN", "bold reverse")
        left.append("  ")
    channel = f" · ch {state.choices.channel + 1}/{scene.channels}" if scene.channels > 1 else ""
    left.append(clean(scene.source), "bold")
    left.append(f"  {scene.fs_hz / 1000:g} kHz{channel}")
    dropped = snapshot.dropped_samples if snapshot else 0
    right = Text.assemble(
        (f"{dropped:,} dropped", "bold red reverse" if dropped else "dim"),
        f"  {_tell_time(snapshot, width)} ",
    )
    first = _spread(left, right, width)
    second = Text(f" {_tell_analysis(scene, width)}", style="dim", no_wrap=True, overflow="ellipsis")
    if scene.plans and width - second.cell_len >= 10:
        second.append(f" · {clean(', '.join(scene.plans))}")
    second.truncate(width, overflow="ellipsis")
    return Group(first, second)


def _tell_analysis(scene: Scene, width: int) -> str:
    """The bands and the frames; a long specification is cut, so that the resolution is seen."""
    hop_ms = f" ({scene.hop_length / scene.fs_hz * 1e3:.3g} ms)" if width >= ROOMY_WIDTH else ""
    lengths = sorted({scene.shortest_window or scene.window_length, scene.window_length})
    in_samples = "-".join(str(n) for n in lengths)
    in_ms = "-".join(f"{n / scene.fs_hz * 1e3:.3g}" for n in lengths)
    frames = (
        f" · {len(scene.band_labels)} bands · N {in_samples} ({in_ms} ms) · "
        f"hop {scene.hop_length}{hop_ms} · {clean(scene.window)}"
    )
    if scene.enbw_hz is not None:
        frames += f" · ENBW {scene.enbw_hz:.3g} Hz"
    if scene.seen_share < 1 - 1e-6:
        frames += f" · sees {max(1, round(scene.seen_share * 100))} %"
    spec = clean(scene.bands)
    return fit(spec, min(cell_len(spec), max(8, width - 1 - cell_len(frames)))) + frames


def _tell_time(snapshot: Snapshot | None, width: int) -> str:
    """Stream time, and local time beside it where there is room."""
    if snapshot is None:
        return ""
    seconds = int(snapshot.t_s)
    stream_time = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if snapshot.unix_s is None or width < ROOMY_WIDTH:
        return stream_time
    return f"{stream_time}  {datetime.fromtimestamp(snapshot.unix_s).astimezone():%H:%M:%S}"


def _spread(left: Text, right: Text, width: int) -> Text:
    """One line with both at its ends; the right one is whole."""
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis")
    return Text.assemble(left, " " * (width - left.cell_len - right.cell_len), right)


def make_health(state: State, height: int) -> RenderableType:
    snapshot, scene = state.snapshot, state.scene
    if snapshot is None:
        return Panel(Text("no figures yet", "dim"), title="health", height=height, border_style="dim")
    lines: list[tuple[str, str, str]] = []  # name, value, style

    def tell(name: str, value: str, style: str = "") -> None:
        lines.append((name, value, style))

    channel = state.choices.channel
    if channel < len(snapshot.input_rms_dbfs):
        unit = tell_unit(state.scene)
        rms_dbfs, peak_dbfs = snapshot.input_rms_dbfs[channel], snapshot.input_peak_dbfs[channel]
        tell(_small_meter(state, rms_dbfs, peak_dbfs), "")
        tell("input", f"{rms_dbfs + scene.offset_db:.1f} {unit}")
        clipped = peak_dbfs >= CLIPPED_DBFS
        tell(
            "peak",
            f"{'CLIP ' if clipped else ''}{peak_dbfs + scene.offset_db:.1f} {unit}",
            "bold red" if clipped else "",
        )
    tell("dropped", f"{snapshot.dropped_samples:,}", "bold red" if snapshot.dropped_samples else "")
    tell("gaps", f"{snapshot.gaps:,}", "bold red" if snapshot.gaps else "")
    if snapshot.latency_ms_p50 is not None and snapshot.latency_ms_p99 is not None:
        tell("latency", f"{snapshot.latency_ms_p50:.1f} / {snapshot.latency_ms_p99:.1f} ms")
    if snapshot.windows_per_s is not None:
        tell("windows/s", f"{snapshot.windows_per_s:,.1f}")
    if snapshot.realtime_factor is not None:
        slow = snapshot.realtime_factor < 1
        tell("real time", f"{snapshot.realtime_factor:.3g}×", "bold red" if slow else "")
    if snapshot.lag_s is not None:
        tell("lag", f"{snapshot.lag_s:.2f} s", "bold yellow" if snapshot.lag_s > 1 else "")
    if snapshot.ring_fill is not None:
        full = snapshot.ring_fill > 0.5
        tell(
            "ring",
            f"{_small_bar(snapshot.ring_fill, 8)} {snapshot.ring_fill:4.0%}",
            "bold yellow" if full else "",
        )
    if snapshot.workers_total:
        missing = snapshot.workers_ready < snapshot.workers_total
        ready = f"{snapshot.workers_ready}/{snapshot.workers_total}"
        tell("workers", ready + (" ready" if missing else ""), "bold yellow" if missing else "")
    tell("samples", f"{snapshot.captured_samples:,}")
    if state.drawn_fps is not None:
        tell("screen", f"slow, {state.drawn_fps:.2g} fps", "bold yellow")
    text = Text(no_wrap=True, overflow="ellipsis")
    inner = HEALTH_WIDTH - 4
    for name, value, style in lines[: height - 2]:
        text.append(name, "dim" if value else "")
        text.append(" " * max(0, inner - cell_len(name) - cell_len(value)))
        text.append(value + "\n", style)
    return Panel(
        text, title="health", title_align="left", height=height, border_style="dim", width=HEALTH_WIDTH
    )


def _small_meter(state: State, rms_dbfs: float, peak_dbfs: float) -> str:
    """The input level as a bar across the panel, with a mark at its peak."""
    floor_dbfs, width = state.choices.floor_dbfs, HEALTH_WIDTH - 4
    per_db = 1 / (state.choices.ceiling_dbfs - floor_dbfs)
    bar = _small_bar((rms_dbfs - floor_dbfs) * per_db, width)
    mark = max(0, min(width - 1, int((peak_dbfs - floor_dbfs) * per_db * width)))
    return f"{bar[:mark]}│{bar[mark + 1 :]}" if bar[mark] == "·" else bar


def _small_bar(fraction: float, width: int) -> str:
    full, part = divmod(round(max(0.0, min(1.0, fraction)) * width * 8), 8)
    return ("█" * full + (PARTS_OF_A_CELL[part] if part else "")).ljust(width, "·")


def make_events(state: State, width: int, height: int) -> RenderableType:
    picture, scene = state.shown, state.scene
    title = f"events ({picture.events_seen})" + (f" → {clean(scene.output)}" if scene.output else "")
    newest = list(picture.events)[::-1][: height - 2]
    inner = width - 4
    body: RenderableType
    if newest:
        body = Text("\n", no_wrap=True).join(_make_event_line(event, scene, inner) for event in newest)
    else:
        body = Text("nothing heard yet" if scene.plans else "nothing is listened for: see --plan", "dim")
    digits = "".join(picture.digits)
    return Panel(
        body,
        title=title,
        title_align="left",
        subtitle=f"dtmf {clean(digits)}" if digits else None,
        subtitle_align="right",
        height=height,
        width=width,
        border_style="dim",
    )


def _make_event_line(event: EventRow, scene: Scene, width: int) -> Text:
    on = event.phase == "begin"
    if event.duration_ms is None:
        lasted = "on ▶" if on else ""
    else:
        short = event.duration_ms < 9999.5
        lasted = f"{event.duration_ms:.0f} ms" if short else f"{event.duration_ms / 1e3:.1f} s"
    unit = tell_unit(scene)
    level = "" if event.level_dbfs is None else f"{event.level_dbfs + scene.offset_db:.1f} {unit}"
    snr = "" if event.snr_db is None else f"snr {event.snr_db:.0f} dB"
    confidence = "" if event.confidence is None else f"conf {event.confidence:.2f}"
    columns = [(f"{lasted:>8}", "bold green" if on else ""), (f"{level:>13}", "")]
    if width >= 70:
        columns += [(f"{snr:>11}", ""), (f"{confidence:>11}", "")]
    if scene.channels > 1:
        columns.append((f"ch {event.channel}".rjust(6), "dim"))
    right = Text.assemble(*columns)
    left = Text.assemble(
        (f"{clean(event.time):<13}", "dim"),
        (f"{clean(event.type):<7} ", "cyan"),
        (clean(event.label), "bold"),
    )
    if not event.phase:
        return _spread(left, Text(), width)
    # The figures stand beside the label, not at the far end of a wide screen.
    return _spread(left, right, min(width, 92))


KEYS = (
    ("q", "quit"),
    ("space", "freeze"),
    ("v", "view"),
    ("?", "help"),
    ("p", "peaks"),
    ("+ -", "floor"),
    ("[ ]", "ceiling"),
    ("c", "channel"),
    ("PgUp PgDn", "pages"),
    ("s", "screenshot"),
    ("h", "hold peaks"),
)


def make_key_line(state: State, width: int) -> RenderableType:
    status = state.tell_status()
    line = Text(" ", no_wrap=True)
    if status:
        line.append(f"▲ {clean(status)}", "bold yellow")
        line.append("  ")
    elif state.note:
        line.append(clean(state.note), "bold cyan")
        line.append("  ")
    for key, meaning in KEYS:
        if (meaning == "channel" and state.scene.channels == 1) or (meaning == "pages" and state.pages == 1):
            continue
        hint = Text.assemble((key, "bold"), " ", (meaning, "dim"), "  ")
        if line.cell_len + hint.cell_len > width:
            break
        line.append_text(hint)
    line.truncate(width, overflow="ellipsis")
    return line


HELP = (
    ("q", "end the run"),
    ("space", "freeze the picture; recording goes on behind it"),
    ("v", "bars, waterfall or both (100 columns or more)"),
    ("p", "forget the peaks"),
    ("h", "hold peaks for good, or let them fall after 2 s"),
    ("+ -", "raise or lower the floor"),
    ("[ ]", "lower or raise the ceiling"),
    ("c", "next channel"),
    ("PgUp PgDn", "pages of one band a row; Home: all bands at once"),
    ("s", "this screen as streamer-TIME.svg"),
    ("? Esc", "close this"),
)


def make_help() -> RenderableType:
    text = Text("\n").join(Text.assemble((f"{key:<10}", "bold"), meaning) for key, meaning in HELP)
    return Panel(text, title="keys", title_align="left", border_style="dim")
