"""What a caller asks for, in the forms that callers have, as the engine wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from numpy.typing import ArrayLike

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import Window, spell_window
from streamer.base.units import parse_length_samples
from streamer.plans.bands import AUTO, find_shortest, make_analysis, make_bank, make_usual_bank

Plans = str | Path | Sequence[str | Path] | None


def make_display(
    bands: str | ArrayLike | Bank, window_length: int | str, hop_length: int | str, window: Window
) -> Callable[[float], Analysis]:
    """What finds the levels to measure once a sample rate is known; SpecError where it cannot be meant."""

    def choose_display(fs_hz: float) -> Analysis:
        length = find_shortest(fs_hz) if window_length == AUTO else parse_length_samples(window_length, fs_hz)
        is_usual = isinstance(bands, str) and bands == AUTO
        bank = make_usual_bank(fs_hz) if is_usual else make_bank(bands, fs_hz)
        spelled = spell_window(window, length)
        return make_analysis(bank, fs_hz, window_length=window_length, hop=hop_length, window=spelled)

    return choose_display
