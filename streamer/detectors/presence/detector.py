"""Which of the tones is present: opened by frames that agree, followed by its phase, closed late and dated back.

  frames that agree            half its amplitude is gone for min_off
away ----------------> present ------------------------------------> away, since it went
         begin            |  ^                                 end
                          |  | it goes on, whatever its phase, for longer than a reverse burst
                          v  |
                        missing
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import confidence_from_snr, db_from_power
from streamer.detectors import Audio, Detector
from streamer.detectors.hearing.baseband import hann_gain
from streamer.detectors.hearing.sight_fields import LEAST_POWER, RUN_FRAMES
from streamer.detectors.presence.lines import FRAMES_PER_WINDOW, Lines, choose_frames
from streamer.detectors.presence.spec import PresenceSpec, label_of
from streamer.events import Event

KEPT_FRAMES = 48
REVERSE_BURST_FRAMES = 12  # 300 ms: TIA-603 has up to 200 ms of turned phase at the end of a transmission
HALF = 0.5  # of its amplitude, in the phase expected: there, or not
SOUNDING = 0.5  # of its amplitude, in whatever phase
FULL = 0.05  # of its amplitude: so near to that, it fills the frame
TURNED = -0.3  # so far upside down is no noise
FOLLOW = 0.1  # of what is new, into the phase and amplitude that are expected
FOLLOW_FREQUENCY = FOLLOW**2 / 4  # so that the loop settles without swinging


class _Present:
    """A tone that is there: what its value in the next frame should be, and when it went missing."""

    def __init__(self, *, tone: int, freq_hz: float, value: complex, number: int) -> None:
        self.tone, self.number = tone, number
        self.freq_hz, self.expected = freq_hz, value
        self.start_sample = 0.0
        self.missing_from: int | None = None  # frame
        self.turned_frames = 0  # sounding, but not in the phase expected
        self._opened_hz = freq_hz
        self._sums = [0.0, 0.0, 0.0]  # of frequency, power, noise
        self._n_frames = self._n_full = 0

    def add(self, power: float, noise: float, full_hz: float = math.nan) -> None:
        """A frame in which it is there. full_hz: where its line lies, if it fills the frame"""
        if math.isfinite(full_hz):
            self._sums[0] += full_hz
            self._n_full += 1
        self._sums[1] += power
        self._sums[2] += noise
        self._n_frames += 1

    @property
    def means(self) -> tuple[float, float, float]:
        """Frequency, power and noise."""
        freq_hz = self._sums[0] / self._n_full if self._n_full else self._opened_hz
        return freq_hz, self._sums[1] / self._n_frames, self._sums[2] / self._n_frames


class PresenceDetector(Detector):
    """One PresenceSpec in one channel.

    confidence is 1 - 10 ** (-snr_db / 20), S/N in the bandwidth of 250 ms of hann, 6 Hz.
    """

    def __init__(self, spec: PresenceSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec, self.channel = spec, channel
        frames = choose_frames(fs_hz)
        self._hop, self._length = frames.hop_samples, frames.length_samples
        self._min_off_frames = math.ceil(spec.min_off_ms * fs_hz / 1e3 / self._hop)
        self._lines = Lines(spec, fs_hz=fs_hz, kept_frames=KEPT_FRAMES + self._min_off_frames)
        self._values = self._lines.values
        self._count = 0
        self._restart(0)

    @property
    def analysis(self) -> Analysis:
        return self._lines.analysis

    @property
    def history_samples(self) -> int:
        return 0  # all is in the levels

    @property
    def is_at_rest(self) -> bool:
        return self._present is None

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        _ = audio
        events: list[Event] = []
        if not len(levels):
            return events
        if levels.first_frame != self._values.stop_frame:
            events += self.flush()
            self._restart(levels.first_frame)
        for start in range(0, len(levels), RUN_FRAMES):
            events += self._feed_run(levels.values[start : start + RUN_FRAMES])
        return events

    def flush(self) -> list[Event]:
        events: list[Event] = []
        newest = self._values.stop_frame - 1
        if self._present is not None:
            went = self._present.missing_from
            end = newest * self._hop + self._length  # as the signal does, if it has not gone before
            events.append(self._close(self._present, newest, float(end) if went is None else None))
        self._restart(self._values.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._values.clear(next_frame)
        self._first_frame = next_frame
        self._present: _Present | None = None
        self._gone: tuple[int, int] | None = (
            None  # the tone that was last there, and until which frame it may ring
        )
        self._floor_sample = float(next_frame * self._hop)

    def _feed_run(self, values: NDArray[np.complex64]) -> list[Event]:
        first = self._values.stop_frame
        opens = self._lines.watch(values, self._first_frame)
        events: list[Event] = []
        if self._present is None and not opens:
            return events
        for i in range(len(values)):
            if self._present is not None:
                events += self._follow(self._present, first + i)
            elif opens and opens[i] >= 0:
                events += self._open(first + i, opens[i])
        return events

    def _open(self, frame: int, tone: int) -> list[Event]:
        if self._gone is not None and frame < self._gone[1] and tone == self._gone[0]:
            return []
        self._count += 1
        line_hz, power, noise = self._lines.read(frame, tone)
        freq_hz = line_hz if math.isfinite(line_hz) else float(self._lines.tones_hz[tone])
        present = self._begin_at(tone, frame, freq_hz)
        present.add(power, noise)
        self._present = present
        return [self._event(present, frame, "begin")]

    def _begin_at(self, tone: int, frame: int, freq_hz: float) -> _Present:
        """With the phase, frequency and start that the frames up to here show."""
        first = max(frame + 1 - KEPT_FRAMES, self._first_frame)
        row = self._values.rows(first, frame + 1)[tone].astype(np.complex128)
        turns = np.exp(-2j * np.pi * freq_hz * self._hop / self.analysis.fs_hz * np.arange(first - frame, 1))
        steady = row * turns
        value = complex(steady[-2:].mean())
        present = _Present(tone=tone, freq_hz=freq_hz, value=value, number=self._count)
        share = (steady * np.conj(value)).real / max(abs(value) ** 2, LEAST_POWER)
        below = np.flatnonzero(share < HALF)
        if below.size and below[-1] < share.size - 1:
            at = int(below[-1])
            crossing = first + at + (HALF - share[at]) / (share[at + 1] - share[at])
            present.start_sample = max(self._sample_at(float(crossing)), self._floor_sample)
        else:
            present.start_sample = max(float(first * self._hop), self._floor_sample)
        return present

    def _follow(self, present: _Present, frame: int) -> list[Event]:
        value = complex(self._values.rows(frame, frame + 1)[present.tone, 0])
        turn = 2 * math.pi * present.freq_hz * self._hop / self.analysis.fs_hz
        present.expected *= complex(math.cos(turn), math.sin(turn))
        ratio = value * present.expected.conjugate() / max(abs(present.expected) ** 2, LEAST_POWER)
        if ratio.real >= HALF:
            present.missing_from, present.turned_frames = None, 0
            self._adapt(present, value, ratio)
            power = abs(value) ** 2 * self._power_per_value(present)
            line_hz, _, noise = self._lines.read(frame, present.tone)
            is_full = abs(abs(ratio) - 1) <= FULL
            present.add(power, noise, line_hz if is_full else math.nan)
            return []
        if present.missing_from is None:
            present.missing_from = frame
        if abs(ratio) >= SOUNDING:
            present.turned_frames += 1
            if present.turned_frames > REVERSE_BURST_FRAMES:  # it only lost its phase, in a fade or a break
                present.expected, present.missing_from, present.turned_frames = value, None, 0
        elif frame - present.missing_from >= self._min_off_frames:
            event = self._close(present, frame, None)
            self._present = None
            return [event]
        return []

    def _adapt(self, present: _Present, value: complex, ratio: complex) -> None:
        off_rad = math.atan2(ratio.imag, ratio.real)
        present.freq_hz += FOLLOW_FREQUENCY * off_rad * self.analysis.fs_hz / (2 * math.pi * self._hop)
        present.expected += FOLLOW * (value - present.expected)

    def _close(self, present: _Present, frame: int, stop_sample: float | None) -> Event:
        """stop_sample: None: since it has gone missing"""
        if stop_sample is None:
            assert present.missing_from is not None
            stop_sample = self._find_stop(present, present.missing_from, frame)
        stop_sample = max(stop_sample, present.start_sample)
        self._gone = present.tone, frame + FRAMES_PER_WINDOW
        self._floor_sample = stop_sample
        return self._event(present, frame, "end", stop_sample)

    def _find_stop(self, present: _Present, missing_from: int, frame: int) -> float:
        """Where it fell through the middle between what it was and what it became: nothing, or itself upside down."""
        first = max(missing_from - FRAMES_PER_WINDOW, frame + 1 - KEPT_FRAMES, self._first_frame)
        row = self._values.rows(first, frame + 1)[present.tone].astype(np.complex128)
        turn = -2j * np.pi * present.freq_hz * self._hop / self.analysis.fs_hz
        # `expected` is that of the newest frame
        share = (row * np.exp(turn * np.arange(first - frame, 1)) * np.conj(present.expected)).real
        share /= max(abs(present.expected) ** 2, LEAST_POWER)
        low = float(share.min())
        half = (1 + low) / 2 if low < TURNED else HALF
        at = missing_from - first
        while at < share.size - 1 and share[at] > half:
            at += 1
        while at > 1 and share[at - 1] <= half:
            at -= 1
        step = share[at - 1] - share[at] if at else 0.0
        crossing = at - (half - share[at]) / step if step > 0 else float(at)
        return self._sample_at(first + float(crossing))

    def _sample_at(self, frame: float) -> float:
        """Of the middle of a frame."""
        return frame * self._hop + self._length / 2 + 0.5

    def _power_per_value(self, present: _Present) -> float:
        off_bins = (present.freq_hz - float(self._lines.tones_hz[present.tone])) / self._lines.bin_hz
        return float((self.analysis.amplitude_per_value / hann_gain(np.array(off_bins))) ** 2 / 2)

    def _event(self, present: _Present, frame: int, phase: str, stop_sample: float | None = None) -> Event:
        fs_hz = self.analysis.fs_hz
        freq_hz, power, noise = present.means
        snr_db = db_from_power(power / max(noise, 1e-14))
        event = Event(
            type="match",
            phase=phase,
            label=label_of(float(self._lines.tones_hz[present.tone])),
            sample=round(present.start_sample),
            t_s=present.start_sample / fs_hz,
            known_sample=frame * self._hop + self._length,
            id=present.number,
            channel=self.channel,
            freqs_hz=[round(freq_hz, 3)],
            level_dbfs=round(db_from_power(2 * power, least=1e-20), 2),
            snr_db=round(snr_db, 1),
            confidence=confidence_from_snr(snr_db),
        )
        if stop_sample is not None:
            event.duration_s = (stop_sample - present.start_sample) / fs_hz
        return event
