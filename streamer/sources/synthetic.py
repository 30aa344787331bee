"""Made-up signals as a source: sim:SPEC and --demo."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from streamer.signalspec import parse_signal
from streamer.sources import SourceInfo, SourceSpec

DEFAULT_RATE_HZ = 48000.0

# Somebody lifts the receiver, dials, is let wait, finds the line engaged; a pager is called; the mains hum along.
DEMO = ",".join(
    (
        "noise:-62",
        "hum:50@-50",
        "silence:1s",
        "tone:350+440@-24:2.5s",
        "silence:200ms",
        "dtmf:5550123@-16:90ms/90ms",
        "silence:740ms",
        "cadence:440+480/2000,0/3000x2@-24",
        "silence:300ms",
        "cadence:480+620/500,0/500x4@-24",
        "silence:1s",
        "two-tone:349.0/433.7@-14",
        "silence:1s",
        "sweep:200-3400@-30:3s:log:ramp=50ms",
        "silence:1s",
        "loop",
    )
)


class SyntheticSource:
    """A signal somebody described. It is read as fast as it is computed; who reads it keeps the pace."""

    def __init__(self, spec: SourceSpec) -> None:
        self._choice = spec.channel_choice
        fs_hz = spec.rate_hz or DEFAULT_RATE_HZ
        self.signal = parse_signal(DEMO if spec.kind == "demo" else spec.target, fs_hz=fs_hz)
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        self.info = SourceInfo(
            name=str(spec),
            fs_hz=fs_hz,
            channels=self._choice.count_of(self.signal.channels, name=str(spec)),
            n_samples=self.signal.n_samples,
        )

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        for block in self.signal.blocks(block_samples):
            yield self._choice.take(block)

    def close(self) -> None:
        """There is nothing to let go of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
