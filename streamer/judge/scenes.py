"""What is sent: strokes of tones with what a listener must say of them, and their samples at any rate, pitch and pace.

Nothing here comes from streamer's own generator: the judge and the judged share no line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamer.judge.heard import Samples

FS_HZ = 8000.0
SAME_BAUD, SAME_MARK_HZ, SAME_SPACE_HZ = 520.8333, 2083.333, 1562.5  # 47 CFR 11.31


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """Tones that begin and end together. dbs: of each tone, over the level of the scene."""

    start_s: float
    duration_s: float
    freqs_hz: tuple[float, ...]
    dbs: tuple[float, ...] = ()
    am_hz: float = 0.0
    am_depth: float = 0.0
    turn_every_s: float = 0.0  # 180 degrees of phase, again and again
    bits: str = ""  # of an FSK signal, mark 1, whose freqs_hz are mark and space

    @property
    def stop_s(self) -> float:
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What must be said, of which part of a scene."""

    label: str
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    strokes: tuple[Stroke, ...]
    items: tuple[Item, ...] = ()
    duration_s: float

    def at_pace(self, speed: float) -> Scene:
        """All times shorter by so much; the pitch stays."""

        def faster(part: Stroke) -> Stroke:
            return replace(part, start_s=part.start_s / speed, duration_s=part.duration_s / speed)

        items = (replace(i, start_s=i.start_s / speed, stop_s=i.stop_s / speed) for i in self.items)
        return Scene(
            strokes=tuple(map(faster, self.strokes)), items=tuple(items), duration_s=self.duration_s / speed
        )

    def at_pitch(self, ratio: float, plus_hz: float = 0.0) -> Scene:
        """All frequencies higher by so much; an FSK signal's too."""

        def higher(part: Stroke) -> Stroke:
            return replace(part, freqs_hz=tuple(hz * ratio + plus_hz for hz in part.freqs_hz))

        return replace(self, strokes=tuple(map(higher, self.strokes)))


def scene(
    rng: np.random.Generator,
    parts: Iterable[tuple[Sequence[float], float] | Stroke],
    label: str = "",
    *,
    tail_s: float = 0.6,
) -> Scene:
    """Parts one after the other, (freqs_hz, ms) each, none of them for silence, after 0.3 to 0.5 s of nothing."""
    at_s = rng.uniform(0.3, 0.5)
    strokes: list[Stroke] = []
    for part in parts:
        if isinstance(part, Stroke):
            strokes.append(replace(part, start_s=at_s))
            at_s += part.duration_s
            continue
        freqs_hz, ms = part
        if freqs_hz:
            strokes.append(Stroke(start_s=at_s, duration_s=ms / 1e3, freqs_hz=tuple(freqs_hz)))
        at_s += ms / 1e3
    items: tuple[Item, ...] = ()
    if label:
        items = (Item(label=label, start_s=strokes[0].start_s, stop_s=strokes[-1].stop_s),)
    return Scene(strokes=tuple(strokes), items=items, duration_s=at_s + tail_s)


def join(scenes: Iterable[Scene]) -> Scene:
    """One after the other."""
    strokes: list[Stroke] = []
    items: list[Item] = []
    at_s = 0.0
    for each in scenes:
        strokes += (replace(part, start_s=part.start_s + at_s) for part in each.strokes)
        items += (replace(i, start_s=i.start_s + at_s, stop_s=i.stop_s + at_s) for i in each.items)
        at_s += each.duration_s
    return Scene(strokes=tuple(strokes), items=tuple(items), duration_s=at_s)


def with_dbs(scene: Scene, *dbs: float) -> Scene:
    """Every stroke with its tones at these levels."""
    return replace(scene, strokes=tuple(replace(part, dbs=dbs) for part in scene.strokes))


def render(scene: Scene, rng: np.random.Generator, *, dbfs: float = -20.0, fs_hz: float = FS_HZ) -> Samples:
    """dbfs: of each tone whose stroke says nothing else."""
    samples = np.zeros(round(scene.duration_s * fs_hz))
    for part in scene.strokes:
        start, stop = round(part.start_s * fs_hz), min(round(part.stop_s * fs_hz), samples.size)
        t = np.arange(start, stop) / fs_hz - part.start_s
        if part.bits:
            samples[start:stop] += 10 ** (dbfs / 20) * _render_bits(part, t, fs_hz)
            continue
        wave = np.zeros(t.size)
        for hz, db in zip(part.freqs_hz, part.dbs or (0.0,) * len(part.freqs_hz), strict=True):
            wave += 10 ** ((dbfs + db) / 20) * np.sin(2 * np.pi * hz * t + rng.uniform(0, 2 * np.pi))
        if part.am_hz:
            wave *= 1 + part.am_depth * np.sin(2 * np.pi * part.am_hz * t)
        if part.turn_every_s:
            wave *= 1 - 2 * (np.floor(t / part.turn_every_s) % 2)
        samples[start:stop] += wave
    return samples


def _render_bits(part: Stroke, t: Samples, fs_hz: float) -> Samples:
    mark_hz, space_hz = part.freqs_hz
    which = np.minimum((t / part.duration_s * len(part.bits)).astype(int), len(part.bits) - 1)
    hz = np.where(np.frombuffer(part.bits.encode(), np.uint8)[which] == ord("1"), mark_hz, space_hz)
    return np.asarray(np.sin(2 * np.pi * np.cumsum(hz) / fs_hz))


def same_bits(text: str) -> str:
    """A SAME burst: 16 bytes of 0xAB and the text, each byte's lowest bit first."""
    return "".join(f"{byte:08b}"[::-1] for byte in b"\xab" * 16 + text.encode())


def same_burst(text: str, start_s: float = 0.0) -> Stroke:
    bits = same_bits(text)
    return Stroke(
        start_s=start_s, duration_s=len(bits) / SAME_BAUD, freqs_hz=(SAME_MARK_HZ, SAME_SPACE_HZ), bits=bits
    )


def pick(rng: np.random.Generator, choices: Sequence[str], n: int) -> list[str]:
    return [str(each) for each in rng.choice(list(choices), n)]
