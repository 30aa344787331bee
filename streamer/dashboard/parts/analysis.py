"""What is measured and how: bands, frames, and what is listened for."""

from __future__ import annotations

from streamer.dashboard.canvas import Canvas, clean, fit
from streamer.dashboard.figures import format_ms
from streamer.dashboard.layout import Facts, Wish
from streamer.dashboard.messages import Scene
from streamer.dashboard.palette import Role
from streamer.dashboard.parts.part import Part, Seen

LEAST_SPEC = 8


def draw(canvas: Canvas, seen: Seen) -> None:
    frames = _tell_frames(seen.state.scene)
    spec = fit(clean(seen.state.scene.bands), max(LEAST_SPEC, canvas.width - len(frames)))
    canvas.put(0, 0, fit(spec + frames, canvas.width), Role.DIM)


def _tell_frames(scene: Scene) -> str:
    lengths = sorted({scene.shortest_window or scene.window_length, scene.window_length})
    in_ms = "-".join(format_ms(n / scene.fs_hz * 1e3).removesuffix(" ms") for n in lengths)
    parts = [
        "",
        f"{len(scene.band_labels)} bands",
        f"N {'-'.join(map(str, lengths))} ({in_ms} ms)",
        f"hop {scene.hop_length} ({format_ms(scene.hop_length / scene.fs_hz * 1e3)})",
        clean(scene.window),
    ]
    if scene.enbw_hz is not None:
        parts.append(f"ENBW {scene.enbw_hz:.3g} Hz")
    if scene.seen_share < 1 - 1e-6:
        parts.append(f"sees {max(1, round(scene.seen_share * 100))} %")
    if scene.plans:
        parts.append(f"listening: {clean(', '.join(scene.plans))}")
    if scene.output:
        parts.append(f"→ {clean(scene.output)}")
    return " · ".join(parts)


def wish(facts: Facts) -> Wish | None:
    if facts.view != "auto" or facts.is_history:
        return None
    return Wish(least=1, good=1, most=1, from_height=20)


PART = Part("analysis", 2, draw, wish)
