"""Frequencies as notes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.notes import find_note, pitch_hz


@pytest.mark.parametrize(
    ("freq_hz", "a4_hz", "note", "cents"),
    [
        (440, 440, "A4", 0),
        (440, 442, "A4", -7.85),
        (261.626, 440, "C4", 0),
        (27.5, 440, "A0", 0),
        (82.5, 440, "E2", 1.955),
    ],
)
def test_a_frequency_has_a_note_and_cents(freq_hz, a4_hz, note, cents):
    assert find_note(freq_hz, a4_hz)[0] == note
    assert find_note(freq_hz, a4_hz)[1] == pytest.approx(cents, abs=0.01)


@given(st.integers(0, 127), st.floats(-49, 49), st.floats(400, 480))
def test_cents_lead_back_to_the_frequency(midi, cents, a4_hz):
    assert find_note(pitch_hz(midi + cents / 100, a4_hz), a4_hz)[1] == pytest.approx(cents, abs=1e-6)
