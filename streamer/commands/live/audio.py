"""What outputs may read of the audio that the ring still has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.live.ring import Ring, RingReader
from streamer.live.section import Section


class SectionAudio:
    """The newest section's ring, for another thread: looking takes nothing from anybody, and what is gone says so."""

    def __init__(self) -> None:
        self._now: tuple[str, Ring, RingReader] | None = None

    def begin(self, section: Section, run: str) -> None:
        self._now = run, section.ring, RingReader(section.ring)

    @property
    def run(self) -> str:
        return "" if self._now is None else self._now[0]

    @property
    def end_sample(self) -> int:
        return 0 if self._now is None else self._now[1].written_samples

    @property
    def capacity_samples(self) -> int:
        return 0 if self._now is None else self._now[1].spec.capacity_samples

    def read(self, start: int, stop: int) -> NDArray[np.float32] | None:
        if self._now is None:
            return None
        _, ring, reader = self._now
        samples = np.empty((ring.spec.channels, stop - start), np.float32)
        return samples if reader.copy(start, stop, samples) else None
