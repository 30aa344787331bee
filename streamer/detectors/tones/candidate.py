"""One tone from the frame that opened it until it is over: when it is on, to a fraction of a millisecond."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_power
from streamer.detectors.hearing.baseband import HOPS_PER_TAPER, Baseband, find_crossings
from streamer.detectors.hearing.bursts import find_pieces, find_plateau
from streamer.detectors.limits import deviation_hz
from streamer.detectors.tones.company import Look
from streamer.detectors.tones.figures import Figures
from streamer.detectors.tones.modulation import bring_to_rest, swells, turns
from streamer.detectors.tones.spec import ToneSpec

CLEAR_SNR = 40.0  # 16 dB: behind a taper this clear, noise alone reaches half a tone's amplitude once in 20,000 frames
LEVEL_MS = 200.0  # how fast the level that "half" is half of follows a fade
LEAST_HZ = (
    15.0  # beside its tolerance, a line is looked for this far: what lies beyond is measured and refused
)
MOST_LOOKS = 64
MODULATED_FRAMES = 200
CLOSE_ROUNDS = 3  # of looking for the edges of tones together: once as they are, then without each other's


class Candidate:
    """When a tone is on, in frames of the baseband, which has been cleared to where it may begin.

    It is on where it has half the amplitude that it has around then, and a break shorter than min_off is none.
    """

    def __init__(
        self, spec: ToneSpec, baseband: Baseband, *, first_frame: int, floor_frame: float, frame_samples: int
    ) -> None:
        """first_frame: of the levels   floor_frame: of the baseband, before which it does not begin
        frame_samples: of the levels
        """
        self._baseband, self._spec = baseband, spec
        self.first_frame = self.last_frame = first_frame
        self._floor = floor_frame
        self._longest = frame_samples / baseband.hop_samples
        self._min_off = spec.min_off_ms * baseband.fs_hz / 1e3 / baseband.hop_samples
        self.start: float | None = None  # None: not settled yet
        self.off: float | None = None  # where it stopped; None: it is on
        self.seen_until = 0.0  # when it was settled: not looked at closely
        self.scanned = 0  # until this frame it is known whether it is on
        self.levels: NDArray[np.float64] = np.zeros(len(spec.freqs_hz))  # amplitudes, of lately
        self.first_levels = self.levels
        self.figures = Figures(
            baseband,
            within_hz=tuple(1.2 * deviation_hz(spec.tolerance, hz) + LEAST_HZ for hz in spec.freqs_hz),
        )
        self._freqs_hz: NDArray[np.float64] = np.array(spec.freqs_hz)
        self._reaches: tuple[int, ...] = (0,)
        self.number = 0  # once begun
        self.label = spec.name
        self._sure_until = 0.0
        self.reason: str | None = None  # that it is none, when last asked
        self._noise_sums, self._noise_frames = np.zeros(len(spec.freqs_hz)), 0
        self._looks: list[Look] = []

    @property
    def on_until(self) -> float:
        """How long it is known to have lasted."""
        return self.off if self.off is not None else float(self.scanned)

    @property
    def start_sample(self) -> float:
        return self._baseband.sample_at(self.start or 0.0)

    @property
    def stop_sample(self) -> float:
        return self._baseband.sample_at(self.on_until)

    @property
    def duration_samples(self) -> float:
        """How long it is known to have lasted; 0 before it is settled."""
        return self.stop_sample - self.start_sample if self.start is not None else 0.0

    @property
    def duration_ms(self) -> float:
        return self.duration_samples * 1e3 / self._baseband.fs_hz

    def read_figures(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(tones,) hertz and mean squares of its plateau so far."""
        assert self.start is not None
        return self.figures.read(self.start, self.on_until)

    def is_over(self) -> bool:
        return self.off is not None and self.scanned - self.off >= self._min_off

    def look(self, look: Look) -> None:
        self._looks.append(look)
        if len(self._looks) >= MOST_LOOKS:
            del self._looks[::2]

    def _full_looks(self) -> list[Look]:
        """Those at frames that are full of it."""
        strongest = max((look.power for look in self._looks), default=0.0)
        return [look for look in self._looks if look.power >= 0.5 * strongest]

    @property
    def suits(self) -> bool:
        """Whether most of it stands in fit company."""
        looks = self._full_looks()
        return 2 * sum(look.suits for look in looks) >= len(looks)

    @property
    def is_beside(self) -> bool:
        """Whether there is more than now and then something as loud beside it."""
        looks = self._full_looks()
        return 4 * sum(look.is_beside for look in looks) > len(looks)

    def add_noise(self, noise: NDArray[np.float64]) -> None:
        """(tones,) of a frame of the levels that lies in its plateau as a whole."""
        self._noise_sums = self._noise_sums + noise
        self._noise_frames += 1

    @property
    def noise(self) -> NDArray[np.float64] | None:
        """(tones,) the mean over such frames, if there were any."""
        return self._noise_sums / self._noise_frames if self._noise_frames else None

    @property
    def noise_around(self) -> NDArray[np.float64]:
        noises = [look.noise for look in self._full_looks()]
        return np.asarray(np.min(noises, axis=0)) if noises else np.zeros(len(self._spec.freqs_hz))

    def measure_again_ms(self) -> float:
        """How long it lasts by the level it has as a whole: noise, which goes on fading, lasts less.

        To the frame, and one more on either side, so that no tone is shorter by this.
        """
        assert self.start is not None
        first = max(math.ceil(self.start), self._baseband.first_frame + self._reaches[0])
        stop = math.floor(self.on_until) + 1
        envelopes = self._baseband.amplitudes(first, stop, self._freqs_hz, self._reaches[0])
        least = (envelopes / np.maximum(find_plateau(envelopes), 1e-12)[:, np.newaxis]).min(axis=0)
        on = np.flatnonzero(least >= 0.5)
        if not on.size:
            return 0.0
        before = first - self.start if on[0] <= 1 else 0.0
        n_frames = float(on[-1] - on[0]) + 3.0 + before
        return n_frames * self._baseband.hop_samples * 1e3 / self._baseband.fs_hz

    def settle(
        self, *, freqs_hz: NDArray[np.float64], snr: float, led: tuple[float, float], may_wait: bool
    ) -> bool | None:
        """Find where it starts; False: there is nothing that does, None: it has only just started.

        freqs_hz: (tones,) as the levels have them   snr: in a frame of the levels
        led: between these frames of the baseband it was seen
        """
        self._freqs_hz = freqs_hz
        self._reaches = self._choose_reaches(snr)
        reach = self._reaches[0]
        first = math.ceil(max(self._floor, self._baseband.first_frame + reach))
        stop = self._baseband.stop_frame - reach
        if stop - first < 2:
            return False
        envelopes = self._baseband.amplitudes(first, stop, freqs_hz, reach)
        at, end = (min(max(math.floor(x) - first, 0), stop - first - 1) for x in led)
        end = max(at, end)
        self.levels = np.maximum(find_plateau(envelopes[:, at : end + 1]), 1e-12)
        least = (envelopes / self.levels[:, np.newaxis]).min(axis=0)
        pieces = [piece for piece in find_pieces(least, 0.5) if piece[0] <= end]
        if not pieces:
            return False
        begin, inner = pieces[-1]
        for earlier_begin, earlier_stop in reversed(pieces[:-1]):
            if begin - earlier_stop >= self._min_off:
                break
            begin, inner = earlier_begin, earlier_stop
        if may_wait and inner == stop - first and inner - begin < self._longest:
            return None
        self.start = float(first)
        if begin > 0:
            before, after = (float(least[i]) for i in (begin - 1, begin))
            near = first + begin - 1 + (0.5 - before) / (after - before)
            edge = self._find_edge(near, inner_frame=float(first + inner), rises=True)
            self.start = max(edge, self._floor)
        self.first_levels = self.levels
        self.scanned = first + begin + 1
        self._sure_until = self.start
        self.seen_until = float(first + inner)
        self.figures.begin(self.start)
        return True

    def scan(self) -> None:
        """Follow it through what was added to the baseband, until it is over."""
        first, stop = self.scanned, self._baseband.stop_frame - self._reaches[0]
        if self.start is None or stop <= first or self.is_over():
            return
        envelopes = self._baseband.amplitudes(first, stop, self._freqs_hz, self._reaches[0])
        least = (envelopes / self.levels[:, np.newaxis]).min(axis=0)
        is_on = least >= 0.5
        was_on = np.concatenate([[self.off is None], is_on[:-1]])
        for i in np.flatnonzero(is_on != was_on).tolist():
            before = float(least[i - 1]) if i else float(least[i])
            step = float(least[i]) - before
            self._turn(first + i - ((float(least[i]) - 0.5) / step if step else 0.0), rises=bool(is_on[i]))
            if self.is_over():
                self.scanned = max(self.scanned, first + i)
                return
        self._follow_level(envelopes[:, is_on])
        self.scanned = stop
        if self.off is None:
            self.figures.follow(float(stop))

    def _turn(self, near_frame: float, *, rises: bool) -> None:
        """It goes off, or on again: then either the break was short, or it is over."""
        assert self.start is not None
        if not rises:
            edge = self._find_edge(near_frame, inner_frame=self.start, rises=False)
            self.off = max(edge, self._sure_until)
            self.figures.stop(self.off)
        elif self.off is not None:
            on = self._find_edge(near_frame, inner_frame=float(self._baseband.stop_frame), rises=True)
            self.scanned = math.floor(on)
            if not self.is_over():
                self.off = None
                self.figures.begin(on)

    def begin(self, number: int) -> None:
        """It has been told: what was said of its length holds."""
        self.number = number
        self._sure_until = self.on_until
        if self._spec.modulated and self._is_modulated():
            self.label = self._spec.modulated

    def _is_modulated(self) -> bool:
        """By all of it that there is so far."""
        assert self.start is not None
        frame_s = self._baseband.hop_samples / self._baseband.fs_hz
        margin = self.figures.margin_frames
        (values,) = self._baseband.part(
            math.ceil(self.start + margin), math.floor(self.on_until - margin) + 1
        )
        if values.size < MODULATED_FRAMES:
            return False
        rest = bring_to_rest(values, frame_s)
        turn_every_ms, swell_hz = self._spec.turn_every_ms, self._spec.swell_hz
        return (turn_every_ms is not None and turns(rest, frame_s, every_s=turn_every_ms / 1e3)) or (
            swell_hz is not None and swells(rest, frame_s, at_hz=swell_hz)
        )

    def pass_turns(self) -> None:
        """To all but short tapers the last turn of its phase may be its end, or hide it: ask the shortest."""
        if self.off is None or self._spec.turn_every_ms is None:
            return
        reach = self._reaches[-1]
        width = HOPS_PER_TAPER + 2 * reach  # so long it is away in a turn
        first = max(math.ceil(self.off - self._longest), self._baseband.first_frame + reach)
        stop = min(math.floor(self.off + self._min_off), self._baseband.stop_frame - reach)
        if stop - first < 2:
            return
        envelope = self._baseband.amplitudes(first, stop, self._freqs_hz, reach)[0]
        half = 0.5 * float(self.levels[0])
        off = self.off
        ends = [first + end for end in _find_ends(envelope, half, longest_break=width)]
        end = min(ends, key=lambda end: abs(end - off), default=off)
        if abs(end - off) > width / 4:
            self.off = max(end, self._sure_until)

    def fade_db(self) -> float:
        """How much fainter its faintest third is than its loudest: of the tone that fades most."""
        assert self.start is not None
        reach = self._reaches[0]
        margin = reach + HOPS_PER_TAPER // 2
        first = max(math.ceil(self.start + margin), self._baseband.first_frame + reach)
        n_frames = (math.floor(self.on_until - margin) - first) // 3 * 3
        if n_frames <= 0:
            return 0.0
        envelopes = self._baseband.amplitudes(first, first + n_frames, self._freqs_hz, reach)
        return _spread_of_thirds_db(envelopes)

    def stop_at(self, frame: float) -> None:
        """It was last heard there, whatever still sounds."""
        if self.off is None:
            self.off = max(frame, self._sure_until)
            self.figures.stop(self.off)

    @property
    def _may_fade(self) -> bool:
        """Whether it will be asked how much it fades: not if it is too long."""
        max_on_ms = self._spec.max_on_ms
        return self._spec.max_fade_db is not None and max_on_ms is not None and self.duration_ms <= max_on_ms

    def forget(self) -> None:
        """Let go of what will not be asked again."""
        kept = self._reaches[0] * 3 + LEVEL_MS * self._baseband.fs_hz / 1e3 / self._baseband.hop_samples
        needed = self.scanned - math.ceil(kept) - HOPS_PER_TAPER
        if self.off is None:
            needed = min(needed, self.figures.needs_from_frame)
        if not self.number and self.start is not None and (self._spec.modulated or self._may_fade):
            needed = min(needed, math.floor(self.start))
        self._baseband.forget(needed)

    def _find_edge(self, near_frame: float, *, inner_frame: float, rises: bool) -> float:
        """All tones are there from the last one's start to the first one's stop."""
        tones = range(len(self._spec.freqs_hz))
        edges: list[float] = []
        for each_round in range(CLOSE_ROUNDS if len(tones) > 1 else 1):
            for tone in tones:
                others = edges if each_round else []
                edge = self._clear_of_others(tone, others, inner_frame, rises=rises).edge(
                    near_frame,
                    rises=rises,
                    tone=tone,
                    freqs_hz=self._freqs_hz,
                    inner_frame=inner_frame,
                    reaches=self._reaches,
                )
                edges[tone : tone + 1] = [edge]
        return max(edges) if rises else min(edges)

    def _clear_of_others(self, tone: int, edges: list[float], inner_frame: float, *, rises: bool) -> Baseband:
        """The baseband without what the steps of the other tones, at these edges, do to a tone."""
        baseband = self._baseband
        for other, edge in enumerate(edges):
            if other != tone:
                baseband = baseband.without_step(
                    other,
                    edge,
                    rises=rises,
                    inner_frame=inner_frame,
                    freq_hz=float(self._freqs_hz[other]),
                    reach=self._reaches[0],
                )
        return baseband

    def _choose_reaches(self, snr: float) -> tuple[int, ...]:
        """The longest taper still shows breaks of min_off, the shortest is clear of the noise."""
        clear = self._longest * min(CLEAR_SNR / snr, 1.0)
        length = max(min(self._longest, self._min_off), clear)
        reaches = []
        while length >= max(clear, 1.5 * HOPS_PER_TAPER):
            reaches.append(round(length / 2))
            length /= 2
        if clear <= HOPS_PER_TAPER or not reaches:
            reaches.append(0)
        return tuple(reaches)

    def _follow_level(self, envelopes: NDArray[np.float64]) -> None:
        n_frames = envelopes.shape[1]
        if n_frames:
            tau = LEVEL_MS * self._baseband.fs_hz / 1e3 / self._baseband.hop_samples
            share = 1 - math.exp(-n_frames / tau)
            self.levels = self.levels + share * (np.median(envelopes, axis=1) - self.levels)


def _find_ends(envelope: NDArray[np.float64], level: float, *, longest_break: int) -> list[float]:
    """Where it falls below a level and is not back within so many frames, in frames from its first."""
    starts = [start for start, _ in find_pieces(envelope, level)]
    return [
        falls
        for falls in find_crossings(envelope, level, rises=False)
        if not any(falls < start <= falls + longest_break for start in starts)
    ]


def _spread_of_thirds_db(envelopes: NDArray[np.float64]) -> float:
    """envelopes: (tones, frames), a multiple of 3 of them   Medians, whatever a lost packet has cut."""
    thirds = np.median(envelopes.reshape(len(envelopes), 3, -1), axis=2)
    ratios = thirds.max(axis=1) / np.maximum(thirds.min(axis=1), 1e-12)
    return 2 * db_from_power(float(ratios.max()))
