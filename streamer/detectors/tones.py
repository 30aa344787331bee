"""One or several simultaneous steady tones, on and off with hysteresis."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank, Levels
from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.fields import FREQS
from streamer.detectors import Audio, Detector
from streamer.detectors.hearing.bursts import Trail, falling_edge, find_pieces, find_plateau, rising_edge
from streamer.detectors.limits import REMEDY, format_ms, label_tones, list_too_high, list_unparted
from streamer.detectors.registry import Kind
from streamer.events import Event

GUARDS_BINS = (2.0, 3.5, 5.0, 6.5)  # beyond the outermost probe; Hann's main lobe ends 2 bins from its centre
LONGEST_WINDOW_MS = 200.0
FRAMES_PER_WINDOW = 8
RUN_FRAMES = 1024
LEAST_STAY = 0.7  # of its frames, for a tone to begin
FADED = 0.1  # of its running power: what is left then is something else
LEAST_NOISE = 1e-14  # of float32 sums of full-scale signals; no SNR is claimed beyond it


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneSpec:
    """All of freqs_hz at once, or nothing.

    SNR is a tone's power over the noise power in the same noise bandwidth (of the analysis window); the noise
    is the median of guard bands beside the tone, so one neighbouring tone does not raise it.
    """

    name: str
    freqs_hz: tuple[float, ...] = field(metadata=FREQS)
    tolerance: float = 0.015  # a ratio: each measured frequency must lie within freq * (1 +- tolerance)
    open_snr_db: float = 8.0
    close_snr_db: float = 4.0
    min_on_ms: float = 100.0  # shorter tones are not reported
    min_off_ms: float = 100.0  # shorter breaks do not end a tone
    min_level_dbfs: float = -80.0  # per tone
    max_twist_db: float = 12.0  # between the strongest and the weakest of several tones
    window_ms: float | None = None  # None: as long as min_on_ms and the tolerance allow

    def __post_init__(self) -> None:
        me = f'tone "{self.name}"'
        if not self.freqs_hz:
            raise SpecError(f"{me} has no freqs_hz; it needs at least one frequency")
        for freq_hz in self.freqs_hz:
            if not (math.isfinite(freq_hz) and freq_hz > 0):
                raise SpecError(f"{me}: freqs_hz has {freq_hz:g}; it must be above 0 Hz")
        if tuple(sorted(set(self.freqs_hz))) != self.freqs_hz:
            raise SpecError(f"{me}: freqs_hz is {self.freqs_hz}; list each frequency once, ascending")
        if not 0 < self.tolerance <= 0.2:
            raise SpecError(f"{me}: tolerance is {self.tolerance:g}; it must lie in 0..0.2 (20 %)")
        if not self.close_snr_db <= self.open_snr_db:
            raise SpecError(
                f"{me}: close_snr_db is {self.close_snr_db:g}; it must not exceed "
                f"open_snr_db, which is {self.open_snr_db:g}, or the tone would flicker"
            )
        for key in ("min_on_ms", "min_off_ms"):
            value = getattr(self, key)
            if not 5 <= value <= 600_000:
                raise SpecError(f"{me}: {key} is {value:g}; it must lie in 5..600000 ms")
        if self.window_ms is not None and not 5 <= self.window_ms <= 2000:
            raise SpecError(f"{me}: window_ms is {self.window_ms:g}; it must lie in 5..2000 ms")
        if not self.max_twist_db > 0:
            raise SpecError(f"{me}: max_twist_db is {self.max_twist_db:g}; it must be above 0 dB")

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, self.freqs_hz)

    def list_obstacles(self, fs_hz: float) -> list[str]:
        obstacles = list_too_high(self.freqs_hz, fs_hz)
        if obstacles:
            return obstacles
        if self.window_ms is not None and self.window_ms > self.min_on_ms:
            obstacles.append(
                f"min_on is {format_ms(self.min_on_ms)}, shorter than the window of {format_ms(self.window_ms)}; "
                f"raise min_on or write window_ms = {self.min_on_ms:g}"
            )
        return obstacles + list_unparted(self.freqs_hz, self.window_ms or self.min_on_ms, "min_on")


@dataclass(frozen=True, slots=True)
class _Measured:
    """One of the spec's tones in a run of frames: (frames,) each."""

    power: NDArray[np.float64]
    top: NDArray[np.float64]  # the strongest probe's power as it is: its edges are true
    freq_hz: NDArray[np.float64]
    noise: NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class _OpenTone:
    """A tone that is there, or was a moment ago."""

    first_frame: int
    last_frame: int
    sums: list[list[float]]  # of power, frequency and noise, per tone, over n_frames
    levels: list[float]  # running means of power, per tone
    n_frames: int = 0
    number: int = 0  # once begun
    start_sample: float = 0.0


class ToneDetector(Detector):
    """One ToneSpec in one channel.

    Each frequency is probed at every bin its tolerance covers and one beyond: a tone is there only if a probe
    within is the strongest, so what lies beside the tolerance does not match, however loud. Frequency and level
    follow from the two strongest probes; leakage into the guard bands holds snr_db below about 45. A tone begins
    when it has lasted min_on_ms and ends when it has been away for min_off_ms. confidence is
    1 - 10 ** (-snr_db / 20).
    """

    def __init__(self, spec: ToneSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec = spec
        self.channel = channel
        frames = _choose_frames(spec, fs_hz)
        self._bin_hz = fs_hz / frames.length_samples
        self._probes: list[slice] = []
        self._guards: list[slice] = []
        freqs_hz: list[float] = []
        for probes_hz, guards_hz in _place_bands(spec, self._bin_hz, fs_hz):
            for slices, hz in ((self._probes, probes_hz), (self._guards, guards_hz)):
                slices.append(slice(len(freqs_hz), len(freqs_hz) + len(hz)))
                freqs_hz += hz
        bank = Bank(freqs_hz=np.array(freqs_hz), spec=f"tone {spec.name}")
        self._analysis = Analysis(bank=bank, frames=frames, fs_hz=fs_hz)
        self._hop = frames.hop_samples
        self._length = frames.length_samples
        self._min_on = spec.min_on_ms * fs_hz / 1000  # samples
        self._min_off = spec.min_off_ms * fs_hz / 1000
        self._kept_frames = math.ceil((self._min_on + self._min_off + 4 * self._length) / self._hop)
        self._trail = Trail(
            2 * len(spec.freqs_hz) + 1, kept_frames=self._kept_frames, run_frames=RUN_FRAMES, dtype=np.float64
        )
        self._n_tones = 0
        self._first_frame = 0  # of the unbroken signal
        self._open: _OpenTone | None = None

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return 0

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        del audio  # the probes say enough
        events: list[Event] = []
        if not len(levels):
            return events
        if levels.first_frame != self._trail.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        for start in range(0, len(levels), RUN_FRAMES):
            events += self._feed_run(levels.power[start : start + RUN_FRAMES])
        return events

    def flush(self) -> list[Event]:
        events: list[Event] = []
        if self._open:
            newest = self._trail.stop_frame - 1
            on_to_the_end = self._open.last_frame == newest
            events += self._begin_when_due(self._open, newest)
            stop = newest * self._hop + self._length if on_to_the_end else self._find_stop(self._open, newest)
            events += self._end(self._open, newest, stop)
        self._restart(self._trail.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._first_frame = next_frame
        self._open = None

    def _feed_run(self, power: NDArray[np.float32]) -> list[Event]:
        spec = self.spec
        first = self._trail.stop_frame
        tones = [
            _measure(power[:, probes], power[:, guards], freq_hz, self._bin_hz)
            for probes, guards, freq_hz in zip(self._probes, self._guards, spec.freqs_hz, strict=True)
        ]
        weakest = np.minimum.reduce([tone.power for tone in tones])
        strongest = np.maximum.reduce([tone.power for tone in tones])
        fits = weakest * 10 ** (spec.max_twist_db / 10) >= strongest
        fits &= weakest >= 0.5 * 10 ** (spec.min_level_dbfs / 10)
        for freq_hz, tone in zip(spec.freqs_hz, tones, strict=True):
            fits &= np.abs(tone.freq_hz - freq_hz) <= freq_hz * spec.tolerance
        snr = np.minimum.reduce([tone.power / tone.noise for tone in tones])
        stays = fits & (snr >= 10 ** (spec.close_snr_db / 10))
        opens = fits & (snr >= 10 ** (spec.open_snr_db / 10))
        rows = [*(tone.top for tone in tones), *(tone.noise for tone in tones), stays]
        self._trail.append(np.stack(rows, axis=1))
        events: list[Event] = []
        if self._open is None and not opens.any():
            return events
        for i in range(len(power)):
            frame = first + i
            if self._open is None and opens[i]:
                sums = [[0.0, 0.0, 0.0] for _ in tones]
                levels = [float(tone.power[i]) for tone in tones]
                self._open = _OpenTone(first_frame=frame, last_frame=frame, sums=sums, levels=levels)
            if self._open is None:
                continue
            if stays[i]:
                self._add(self._open, frame, [(t.power[i], t.freq_hz[i], t.noise[i]) for t in tones])
            events += self._follow(self._open, frame)
        return events

    def _add(self, tone: _OpenTone, frame: int, figures: list[tuple[np.float64, ...]]) -> None:
        levels = [float(power) for power, _, _ in figures]
        if any(now < FADED * so_far for now, so_far in zip(levels, tone.levels, strict=True)):
            return
        tone.last_frame = frame
        tone.n_frames += 1
        tone.levels = [0.8 * so_far + 0.2 * now for now, so_far in zip(levels, tone.levels, strict=True)]
        for sums, values in zip(tone.sums, figures, strict=True):
            for i, value in enumerate(values):
                sums[i] += float(value)

    def _follow(self, tone: _OpenTone, frame: int) -> list[Event]:
        if frame == tone.last_frame:
            return self._begin_when_due(tone, frame)
        if (frame - tone.last_frame) * self._hop > self._min_off:
            stop = self._find_stop(tone, frame)
            if self._centre(frame) - stop >= self._min_off:
                self._open = None
                return self._begin_when_due(tone, frame) + self._end(tone, frame, stop)
        return []

    def _begin_when_due(self, tone: _OpenTone, frame: int) -> list[Event]:
        """Noise opens a single frame now and then: over its whole length a tone must keep its SNR."""
        if tone.number or (frame - tone.first_frame) * self._hop < self._min_on - self._length:
            return []
        start = self._find_start(tone, frame)
        stop = self._centre(frame) if frame == tone.last_frame else self._find_stop(tone, frame)
        if stop - start < self._min_on:
            return []
        n_tones = len(self.spec.freqs_hz)
        first, last = (math.floor((edge - self._length / 2) / self._hop) + 1 for edge in (start, stop))
        rows = self._trail.rows(
            max(first, self._first_frame, frame + 1 - self._kept_frames), min(last + 1, frame + 1)
        )
        power, noise, stays = rows[:n_tones], rows[n_tones : 2 * n_tones], rows[-1]
        snr = float(np.min(np.median(power, axis=1) / np.median(noise, axis=1)))
        if snr < 10 ** (self.spec.open_snr_db / 10) or stays.mean() < LEAST_STAY:
            return []
        self._n_tones += 1
        tone.number, tone.start_sample = self._n_tones, start
        return [self._event(tone, frame, phase="begin")]

    def _end(self, tone: _OpenTone, frame: int, stop_sample: float) -> list[Event]:
        if not tone.number:
            return []
        event = self._event(tone, frame, phase="end")
        event.duration_s = max(0.0, stop_sample - tone.start_sample) / self._analysis.fs_hz
        return [event]

    def _envelope(self, start: int, stop: int, led: slice) -> list[float]:
        """Amplitude of the tone that is least there, 1 at its plateau, in frames [start, stop)."""
        envelopes = np.sqrt(self._trail.rows(start, stop)[: len(self.spec.freqs_hz)])
        scaled = envelopes / np.maximum(find_plateau(envelopes[:, led]), 1e-12)[:, np.newaxis]
        least: list[float] = scaled.min(axis=0).tolist()
        return least

    def _find_start(self, tone: _OpenTone, frame: int) -> float:
        oldest = max(self._first_frame, frame + 1 - self._kept_frames)
        start = max(oldest, tone.first_frame - FRAMES_PER_WINDOW - 2)
        at = max(tone.first_frame, oldest) - start
        envelope = self._envelope(start, frame + 1, slice(at, tone.last_frame + 1 - start))
        pieces = find_pieces(envelope, 0.5)
        if not pieces:
            return self._centre(frame)
        first = pieces[-1][0]
        for earlier_first, earlier_stop in reversed(pieces[:-1]):
            if (first - earlier_stop) * self._hop > self._min_off:
                break
            first = earlier_first
        edge = rising_edge(envelope, first, 0.5)
        return float(start * self._hop) if edge < 0 else self._centre(start) + edge * self._hop

    def _find_stop(self, tone: _OpenTone, frame: int) -> float:
        oldest = max(self._first_frame, frame + 1 - self._kept_frames)
        start = max(oldest, tone.first_frame, tone.last_frame - 2 * FRAMES_PER_WINDOW)
        stop = min(frame + 1, tone.last_frame + FRAMES_PER_WINDOW + 3)
        n_led = tone.last_frame + 1 - start
        envelope = self._envelope(start, stop, slice(0, n_led))
        inside = max((i for i in range(n_led) if envelope[i] >= 0.5), default=0)
        return self._centre(start) + falling_edge(envelope, inside, 0.5) * self._hop

    def _event(self, tone: _OpenTone, frame: int, *, phase: str) -> Event:
        powers, freqs_hz, noises = (
            [column / tone.n_frames for column in row] for row in zip(*tone.sums, strict=True)
        )
        snr_db = min(10 * math.log10(p / n) for p, n in zip(powers, noises, strict=True))
        return Event(
            type="tone",
            phase=phase,
            label=self.spec.name,
            sample=round(tone.start_sample),
            t_s=tone.start_sample / self._analysis.fs_hz,
            known_sample=frame * self._hop + self._length,
            id=tone.number,
            channel=self.channel,
            freqs_hz=[round(f, 3) for f in freqs_hz],
            level_dbfs=round(10 * math.log10(2 * sum(powers)), 2),
            snr_db=round(snr_db, 1),
            confidence=round(1 - 10 ** (-max(snr_db, 0) / 20), 3),
        )

    def _centre(self, frame: int) -> float:
        return frame * self._hop + self._length / 2


def _choose_frames(spec: ToneSpec, fs_hz: float) -> FrameSpec:
    """As long as the shortest tone allows: the longer the frames, the finer its frequency and the less noise."""
    window_s = min(0.8 * spec.min_on_ms, LONGEST_WINDOW_MS) / 1000
    window_s = max(window_s, 4 / spec.freqs_hz[0])  # apart from its own image at -f
    for low_hz, high_hz in zip(spec.freqs_hz, spec.freqs_hz[1:], strict=False):
        window_s = max(window_s, 4 / (high_hz - low_hz))
    if spec.window_ms is not None:
        window_s = spec.window_ms / 1000
    length_samples = max(16, round(window_s * fs_hz))
    top_hz = spec.freqs_hz[-1] * (1 + spec.tolerance) + 3 * fs_hz / length_samples
    if top_hz >= fs_hz / 2:
        raise SpecError(
            f'tone "{spec.name}" is {spec.freqs_hz[-1]:g} Hz; at a sample rate of {fs_hz:g} Hz its tolerance and '
            f"resolution reach {top_hz:g} Hz, which must lie below {fs_hz / 2:g} Hz{REMEDY}"
        )
    return FrameSpec(length_samples=length_samples, hop_samples=max(1, length_samples // FRAMES_PER_WINDOW))


def _place_bands(spec: ToneSpec, bin_hz: float, fs_hz: float) -> list[tuple[list[float], list[float]]]:
    """For each of the tones, its probes a bin apart and its guards, which keep off the other tones."""
    bands = []
    for freq_hz in spec.freqs_hz:
        reach = math.ceil(spec.tolerance * freq_hz / bin_hz) + 1
        probes_hz = [freq_hz + k * bin_hz for k in range(-reach, reach + 1)]
        guards_hz = [
            guard_hz
            for sign in (-1, 1)
            for k in GUARDS_BINS
            if bin_hz < (guard_hz := freq_hz + sign * (reach + k) * bin_hz) < fs_hz / 2 - bin_hz
            and all(abs(guard_hz - other_hz) > 2.5 * bin_hz for other_hz in spec.freqs_hz)
        ]
        bands.append(([hz for hz in probes_hz if hz > 0], guards_hz or [probes_hz[-1] + 2 * bin_hz]))
    return bands


def _measure(
    probes: NDArray[np.float32], guards: NDArray[np.float32], freq_hz: float, bin_hz: float
) -> _Measured:
    """The strongest line among the probes; its frequency is nan where it lies beyond them."""
    at = np.argmax(probes, axis=1)
    inner = np.clip(at, 1, probes.shape[1] - 2)
    rows = np.arange(len(probes))
    below, top, above = (probes[rows, inner + k].astype(np.float64) for k in (-1, 0, 1))
    # Hann's main lobe: with r the ratio of the amplitudes of its two strongest bins, the line lies
    # (2 r - 1) / (r + 1) of a bin from the stronger.
    ratio = np.sqrt(np.maximum(below, above) / np.maximum(top, 1e-30))
    shift = np.clip((2 * ratio - 1) / (ratio + 1), 0, 0.5)
    gain = np.sinc(shift) / (1 - shift**2)
    shift = np.where(above >= below, shift, -shift)
    line_hz = freq_hz + (inner - probes.shape[1] // 2 + shift) * bin_hz
    noise = np.median(guards, axis=1).astype(np.float64) / math.log(2)
    return _Measured(
        power=top / gain**2,
        top=top,
        freq_hz=np.asarray(np.where(at == inner, line_hz, np.nan)),
        noise=np.maximum(noise, LEAST_NOISE),
    )


KIND = Kind(section="tone", limits=ToneSpec, detector=ToneDetector, event_type="tone")
