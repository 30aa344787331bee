"""State -> screen. render() draws from its arguments and reads nothing else.

Bars and waterfall are drawn anew each time, the panels seldom. A screen is a set of regions, so that only rows
that changed are written.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console

from streamer.dashboard.bars import NUMBER_WIDTH, Rows, make_bars, make_numbers, make_waterfall
from streamer.dashboard.canvas import DIM, RESET, SGR, Region, Screen, clean, fit, tell_unit
from streamer.dashboard.palette import Depth, make_bar_colours, make_ramp
from streamer.dashboard.panels import (
    HEALTH_WIDTH,
    draw,
    make_events,
    make_header,
    make_health,
    make_help,
    make_key_line,
)
from streamer.dashboard.state import State

SMALLEST_WIDTH, SMALLEST_HEIGHT = 60, 15  # below, one line has to do
BOTH_FROM_WIDTH = 100
PANELS: tuple[str, ...] = ("header", "health", "events", "keys")  # what rich draws


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
        regions["header"] = Region(0, 0, width, draw(make_header(state, width), width, 2, depth))
        regions["health"] = Region(
            width - HEALTH_WIDTH,
            2,
            HEALTH_WIDTH,
            draw(make_health(state, layout.main_height), HEALTH_WIDTH, layout.main_height, depth),
        )
        regions["events"] = Region(
            0,
            2 + layout.main_height,
            width,
            draw(make_events(state, width, layout.events_height), width, layout.events_height, depth),
        )
        regions["keys"] = Region(0, height - 1, width, draw(make_key_line(state, width), width, 1, depth))
    if state.choices.help:
        shape = (layout.left_width, layout.main_height)
        regions["help"] = Region(0, 2, layout.left_width, draw(make_help(), *shape, depth))
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
        show = state.choices.show
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


def _render_bands(state: State, layout: _Layout, depth: Depth) -> dict[str, Region]:
    scene, choices = state.scene, state.choices
    rows = Rows.share(len(scene.band_labels), layout.band_rows, min(choices.page, layout.pages))
    labels = rows.labels(scene.band_labels)
    label_width = cell_len(labels[0])
    numbers = make_numbers(state, rows)
    regions = {}
    if layout.bars_width:
        inner = layout.bars_width - 2
        lines = make_bars(
            state,
            rows,
            labels=labels,
            numbers=numbers,
            width=inner - label_width - NUMBER_WIDTH - 2,
            depth=depth,
        )
        title = f"bands · {tell_unit(state.scene)}" + (" · peaks held" if choices.hold_peaks else "")
        title += _tell_pages(state, layout, rows)
        regions["bars"] = Region(
            0, 2, layout.bars_width, _frame(lines, title, "", layout.bars_width, layout.main_height)
        )
    if layout.waterfall_width:
        inner = layout.waterfall_width - 2
        alone = not layout.bars_width
        cells = inner - (label_width + NUMBER_WIDTH + 2 if alone else 0)
        lines, span_s = make_waterfall(state, rows, cells, depth)
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
            f"{choices.floor_dbfs + offset_db:.0f} {make_ramp(depth)}{RESET}{DIM} "
            f"{choices.ceiling_dbfs + offset_db:.0f} {tell_unit(state.scene)}"
        )
        regions["waterfall"] = Region(
            layout.bars_width,
            2,
            layout.waterfall_width,
            _frame(lines, title, ramp, layout.waterfall_width, layout.main_height),
        )
    return regions


def _tell_pages(state: State, layout: _Layout, rows: Rows) -> str:
    if state.choices.page:
        return f" · page {min(state.choices.page, layout.pages)}/{layout.pages}"
    return f" · {len(state.scene.band_labels)} bands, loudest per row" if rows.pooled else ""


def _frame(lines: list[str], title: str, footer: str, width: int, height: int) -> tuple[str, ...]:
    """Lines in a border. The title and the footer stand in it."""
    title = fit(title, min(cell_len(title), width - 6))
    top = f"{DIM}╭─ {RESET}{title}{DIM} {'─' * (width - 5 - cell_len(title))}╮{RESET}"
    footer_length = cell_len(SGR.sub("", footer))
    if footer and footer_length <= width - 6:
        bottom = f"{DIM}╰{'─' * (width - 5 - footer_length)} {footer}{RESET}{DIM} ─╯{RESET}"
    else:
        bottom = f"{DIM}╰{'─' * (width - 2)}╯{RESET}"
    blank = " " * (width - 2)
    inner = [*lines, *[blank] * (height - 2 - len(lines))][: height - 2]
    return (top, *(f"{DIM}│{RESET}{line}{RESET}{DIM}│{RESET}" for line in inner), bottom)


def _render_meter(state: State, width: int, height: int, depth: Depth) -> Screen:
    """The loudest band on one line, and what is wrong on the next if there is one."""
    snapshot, choices, levels = state.snapshot, state.choices, state.shown.level_dbfs
    status = state.tell_status()
    dropped = snapshot.dropped_samples if snapshot else 0
    if levels is None:
        first = fit(clean(status), width)
    else:
        band = int(levels[choices.channel].argmax())
        level_dbfs = float(levels[choices.channel, band])
        name = clean(state.scene.band_labels[band])
        name = fit(name, min(8, cell_len(name)))
        number = f"{level_dbfs + state.scene.offset_db:6.1f} {tell_unit(state.scene)}"
        number += f" {dropped:,} dropped" if dropped else ""
        cells = width - cell_len(name) - cell_len(number) - 2
        first = fit(f"{name} {number}", width)
        if cells > 0:
            span_db = choices.ceiling_dbfs - choices.floor_dbfs
            full = int(max(0.0, min(1.0, (level_dbfs - choices.floor_dbfs) / span_db)) * cells)
            bar = make_bar_colours(cells, depth).full[full]
            first = f"{name} {bar}{RESET}{' ' * (cells - full)} {number}"
    second = fit(clean(status) if levels is not None else "", width)
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
