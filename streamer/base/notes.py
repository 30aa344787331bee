"""Notes by name: equal temperament, counted as MIDI does, 69 for A4."""

from __future__ import annotations

import math

A4_HZ = 440.0
A4_MIDI = 69
SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


def pitch_hz(midi: float, a4_hz: float = A4_HZ) -> float:
    return a4_hz * float(2 ** ((midi - A4_MIDI) / 12))


def find_note(freq_hz: float, a4_hz: float = A4_HZ) -> tuple[str, float]:
    """The nearest note and how many cents above it a frequency lies: -50 to 50."""
    midi = A4_MIDI + 12 * math.log2(freq_hz / a4_hz)
    nearest = round(midi)
    return f"{SHARPS[nearest % 12]}{nearest // 12 - 1}", 100 * (midi - nearest)
