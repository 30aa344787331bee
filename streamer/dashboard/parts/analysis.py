"""What is measured and how: bands, frames, and what is listened for."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import format_ms
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.messages import Scene
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen

LEAST_NAMES = 16  # cells of a list of names that is cut
PARTED = " · "


def draw(canvas: Canvas, seen: Seen) -> None:
    """As many parts as there is room for; only lists of names are cut."""
    x = canvas.put(0, 0, fit(clean(seen.state.scene.bands), canvas.width), Role.DIM)
    for part, is_cut in _list_parts(seen.state.scene):
        room = canvas.width - x - len(PARTED)
        if cell_len(part) > room and (not is_cut or room < LEAST_NAMES):
            return
        x = canvas.put(x, 0, PARTED + fit(part, room), Role.DIM)


def _list_parts(scene: Scene) -> Iterator[tuple[str, bool]]:
    """What there is to say beside the bands' specification, and whether it is a list of names."""
    lengths = sorted({scene.shortest_window or scene.window_length, scene.window_length})
    in_ms = "-".join(format_ms(n / scene.fs_hz * 1e3).removesuffix(" ms") for n in lengths)
    yield f"{len(scene.band_labels)} bands", False
    yield f"N {'-'.join(map(str, lengths))} ({in_ms} ms)", False
    yield f"hop {scene.hop_length} ({format_ms(scene.hop_length / scene.fs_hz * 1e3)})", False
    yield clean(scene.window), False
    if scene.enbw_hz is not None:
        yield f"ENBW {scene.enbw_hz:.3g} Hz", False
    if scene.seen_share < 1 - 1e-6:
        yield f"sees {max(1, round(scene.seen_share * 100))} %", False
    if scene.plans:
        yield f"listening: {clean(', '.join(scene.plans))}", True
    if scene.output:
        yield f"→ {clean(scene.output)}", True


def wish(facts: Facts) -> Wish | None:
    if facts.view != "auto" or facts.is_history:
        return None
    return Wish(least=1, good=1, most=1, from_height=20)


PART = Part("analysis", 2, draw, wish)
