"""What a decoder has said, and what one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tests.family_bench.scenes import FS_HZ, Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One thing said; None where the decoder does not tell."""

    label: str
    type: str = "match"
    start_s: float | None = None
    stop_s: float | None = None
    known_s: float | None = None


class Decoder(Protocol):
    def knows(self, family: str, table: str) -> bool: ...

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]: ...
