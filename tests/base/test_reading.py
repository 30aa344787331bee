from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.reading import Curve, Reading, Sensitivity, weigh_db
from streamer.events import Event

# IEC 61672-1:2013, table 3: nominal frequency, A and C in dB, at the exact base-10 frequencies from 10 Hz on
TABLE_3 = """
10 -70.4 -14.3    12.5 -63.4 -11.2  16 -56.7 -8.5     20 -50.5 -6.2     25 -44.7 -4.4     31.5 -39.4 -3.0
40 -34.6 -2.0     50 -30.2 -1.3     63 -26.2 -0.8     80 -22.5 -0.5     100 -19.1 -0.3    125 -16.1 -0.2
160 -13.4 -0.1    200 -10.9 0.0     250 -8.6 0.0      315 -6.6 0.0      400 -4.8 0.0      500 -3.2 0.0
630 -1.9 0.0      800 -0.8 0.0      1000 0.0 0.0      1250 0.6 0.0      1600 1.0 -0.1     2000 1.2 -0.2
2500 1.3 -0.3     3150 1.2 -0.5     4000 1.0 -0.8     5000 0.5 -1.3     6300 -0.1 -2.0    8000 -1.1 -3.0
10000 -2.5 -4.4   12500 -4.3 -6.2   16000 -6.6 -8.5   20000 -9.3 -11.2
"""
ROWS = [float(word) for word in TABLE_3.split()]
LEVELS = st.floats(-150, 20)
HZ = st.floats(5, 40_000)


def sounding(level_dbfs: float, level_dbspl: float | None, hz: float) -> Event:
    return Event(
        type="tone",
        phase="end",
        label="hum",
        sample=0,
        t_s=0.0,
        known_sample=1,
        freqs_hz=[hz],
        level_dbfs=level_dbfs,
        level_dbspl=level_dbspl,
    )


@pytest.mark.parametrize(("column", "weighting"), [(1, "A"), (2, "C")])
def test_weighting_is_that_of_the_standards_table_at_every_third(column: int, weighting: str):
    nominal_hz, wanted_db = ROWS[::3], ROWS[column::3]
    exact_hz = [10 ** (number / 10) for number in range(10, 44)]
    assert [hz == pytest.approx(near, rel=0.02) for hz, near in zip(exact_hz, nominal_hz, strict=True)]
    got_db = [weigh_db(weighting, hz) for hz in exact_hz]
    assert got_db == pytest.approx(wanted_db, abs=0.0501)


def test_weighting_of_nothing_and_of_no_frequency_is_finite():
    assert weigh_db("Z", 0) == 0
    assert weigh_db("A", 0) == weigh_db("C", 0) == -200
    assert weigh_db("A", 1000) == weigh_db("C", 1000) == 0


@pytest.mark.parametrize(
    ("unit", "weighting", "label", "flat"),
    [
        ("dbfs", "Z", "dBFS", "dBFS"),
        ("dbm0", "Z", "dBm0", "dBm0"),
        ("dbspl", "Z", "dB SPL", "dB SPL"),
        ("dbspl", "A", "dB(A) SPL", "dB SPL"),
        ("dbfs", "C", "dB(C) FS", "dBFS"),
    ],
)
def test_a_label_says_unit_and_weighting(unit: str, weighting: str, label: str, flat: str):
    reading = Reading(unit=unit, weighting=weighting)
    assert (reading.label, reading.flat_label) == (label, flat)


def test_a_calibrated_band_is_told_with_its_weighting_and_without_what_the_microphone_adds():
    boost = Curve((100.0, 10_000.0), (0.0, 6.0))
    reading = Reading(
        unit="dbspl",
        weighting="A",
        sensitivities=(
            Sensitivity(spl_at_0_dbfs_db=120.0, correction=boost),
            Sensitivity(spl_at_0_dbfs_db=90.0),
        ),
    )
    hundred_db = weigh_db("A", 100)
    assert reading.offsets_db([100, 1000, 20_000]) == pytest.approx(
        (120 + hundred_db, 120 - 3, 120 + weigh_db("A", 20_000) - 6)
    )
    assert reading.offsets_db([100, 1000], channel=2) == pytest.approx((90 + hundred_db, 90))


def test_an_event_has_a_sound_pressure_level_that_is_never_weighted_and_is_told_weighted():
    reading = Reading(unit="dbspl", weighting="A", sensitivities=(Sensitivity(spl_at_0_dbfs_db=118.0),))
    assert reading.find_dbspl(-20.0, [100.0], 1) == 98.0
    hum = sounding(-20.0, 98.0, 100.0)
    assert reading.tell_event(hum) == pytest.approx(98 - 19.1, abs=0.06)
    assert Reading(unit="dbm0").tell_event(hum) == pytest.approx(-16.86)
    assert Reading().find_dbspl(-20.0, [100.0], 1) is None
    assert Reading(unit="dbspl").tell_event(sounding(-20.0, None, 100.0)) is None


@given(LEVELS, HZ, st.sampled_from(["Z", "A", "C"]), st.floats(60, 160), st.floats(-20, 20))
def test_a_band_and_an_event_of_the_same_tone_are_told_the_same(level, hz, weighting, spl_db, gain_db):
    curve = Curve((10.0, 20_000.0), (gain_db, -gain_db))
    sensitivities = (Sensitivity(spl_at_0_dbfs_db=spl_db, correction=curve),)
    reading = Reading(unit="dbspl", weighting=weighting, sensitivities=sensitivities)
    of_band = level + reading.offsets_db([hz])[0]
    event = sounding(level, reading.find_dbspl(level, [hz], 1), hz)
    assert reading.tell_event(event) == pytest.approx(of_band, abs=0.006)


@given(
    st.lists(
        st.tuples(st.floats(1, 30_000), st.floats(-30, 30)), min_size=1, max_size=8, unique_by=lambda p: p[0]
    )
)
def test_a_curve_goes_through_its_points_and_stays_between_them(points):
    points.sort()
    curve = Curve(*zip(*points, strict=True))
    gains_db = [gain_db for _, gain_db in points]
    assert [curve.at_db(hz) for hz, _ in points] == pytest.approx(gains_db)
    for hz in (0.5, 7.7, 440.0, 60_000.0):
        assert min(gains_db) - 1e-9 <= curve.at_db(hz) <= max(gains_db) + 1e-9
    assert curve.at_db(0.5) == gains_db[0]


def test_a_curve_is_straight_over_the_logarithm_of_frequency():
    curve = Curve((100.0, 400.0), (0.0, 2.0))
    assert curve.at_db(200.0) == pytest.approx(1.0)
    assert math.isclose(curve.at_db(math.sqrt(100 * 200)), 0.5)


@pytest.mark.parametrize("freqs_hz", [(), (100.0, 100.0), (200.0, 100.0), (0.0, 100.0)])
def test_a_curve_that_does_not_ascend_is_refused(freqs_hz: tuple[float, ...]):
    with pytest.raises(SpecError):
        Curve(freqs_hz, tuple(0.0 for _ in freqs_hz))
