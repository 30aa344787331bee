import pytest

from streamer.detectors.dtmf.candidate import Candidate
from streamer.detectors.dtmf.hearing import Figures
from streamer.detectors.dtmf.telling import Teller
from tests.detectors.dtmf.pieces import make_timing

TELLER = Teller(make_timing(8000), channel=2)
BEGUN = Candidate(
    pair=5, first_frame=9, last_frame=50, check_frame=None, number=7, start_sample=400.4, noise=5e-5
)


def test_an_end_has_the_figures_of_the_last_part_and_the_noise_of_the_begin():
    figures = Figures(stop_frame=60.0, freqs_hz=(770.004, 1336.0), powers=(0.005, 0.05))
    event = TELLER.make_end(BEGUN, figures, 60.0, 70)
    assert (event.label, event.phase, event.id, event.channel, event.sample) == ("5", "end", 7, 2, 400)
    assert (event.freqs_hz, event.level_dbfs, event.twist_db, event.snr_db) == (
        [770.0, 1336.0],
        -9.59,
        10.0,
        20.0,
    )
    assert event.duration_s == pytest.approx((60 * 20 + 104 - 400.4) / 8000)
    assert event.known_sample == 70 * 20 + 208


def test_an_end_of_which_nothing_is_left_to_measure_has_a_length_alone():
    event = TELLER.make_end(BEGUN, None, 70.0, 70)
    assert (event.freqs_hz, event.level_dbfs, event.snr_db) == (None, None, None)
    assert event.duration_s == pytest.approx((70 * 20 + 104 - 400.4) / 8000)
