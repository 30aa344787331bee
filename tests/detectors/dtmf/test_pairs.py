import numpy as np
import pytest

from streamer.detectors.dtmf.hearing import common_tone
from streamer.detectors.dtmf.pairs import NO_PAIR, PAIR_BANDS, PAIR_DIGITS, PAIRS_HZ
from streamer.detectors.dtmf.records import NO_TONE
from streamer.detectors.dtmf.spec import HIGH_HZ, LOW_HZ


@pytest.mark.parametrize("pair", range(16))
def test_a_pair_is_its_digit_its_frequencies_and_its_bands(pair):
    assert np.array(LOW_HZ + HIGH_HZ)[PAIR_BANDS[pair]] == pytest.approx(PAIRS_HZ[pair])
    assert len(PAIR_DIGITS) == len(PAIRS_HZ) == 16


@pytest.mark.parametrize(
    ("digits", "tone"),
    [("12", 0), ("14", 1), ("15", NO_TONE), ("11", NO_TONE), ("1.", NO_TONE), (".1", NO_TONE)],
)
def test_neighbours_on_the_keypad_have_a_tone_in_common(digits, tone):
    pair, other = (PAIR_DIGITS.find(digit) for digit in digits)
    assert (NO_PAIR in (pair, other)) == ("." in digits)
    assert common_tone(pair, other) == tone
