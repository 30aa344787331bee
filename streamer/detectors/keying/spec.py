"""What is asked of a tone that is keyed: Morse, at any pitch and speed within a range."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.base.errors import SpecError
from streamer.base.morse import DIT_S
from streamer.detectors.limits import check_level, list_too_high


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyingSpec:
    """The strongest keyed tone of those within these limits."""

    name: str
    min_pitch_hz: float = 380.0
    max_pitch_hz: float = 1220.0
    min_wpm: int = 9
    max_wpm: int = 40
    min_letters: int = 3
    min_level_dbfs: float = -70.0

    def __post_init__(self) -> None:
        check_level("min_level_dbfs", self.min_level_dbfs)
        if not 200 <= self.min_pitch_hz < self.max_pitch_hz - 50:
            raise SpecError(
                f"min_pitch_hz is {self.min_pitch_hz:g}; it must lie from 200 to 50 below max_pitch_hz, "
                f"which is {self.max_pitch_hz:g}"
            )
        if not 5 <= self.min_wpm < self.max_wpm <= 60:
            raise SpecError(
                f"min_wpm is {self.min_wpm}; it must lie in 5..60 words a minute, below max_wpm, {self.max_wpm}"
            )
        if not 2 <= self.min_letters <= 100:
            raise SpecError(f"min_letters is {self.min_letters}; it must lie in 2..100")

    @property
    def dits_s(self) -> tuple[float, float]:
        """The shortest and the longest."""
        return DIT_S / self.max_wpm, DIT_S / self.min_wpm

    def list_tones(self) -> list[tuple[float, str]]:
        return [(self.min_pitch_hz, f"{self.name} low"), (self.max_pitch_hz, f"{self.name} high")]

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high([self.max_pitch_hz], fs_hz)
