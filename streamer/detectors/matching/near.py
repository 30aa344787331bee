"""Tones that no table has, and one almost has: off by more than is allowed, and by less than three times that."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.limits import deviation_hz
from streamer.detectors.matching.grammar import Grammar

TIMES = 3.0
LEAST_SNR, MOST_UNSTEADY_BINS = power_from_db(12.0), 0.1
LEAST_FRAMES = 4  # in which it fills the window


class NearMisses:
    """Of the grammars of one channel: each tone that none takes is told to the one that came nearest to it."""

    def __init__(self, grammars: Sequence[Grammar], fs_hz: float) -> None:
        self._grammars, self._fs_hz = list(grammars), fs_hz

    def hear(self, tone: ToneBurst) -> None:
        is_steady = tone.told is Told.STOPS and tone.unsteady_bins <= MOST_UNSTEADY_BINS
        is_clear = tone.power >= LEAST_SNR * tone.noise and tone.power >= tone.other_powers[0]
        if not (is_steady and is_clear and tone.full_frames >= LEAST_FRAMES):
            return
        off, _, grammar, nominal_hz, allowed_hz = min(
            (
                abs(tone.freq_hz - hz) / (allowed_hz := deviation_hz(chord.tolerance, hz)),
                i,
                grammar,
                hz,
                allowed_hz,
            )
            for i, grammar in enumerate(self._grammars)
            for chord in grammar.chords
            for hz in chord.freqs_hz
        )
        if not 1 < off <= TIMES:
            return
        off_hz = tone.freq_hz - nominal_hz
        lasted_ms = tone.duration_samples * 1e3 / self._fs_hz
        grammar.refuse(
            tone.start_sample,
            lambda: (
                f"{tone.freq_hz:.1f} Hz, for {lasted_ms:.0f} ms, is {abs(off_hz):.1f} Hz "
                f"({100 * off_hz / nominal_hz:+.2f} %) off {nominal_hz:g} Hz, and {allowed_hz:.1f} Hz are allowed"
            ),
        )
