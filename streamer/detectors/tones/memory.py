"""What the levels said of the last frames, for those who ask about a stretch of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.tones.probes import Probes

RUN_FRAMES = 1024


class Rows(NamedTuple):
    """Consecutive frames: (tones, frames), mean squares and hertz; and which of them stay, (frames,)."""

    power: NDArray[np.float64]
    noise: NDArray[np.float64]
    freqs_hz: NDArray[np.float64]
    stays: NDArray[np.bool_]

    @property
    def snr(self) -> NDArray[np.float64]:
        """(frames,) of the tone that is least clear."""
        return np.asarray((self.power / self.noise).min(axis=0))

    def only_staying(self) -> Rows:
        kept = self.stays
        return Rows(self.power[:, kept], self.noise[:, kept], self.freqs_hz[:, kept], self.stays[kept])


class Frame(NamedTuple):
    """One frame: the power of each tone, whether it may be one that goes on, and whether it may begin one."""

    power: NDArray[np.float64]
    stays: bool
    opens: bool


class Memory:
    """What is said of frames. It is found a run at a time and asked for up to the frame that is followed."""

    def __init__(self, probes: Probes, *, kept_samples: float) -> None:
        self._frames, self._n_tones = probes.analysis.frames, len(probes.spec.freqs_hz)
        self._kept_frames = math.ceil(kept_samples / self._frames.hop_samples)
        self._trail = Trail(
            probes.n_rows, kept_frames=self._kept_frames, run_frames=RUN_FRAMES, dtype=np.float64
        )
        self._judge = probes.judge_into(self._trail.fixed)
        self.clear(0)

    @property
    def stop_frame(self) -> int:
        return self._trail.stop_frame

    def clear(self, next_frame: int) -> None:
        self._trail.clear(next_frame)
        self._begin_frame = self.newest = next_frame

    def hear(self, values: NDArray[np.complex64]) -> int:
        """The frames that follow, (frames, bands); how many of them may begin a tone."""
        return self._judge(np.ascontiguousarray(values), self._trail.make_room(len(values)))

    def read(self, frame: int) -> Frame:
        """One of those kept, whatever is followed."""
        rows = self._trail.rows(frame, frame + 1)[:, 0]
        return Frame(rows[: self._n_tones], stays=bool(rows[-2]), opens=bool(rows[-1]))

    def find_opening(self, frame: int) -> int | None:
        """The first frame from this one on that may begin a tone, if there is one."""
        opens = self._trail.rows(frame, self.stop_frame)[-1]
        at = int(opens.argmax())
        return frame + at if opens[at] else None

    def rows(self, start_frame: int, stop_frame: int) -> Rows:
        """Frames [start, stop), of those kept."""
        oldest = max(self.newest + 1 - self._kept_frames, self._begin_frame)
        rows = self._trail.rows(max(start_frame, oldest), max(min(stop_frame, self.newest + 1), oldest))
        power, noise, freqs_hz = (rows[i * self._n_tones : (i + 1) * self._n_tones] for i in range(3))
        return Rows(power, noise, freqs_hz, rows[-2] > 0)

    def within(self, start_sample: float, stop_sample: float) -> Rows:
        """The frames whose centres lie there, or one at least."""
        half = self._frames.length_samples / 2
        first, last = (
            math.floor((edge - half) / self._frames.hop_samples) + 1 for edge in (start_sample, stop_sample)
        )
        first = min(first, self.newest)
        return self.rows(first, max(last, first + 1))
