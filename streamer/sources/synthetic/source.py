"""Made-up signals as a source: sim:SPEC and --demo."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamer.sources.spec import Read, SourceInfo, SourceSpec
from streamer.sources.synthetic.language import parse_signal

DEFAULT_RATE_HZ = 48000.0


class SyntheticSource(Read):
    """A signal somebody described. It is read as fast as it is computed; who reads it keeps the pace."""

    def __init__(self, spec: SourceSpec) -> None:
        self._choice = spec.channel_choice
        fs_hz = spec.rate_hz or DEFAULT_RATE_HZ
        self.signal = parse_signal("demo" if spec.is_demo else spec.target, fs_hz=fs_hz)
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        self.info = SourceInfo(
            name=str(spec),
            fs_hz=fs_hz,
            channels=self._choice.count_of(self.signal.channels, name=str(spec)),
            n_samples=self.signal.n_samples,
            start_time=spec.start_time,
            is_endless=self.signal.n_samples is None,
        )

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        for block in self.signal.blocks(block_samples):
            yield self._choice.pick_from(block)

    def close(self) -> None:
        """There is nothing to let go of."""
