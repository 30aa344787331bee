import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.detectors.dtmf.figures import round_to, write_figures
from streamer.detectors.dtmf.records import BEGUN, ENDED, TOLD, Told, make_limits
from streamer.detectors.dtmf.telling import make_event
from streamer.events import Event
from tests.detectors.dtmf.pieces import make_timing

TIMING = make_timing(8000)


def tell(**figures: float) -> Event:
    record = np.zeros(1, TOLD)
    of_all = {"pair": 5, "number": 7, "start_sample": 400.4, "confidence": 0.98765, "noise": 5e-5}
    for name, value in {**of_all, **figures}.items():
        record[name] = value
    write_figures(record, 1, make_limits(TIMING)[0])
    return make_event(Told(*record.tolist()[0]), TIMING, channel=2)


def test_a_begin_has_the_figures_by_which_it_was_judged():
    event = tell(kind=BEGUN, frame=50, low_hz=770.004, high_hz=1336, low=0.1, high=0.2, snr_db=20.04)
    assert (event.label, event.phase, event.id, event.channel, event.sample) == ("5", "begin", 7, 2, 400)
    assert (event.freqs_hz, event.level_dbfs, event.twist_db) == ([770.0, 1336.0], -13.01, 6.02)
    assert (event.snr_db, event.confidence, event.duration_s) == (20.0, 0.988, None)
    assert event.known_sample == 50 * 20 + 208


def test_an_end_has_the_figures_of_the_last_part_and_the_noise_of_the_begin():
    figures = {"low_hz": 770.004, "high_hz": 1336.0, "low": 0.005, "high": 0.05, "has_figures": 1}
    event = tell(kind=ENDED, frame=70, stop_frame=60.0, **figures)
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
    event = tell(kind=ENDED, frame=70, stop_frame=70.0)
    assert (event.freqs_hz, event.level_dbfs, event.snr_db) == (None, None, None)
    assert event.duration_s == pytest.approx((70 * 20 + 104 - 400.4) / 8000)


@given(
    x=st.floats() | st.floats(-120, 120) | st.integers(-(10**6), 10**6).map(lambda n: n / 2000),
    digits=st.integers(1, 3),
)
@example(x=2.675, digits=2)  # less, as it is kept
@example(x=0.125, digits=2)
@example(x=0.375, digits=2)
@example(x=-0.001, digits=2)
@example(x=float("inf"), digits=1)
def test_a_figure_is_rounded_as_python_rounds_it(x: float, digits: int) -> None:
    found = round_to(x, 10.0**digits)
    assert repr(found) == repr(round(x, digits))
