"""State -> screen. render() draws from its arguments and reads nothing else.

Bars and waterfall change with every snapshot and are put together from ready-made strings; the panels around
them are drawn by rich, seldom. A screen is a set of regions, so that only rows that changed are written.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.style import Style
from rich.text import Text

from streamer.palette import UNKNOWN, Depth, make_bar_colours, make_cells, make_ramp
from streamer.picture import State
from streamer.snapshot import EventRow, Scene, Snapshot

SMALLEST_WIDTH, SMALLEST_HEIGHT = 60, 15  # below, one line has to do
BOTH_FROM_WIDTH = 100
HEALTH_WIDTH = 26
NUMBER_WIDTH = 7
WIDEST_LABEL = 14
CLIPPED_DBFS = -0.1
PANELS: tuple[str, ...] = ("header", "health", "events", "keys")  # what rich draws

DIM, BOLD, RESET = "\x1b[2m", "\x1b[1m", "\x1b[0m"
PARTS_OF_A_CELL = " ▏▎▍▌▋▊▉"  # eighths, from the left
HALVES_OF_A_CELL = "    ▌▌▌▌"  # the text console's fonts have no finer ones
_SGR = re.compile(r"\x1b\[[0-9;]*m")

UNIT_NAMES = {"dbfs": "dBFS", "dbm0": "dBm0", "dbspl": "dB SPL"}
MODE_MARKS = {"LIVE": "●", "REPLAY": "▶", "DEMO": "◆"}


@dataclass(frozen=True, slots=True)
class Region:
    """Part of a screen: rows of equal width at column x from row y on, each ending with a reset."""

    x: int
    y: int
    width: int
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Screen:
    """Regions that tile the screen."""

    width: int
    height: int
    regions: dict[str, Region]
    pages: int = 1  # of bands, at this size

    def lines(self) -> list[str]:
        """The screen from top to bottom, with escape sequences."""
        rows: list[list[tuple[int, str]]] = [[] for _ in range(self.height)]
        for region in self.regions.values():
            for i, row in enumerate(region.rows):
                rows[region.y + i].append((region.x, row))
        return ["".join(part for _, part in sorted(row)) for row in rows]

    def plain_lines(self) -> list[str]:
        """The screen from top to bottom, without."""
        return [_SGR.sub("", line) for line in self.lines()]

    def __rich__(self) -> Text:
        lines = [Text.from_ansi(line, no_wrap=True) for line in self.lines()]
        for line in lines:
            # Not every SVG viewer keeps spaces; as segments of their own they are left out and leave their room.
            for gap in re.finditer(" {2,}", line.plain):
                line.stylize(Style(meta={"gap": True}), *gap.span())
        return Text("\n").join(lines)


def write_changes(before: Screen | None, after: Screen) -> str:
    """What to send to a terminal that shows `before`, or anything, to make it show `after`."""
    parts = []
    shown: dict[str, Region] = {}
    if before is not None and (before.width, before.height) == (after.width, after.height):
        shown = before.regions
    else:
        parts.append(f"{RESET}\x1b[2J")
    for name, region in after.regions.items():
        old = shown.get(name)
        fits = old is not None and (old.x, old.y, old.width) == (region.x, region.y, region.width)
        old_rows = old.rows if old is not None and fits else ()
        for i, row in enumerate(region.rows):
            if i >= len(old_rows) or old_rows[i] != row:
                parts.append(f"\x1b[{region.y + i + 1};{region.x + 1}H{row}")
    return "".join(parts)


def render(state: State, width: int, height: int, depth: Depth, keep: Screen | None = None) -> Screen:
    """One screen of this size.

    With `keep`, the panels that rich draws are taken from that screen if its layout is the same: numbers that
    change faster than a few times a second cannot be read anyway.
    """
    if width < SMALLEST_WIDTH or height < SMALLEST_HEIGHT:
        return _render_meter(state, width, height, depth)
    layout = _Layout.plan(state, width, height)
    regions: dict[str, Region] = {}
    if keep is not None and layout.fits(keep, width, height):
        regions.update((name, keep.regions[name]) for name in PANELS)
    else:
        regions["header"] = Region(0, 0, width, _draw(_make_header(state, width), width, 2, depth))
        regions["health"] = Region(
            width - HEALTH_WIDTH,
            2,
            HEALTH_WIDTH,
            _draw(_make_health(state, layout.main_height), HEALTH_WIDTH, layout.main_height, depth),
        )
        regions["events"] = Region(
            0,
            2 + layout.main_height,
            width,
            _draw(_make_events(state, width, layout.events_height), width, layout.events_height, depth),
        )
        regions["keys"] = Region(0, height - 1, width, _draw(_make_key_line(state, width), width, 1, depth))
    if state.view.help:
        shape = (layout.left_width, layout.main_height)
        regions["help"] = Region(0, 2, layout.left_width, _draw(_make_help(), *shape, depth))
    else:
        regions.update(_render_bands(state, layout, depth))
    return Screen(width, height, regions, layout.pages)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which rows and columns go to what. Two header rows above, one row of keys below."""

    main_height: int
    events_height: int
    left_width: int  # what the health panel leaves
    bars_width: int  # 0 where not shown
    waterfall_width: int
    band_rows: int
    pages: int

    def fits(self, screen: Screen, width: int, height: int) -> bool:
        """Whether that screen's panels stand where this layout puts them."""
        health = screen.regions.get("health")
        same_size = (screen.width, screen.height) == (width, height)
        return same_size and health is not None and len(health.rows) == self.main_height

    @classmethod
    def plan(cls, state: State, width: int, height: int) -> _Layout:
        bands = len(state.scene.band_labels)
        body = height - 3
        events_height = max(4, min(14, round(body * 0.27)))
        # Few bands leave room for more events, but the health panel wants its lines.
        main_height = min(body - events_height, max(bands + 3, 14))
        left_width = width - HEALTH_WIDTH
        show = state.view.show
        bars_width = left_width
        if show == "waterfall":
            bars_width = 0
        elif show == "both" and width >= BOTH_FROM_WIDTH:
            bars_width = max(44, round(left_width * 0.56))
        band_rows = main_height - 3
        return cls(
            main_height=main_height,
            events_height=body - main_height,
            left_width=left_width,
            bars_width=bars_width,
            waterfall_width=left_width - bars_width,
            band_rows=band_rows,
            pages=-(-bands // band_rows),
        )


# Bars and waterfall.


@dataclass(frozen=True, slots=True)
class _Rows:
    """Which bands each row stands for: row r from the top has bands [starts[r], stops[r]), high on top."""

    starts: NDArray[np.intp]
    stops: NDArray[np.intp]

    @classmethod
    def share(cls, bands: int, rows: int, page: int) -> _Rows:
        """All bands shared out over the rows, or a page of one band a row; no band is ever left out."""
        if page:
            stop = bands - (page - 1) * rows
            stops = np.arange(stop, max(0, stop - rows), -1)
            return cls(stops - 1, stops)
        edges = np.arange(min(rows, bands) + 1) * bands // min(rows, bands)
        return cls(edges[:-1][::-1], edges[1:][::-1])

    @property
    def pooled(self) -> bool:
        return bool((self.stops - self.starts > 1).any())

    def pool(self, level_dbfs: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., bands) -> (..., rows), the loudest band of each row."""
        reach = level_dbfs[..., self.starts[-1] : self.stops[0]]
        return _max_from(reach, (self.starts - self.starts[-1])[::-1])[..., ::-1]

    def pool_halves(self, level_dbfs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(..., bands) -> the loudest of each row's upper and lower bands, (..., rows) both."""
        middles = np.minimum(self.starts + (self.stops - self.starts + 1) // 2, self.stops - 1)
        edges = np.stack([self.starts, middles], axis=-1)[::-1].ravel() - self.starts[-1]
        halves = _max_from(level_dbfs[..., self.starts[-1] : self.stops[0]], edges)
        return halves[..., 1::2][..., ::-1], halves[..., 0::2][..., ::-1]

    def labels(self, band_labels: list[str], width: int) -> list[str]:
        return [
            _name_row(tuple(band_labels[a:b]), width) for a, b in zip(self.starts, self.stops, strict=True)
        ]


def _max_from(level_dbfs: NDArray[np.float32], starts: NDArray[np.intp]) -> NDArray[np.float32]:
    # equal neighbouring starts read as the one value there, which is what a row of one band needs
    pooled: NDArray[np.float32] = np.maximum.reduceat(level_dbfs, starts, axis=-1)
    return pooled


@lru_cache(maxsize=4096)
def _name_row(labels: tuple[str, ...], width: int) -> str:
    """The name of a row of bands: its label, or its range of labels."""
    first, last = _clean(labels[0]), _clean(labels[-1])
    if len(labels) == 1:
        name = first
    else:
        name = f"{first}–{last}"
        if cell_len(name) > width:
            name = f"{first}+{len(labels) - 1}"
    return " " * (width - cell_len(name)) + _fit(name, min(width, cell_len(name)))


def _render_bands(state: State, layout: _Layout, depth: Depth) -> dict[str, Region]:
    scene, view = state.scene, state.view
    rows = _Rows.share(len(scene.band_labels), layout.band_rows, min(view.page, layout.pages))
    widest = max(cell_len(label) for label in scene.band_labels)
    label_width = max(4, min(WIDEST_LABEL, 2 * widest + 1 if rows.pooled else widest))
    labels = rows.labels(scene.band_labels, label_width)
    numbers = _make_numbers(state, rows)
    regions = {}
    if layout.bars_width:
        inner = layout.bars_width - 2
        lines = _make_bars(
            state,
            rows,
            labels=labels,
            numbers=numbers,
            width=inner - label_width - NUMBER_WIDTH - 2,
            depth=depth,
        )
        title = f"bands · {_unit(state.scene)}" + (" · peaks held" if view.hold_peaks else "")
        title += _tell_pages(state, layout, rows)
        regions["bars"] = Region(
            0, 2, layout.bars_width, _frame(lines, title, "", layout.bars_width, layout.main_height)
        )
    if layout.waterfall_width:
        inner = layout.waterfall_width - 2
        alone = not layout.bars_width
        cells = inner - (label_width + NUMBER_WIDTH + 2 if alone else 0)
        lines, span_s = _make_waterfall(state, rows, cells, depth)
        if alone:
            lines = [
                f"{label} {line}{RESET} {number}"
                for label, line, number in zip(
                    [*labels, " " * label_width], lines, [*numbers, " " * NUMBER_WIDTH], strict=True
                )
            ]
        title = f"last {span_s:.0f} s" + (_tell_pages(state, layout, rows) if alone else "")
        offset_db = scene.offset_db
        ramp = (
            f"{view.floor_dbfs + offset_db:.0f} {make_ramp(depth)}{RESET}{DIM} "
            f"{view.ceiling_dbfs + offset_db:.0f} {_unit(state.scene)}"
        )
        regions["waterfall"] = Region(
            layout.bars_width,
            2,
            layout.waterfall_width,
            _frame(lines, title, ramp, layout.waterfall_width, layout.main_height),
        )
    return regions


def _tell_pages(state: State, layout: _Layout, rows: _Rows) -> str:
    if state.view.page:
        return f" · page {min(state.view.page, layout.pages)}/{layout.pages}"
    return f" · {len(state.scene.band_labels)} bands, loudest per row" if rows.pooled else ""


def _unit(scene: Scene) -> str:
    return UNIT_NAMES.get(scene.unit) or _clean(scene.unit)


def _make_numbers(state: State, rows: _Rows) -> list[str]:
    """The level of each row in digits, (rows,), the loudest in bold."""
    levels = state.shown.number_dbfs
    if levels is None:
        return [" " * NUMBER_WIDTH] * len(rows.starts)
    pooled = (rows.pool(levels[state.view.channel]) + state.scene.offset_db).tolist()
    loudest = max(range(len(pooled)), key=pooled.__getitem__)
    texts = [f"{level:{NUMBER_WIDTH}.1f}" for level in pooled]
    texts[loudest] = f"{BOLD}{texts[loudest]}{RESET}"
    return texts


def _make_bars(
    state: State, rows: _Rows, *, labels: list[str], numbers: list[str], width: int, depth: Depth
) -> list[str]:
    """A line for each row of bands, and the axis."""
    view, picture = state.view, state.shown
    axis, grid = _make_axis(width, view.floor_dbfs, view.ceiling_dbfs, state.scene.offset_db)
    left_pad, right_pad = " " * cell_len(labels[0]), " " * NUMBER_WIDTH
    axis_line = f"{left_pad} {DIM}{axis}{RESET} {right_pad}"
    if picture.level_dbfs is None:
        empty = [f"{label} {DIM}{grid}{RESET} {right_pad}" for label in labels]
        middle = len(labels) // 2
        empty[middle] = f"{labels[middle]} {_fit(_clean(_tell_status(state)), width)} {right_pad}"
        return [*empty, axis_line]
    scale = width / (view.ceiling_dbfs - view.floor_dbfs)
    levels = rows.pool(picture.level_dbfs[view.channel])
    peaks = rows.pool(picture.peak_dbfs[view.channel])
    eighths = np.clip(np.rint((levels - view.floor_dbfs) * scale * 8), 0, width * 8).astype(int).tolist()
    marks = np.clip((peaks - view.floor_dbfs) * scale, -1, width - 1).astype(int).tolist()
    colours = make_bar_colours(width, depth)
    parts = HALVES_OF_A_CELL if depth is Depth.BASIC else PARTS_OF_A_CELL
    lines = []
    for label, number, length, mark in zip(labels, numbers, eighths, marks, strict=True):
        full, part = divmod(length, 8)
        bar = colours.full[full]
        if part:
            bar += colours.cell[full] + parts[part]
            full += 1
        rest = grid[full:]
        if mark >= full:
            rest = f"{grid[full:mark]}{RESET}{BOLD}│{RESET}{DIM}{grid[mark + 1 :]}"
        lines.append(f"{label} {bar}{RESET}{DIM}{rest}{RESET} {number}")
    return [*lines, axis_line]


@lru_cache(maxsize=16)
def _make_axis(width: int, floor_dbfs: float, ceiling_dbfs: float, offset_db: float) -> tuple[str, str]:
    """The axis' numbers, and what an empty bar looks like: a dot under each number."""
    cells_per_db = width / (ceiling_dbfs - floor_dbfs)
    step_db = next((step for step in (5, 10, 20, 50) if step * cells_per_db >= 5), 100)
    axis, grid = [" "] * width, [" "] * width
    first = -(-(floor_dbfs + offset_db) // step_db) * step_db
    for level in np.arange(first, ceiling_dbfs + offset_db + 1e-9, step_db):
        at = min(width - 1, int((level - offset_db - floor_dbfs) * cells_per_db))
        grid[at] = "·"
        text = f"{level:.0f}"
        start = max(0, min(width - len(text), at - len(text) // 2))
        if all(cell == " " for cell in axis[max(0, start - 1) : start + len(text) + 1]):
            axis[start : start + len(text)] = text
    return "".join(axis), "".join(grid)


def _make_waterfall(state: State, rows: _Rows, width: int, depth: Depth) -> tuple[list[str], float]:
    """A line for each row of bands, time to the right, the time axis, and the seconds shown.

    A cell holds two values: two halves of a row's bands, or where a row is one band, two instants.
    """
    view, picture = state.view, state.shown
    if rows.pooled:
        history, span_s = picture.newest_history(view.channel, width)
        upper, lower = rows.pool_halves(history)
        pixels = (
            _to_colours(upper.T, view.floor_dbfs, view.ceiling_dbfs),
            _to_colours(lower.T, view.floor_dbfs, view.ceiling_dbfs),
        )
    else:
        history, span_s = picture.newest_history(view.channel, 2 * width)
        both = _to_colours(rows.pool(history).T, view.floor_dbfs, view.ceiling_dbfs)
        pixels = both[:, 0::2], both[:, 1::2]
    cells = make_cells(depth, "upper" if rows.pooled else "left")
    codes = pixels[0] * (UNKNOWN + 1) + pixels[1]
    lines = ["".join(_join_runs(row, cells.style, cells.glyph)) for row in codes.tolist()]
    middle = f"-{span_s / 2:.0f} s" if span_s >= 4 else ""
    left = f"-{span_s:.0f} s" if span_s >= 1 else ""
    if (
        span_s and history.shape[0] and np.isnan(history[0, 0])
    ):  # not full yet: its left end is not span_s ago
        left = middle = ""
    axis = f"{left}{middle:^{max(0, width - len(left) - 3)}}"[: width - 3].ljust(width - 3) + "now"
    return [*lines, f"{DIM}{axis}{RESET}"], span_s


def _to_colours(level_dbfs: NDArray[np.float32], floor_dbfs: float, ceiling_dbfs: float) -> NDArray[np.intp]:
    """Indices into the palette, UNKNOWN where NaN."""
    steps = (level_dbfs - floor_dbfs) * (UNKNOWN / (ceiling_dbfs - floor_dbfs))
    return np.where(np.isnan(steps), UNKNOWN, np.clip(np.nan_to_num(steps), 0, UNKNOWN - 1)).astype(np.intp)


def _join_runs(codes: list[int], style: list[str], glyph: list[str]) -> Iterator[str]:
    before = -1
    for code in codes:
        if code != before:
            yield style[code]
            before = code
        yield glyph[code]


def _frame(lines: list[str], title: str, footer: str, width: int, height: int) -> tuple[str, ...]:
    """Lines in a border. The title and the footer stand in it."""
    title = _fit(title, min(cell_len(title), width - 6))
    top = f"{DIM}╭─ {RESET}{title}{DIM} {'─' * (width - 5 - cell_len(title))}╮{RESET}"
    footer_length = cell_len(_SGR.sub("", footer))
    if footer and footer_length <= width - 6:
        bottom = f"{DIM}╰{'─' * (width - 5 - footer_length)} {footer}{RESET}{DIM} ─╯{RESET}"
    else:
        bottom = f"{DIM}╰{'─' * (width - 2)}╯{RESET}"
    blank = " " * (width - 2)
    inner = [*lines, *[blank] * (height - 2 - len(lines))][: height - 2]
    return (top, *(f"{DIM}│{RESET}{line}{RESET}{DIM}│{RESET}" for line in inner), bottom)


# What rich draws.


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


def _draw(renderable: RenderableType, width: int, height: int, depth: Depth) -> tuple[str, ...]:
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


def _clean(text: str) -> str:
    """Text that cannot steer the terminal: file and device names may hold anything."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "�" for char in text)


def _fit(text: str, width: int) -> str:
    """Text cut or padded to so many cells; a cut shows."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _make_header(state: State, width: int) -> RenderableType:
    scene, snapshot = state.scene, state.snapshot
    mark = MODE_MARKS.get(scene.mode, "○")
    colour = "bold green" if scene.mode == "LIVE" else "bold cyan"
    left = Text.assemble(
        (f" streamer {_clean(scene.version)} ", "bold reverse"),
        " ",
        (f"{mark} {_clean(scene.mode)}", colour),
        "  ",
    )
    if state.view.frozen:
        left.append("‖ FROZEN", "bold reverse")
        left.append("  ")
    channel = f" · ch {state.view.channel + 1}/{scene.channels}" if scene.channels > 1 else ""
    left.append(_clean(scene.source), "bold")
    left.append(f"  {scene.fs_hz / 1000:g} kHz{channel}")
    dropped = snapshot.dropped_samples if snapshot else 0
    right = Text.assemble(
        (f"{dropped:,} dropped", "bold red reverse" if dropped else "dim"),
        f"  {_tell_time(snapshot, width)} ",
    )
    first = _spread(left, right, width)
    second = Text(f" {_tell_analysis(scene, width)}", style="dim", no_wrap=True, overflow="ellipsis")
    if scene.plans and width - second.cell_len >= 10:
        second.append(f" · {_clean(', '.join(scene.plans))}")
    second.truncate(width, overflow="ellipsis")
    return Group(first, second)


def _tell_analysis(scene: Scene, width: int) -> str:
    """The bands and the frames; a long specification is cut, so that the resolution is seen."""
    hop_ms = f" ({scene.hop_length / scene.fs_hz * 1e3:.3g} ms)" if width >= BOTH_FROM_WIDTH else ""
    frames = (
        f" · {len(scene.band_labels)} bands · "
        f"N {scene.window_length} ({scene.window_length / scene.fs_hz * 1e3:.3g} ms) · "
        f"hop {scene.hop_length}{hop_ms} · {_clean(scene.window)} · ENBW {scene.enbw_hz:.3g} Hz"
    )
    spec = _clean(scene.bands)
    return _fit(spec, min(cell_len(spec), max(8, width - 1 - cell_len(frames)))) + frames


def _tell_time(snapshot: Snapshot | None, width: int) -> str:
    """Stream time, and local time beside it where there is room."""
    if snapshot is None:
        return ""
    seconds = int(snapshot.t_s)
    stream_time = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if snapshot.unix_s is None or width < BOTH_FROM_WIDTH:
        return stream_time
    return f"{stream_time}  {datetime.fromtimestamp(snapshot.unix_s).astimezone():%H:%M:%S}"


def _spread(left: Text, right: Text, width: int) -> Text:
    """One line with both at its ends; the right one is whole."""
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis")
    return Text.assemble(left, " " * (width - left.cell_len - right.cell_len), right)


def _make_health(state: State, height: int) -> RenderableType:
    snapshot, scene = state.snapshot, state.scene
    if snapshot is None:
        return Panel(Text("no figures yet", "dim"), title="health", height=height, border_style="dim")
    lines: list[tuple[str, str, str]] = []  # name, value, style

    def tell(name: str, value: str, style: str = "") -> None:
        lines.append((name, value, style))

    channel = state.view.channel
    if channel < len(snapshot.input_rms_dbfs):
        unit = _unit(state.scene)
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
    floor_dbfs, width = state.view.floor_dbfs, HEALTH_WIDTH - 4
    per_db = 1 / (state.view.ceiling_dbfs - floor_dbfs)
    bar = _small_bar((rms_dbfs - floor_dbfs) * per_db, width)
    mark = max(0, min(width - 1, int((peak_dbfs - floor_dbfs) * per_db * width)))
    return f"{bar[:mark]}│{bar[mark + 1 :]}" if bar[mark] == "·" else bar


def _small_bar(fraction: float, width: int) -> str:
    full, part = divmod(round(max(0.0, min(1.0, fraction)) * width * 8), 8)
    return ("█" * full + (PARTS_OF_A_CELL[part] if part else "")).ljust(width, "·")


def _make_events(state: State, width: int, height: int) -> RenderableType:
    picture, scene = state.shown, state.scene
    title = f"events ({picture.events_seen})" + (f" → {_clean(scene.output)}" if scene.output else "")
    newest = list(picture.events)[::-1][: height - 2]
    inner = width - 4
    body: RenderableType
    if newest:
        body = Text("\n", no_wrap=True).join(_make_event_line(event, scene, inner) for event in newest)
    else:
        body = Text("nothing heard yet", "dim")
    digits = "".join(picture.digits)
    return Panel(
        body,
        title=title,
        title_align="left",
        subtitle=f"dtmf {_clean(digits)}" if digits else None,
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
    unit = _unit(scene)
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
        (f"{_clean(event.time):<13}", "dim"),
        (f"{_clean(event.type):<7} ", "cyan"),
        (_clean(event.label), "bold"),
    )
    # The figures stand beside the label, not at the far end of a wide screen.
    return _spread(left, right, min(width, 92))


def _tell_status(state: State) -> str:
    if state.silent_s:
        return f"no word from the main process for {state.silent_s:.0f} s; Ctrl-C ends the run"
    return state.snapshot.status if state.snapshot else "starting"


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


def _make_key_line(state: State, width: int) -> RenderableType:
    status = _tell_status(state)
    line = Text(" ", no_wrap=True)
    if status:
        line.append(f"▲ {_clean(status)}", "bold yellow")
        line.append("  ")
    elif state.note:
        line.append(_clean(state.note), "bold cyan")
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


def _make_help() -> RenderableType:
    text = Text("\n").join(Text.assemble((f"{key:<10}", "bold"), meaning) for key, meaning in HELP)
    return Panel(text, title="keys", title_align="left", border_style="dim")


# The smallest screen.


def _render_meter(state: State, width: int, height: int, depth: Depth) -> Screen:
    """The loudest band on one line, and what is wrong on the next if there is one."""
    snapshot, view, levels = state.snapshot, state.view, state.shown.level_dbfs
    status = _tell_status(state)
    dropped = snapshot.dropped_samples if snapshot else 0
    if levels is None:
        first = _fit(_clean(status), width)
    else:
        band = int(levels[view.channel].argmax())
        level_dbfs = float(levels[view.channel, band])
        name = _clean(state.scene.band_labels[band])
        name = _fit(name, min(8, cell_len(name)))
        number = f"{level_dbfs + state.scene.offset_db:6.1f} {_unit(state.scene)}"
        number += f" {dropped:,} dropped" if dropped else ""
        cells = width - cell_len(name) - cell_len(number) - 2
        first = _fit(f"{name} {number}", width)
        if cells > 0:
            span_db = view.ceiling_dbfs - view.floor_dbfs
            full = int(max(0.0, min(1.0, (level_dbfs - view.floor_dbfs) / span_db)) * cells)
            bar = make_bar_colours(cells, depth).full[full]
            first = f"{name} {bar}{RESET}{' ' * (cells - full)} {number}"
    second = _fit(_clean(status) if levels is not None else "", width)
    rows = [first, second, *[" " * width] * height][:height]
    return Screen(width, height, {"meter": Region(0, 0, width, tuple(row + RESET for row in rows))})


def save_screenshot(screen: Screen, path: str, title: str = "streamer") -> None:
    """Write the screen as an SVG picture."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=screen.width,
        force_terminal=True,
        legacy_windows=False,
        _environ={},
    )
    console.print(screen, no_wrap=True, crop=True)
    console.save_svg(path, title=title)
