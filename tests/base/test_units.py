from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.base import units
from streamer.base.errors import SpecError

PARSERS = [
    units.parse_duration_s,
    units.parse_duration_range_s,
    units.parse_frequency_hz,
    units.parse_db,
    units.parse_level_dbfs,
    units.parse_ratio,
    lambda text: units.parse_moment(text).timestamp(),
    lambda text: units.parse_length_samples(text, 48000),
    lambda text: units.parse_hop_samples(text, 4096, 48000),
    lambda text: units.parse_field("held_ms", text),
    lambda text: units.parse_field("held_s", text),
    lambda text: units.parse_field("centre_hz", text),
    lambda text: units.parse_field("floor_dbfs", text),
    lambda text: units.parse_field("twist_db", text),
    lambda text: units.parse_field("tolerance", text),
]
POSITIVE = st.floats(1e-3, 1e6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("2s", 2),
        ("1h", 3600),
        ("1m", 60),
        ("5min", 300),
        ("1h23m45s", 5025),
        ("1h 30m", 5400),
        (" .5s ", 0.5),
        ("20 us", 2e-5),
        ("1e-3s", 1e-3),
        ("0s", 0),
    ],
)
def test_durations(text, seconds):
    assert units.parse_duration_s(text) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "2", "ms", "-2s", "2 s s", "1s1h", "2s3s", "1d", "1e999s", "nans", "infs", "2,5s", 2]
)
def test_a_duration_that_cannot_be_meant_names_itself_and_the_remedy(text):
    with pytest.raises(SpecError, match=r"min_on is .*such as 250ms, 2s or 1h30m"):
        units.parse_duration_s(text, name="min_on")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3),
        ("0:03", 3),
        (" 1:30 ", 90),
        ("90:00", 5400),
        ("1:02:03.5", 3723.5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("250ms", 0.25),
        ("1h30m", 5400),
    ],
)
def test_times_on_a_command_line_may_be_bare_seconds_or_as_a_clock_shows_them(text, seconds):
    assert units.parse_time_s(text) == pytest.approx(seconds, rel=1e-15)


@pytest.mark.parametrize(
    "text", ["", "-3", "1:60", "1:2:3:4", "1:60:00", ":30", "1:", "1e3", "٣", "9" * 500, "soon"]
)
def test_a_time_that_cannot_be_meant_names_itself_and_the_remedy(text):
    with pytest.raises(SpecError, match=r"start is .*such as .*|start is empty; .*such as 250ms"):
        units.parse_time_s(text, name="start")


def test_a_range_runs_from_the_shorter_to_the_longer():
    assert units.parse_duration_range_s("0.6s-1.5s") == (0.6, 1.5)
    with pytest.raises(SpecError, match="the shorter of the two comes first"):
        units.parse_duration_range_s("4s-2s")
    with pytest.raises(SpecError, match="shortest and the longest"):
        units.parse_duration_range_s("4s")
    with pytest.raises(
        SpecError, match=r'range is "0\.6-1\.5s": its shortest is "0\.6", which is no duration'
    ):
        units.parse_duration_range_s("0.6-1.5s")


@pytest.mark.parametrize(
    ("text", "hz"),
    [
        ("440", 440),
        ("1.5k", 1500),
        ("1.5kHz", 1500),
        ("1.5 khz", 1500),
        ("697.5Hz", 697.5),
        ("2M", 2e6),
        (0.25, 0.25),
    ],
)
def test_frequencies(text, hz):
    assert units.parse_frequency_hz(text) == hz


@pytest.mark.parametrize(
    "text", ["", "0", "-440", "3m", "440 dB", "1e400", "1e308k", "nan", "inf", math.nan, True, None]
)
def test_a_frequency_that_cannot_be_meant_names_itself_and_the_remedy(text):
    with pytest.raises(SpecError, match=r"centre is .*write a number above 0"):
        units.parse_frequency_hz(text, name="centre")


@pytest.mark.parametrize(
    ("text", "level_dbfs"),
    [
        ("-30dBFS", -30),
        ("-30 dbfs", -30),
        ("-30", -30),
        ("−30dB", -30),
        (-30, -30),
        ("3.14dBm0", 0),
        ("-10dBm0", -13.14),
    ],
)
def test_levels_are_read_as_dbfs(text, level_dbfs):
    assert units.parse_level_dbfs(text) == pytest.approx(level_dbfs, abs=1e-12)


def test_sound_pressure_is_refused_without_a_calibration():
    with pytest.raises(SpecError, match="needs a calibrated source"):
        units.parse_level_dbfs("94dBSPL")


def test_a_ratio_in_db_has_no_reference():
    assert units.parse_db("8dB") == units.parse_db("8") == units.parse_db(8) == 8
    with pytest.raises(SpecError, match='twist_db is "8dBFS"; it compares two levels'):
        units.parse_db("8dBFS", name="twist_db")


def test_a_slipped_decimal_point_is_no_level():
    with pytest.raises(SpecError, match=r"within -400\.\.400 dB"):
        units.parse_level_dbfs("-3000dBFS")


def test_percentages():
    assert units.parse_ratio("1.5%") == pytest.approx(0.015)
    assert units.parse_ratio(0.015) == 0.015
    for text in ("0.015", "-1%", "25 percent", "1e999%"):
        with pytest.raises(SpecError):
            units.parse_ratio(text)


@pytest.mark.parametrize(("text", "samples"), [("4096", 4096), (4096, 4096), ("85ms", 4080), ("1e3", 1000)])
def test_lengths_are_samples_or_time(text, samples):
    assert units.parse_length_samples(text, 48000) == samples


def test_a_length_below_a_sample_says_how_long_it_is():
    with pytest.raises(SpecError, match=r'10us", 0\.48 samples at 48000 Hz'):
        units.parse_length_samples("10us", 48000)


@pytest.mark.parametrize(
    "text", ["0", "-5", "4096.5", 4096.5, "1e400", "9" * 5000, 2**70, "16777217", "1h", True]
)
def test_lengths_are_whole_and_of_a_size_that_can_be_meant(text):
    with pytest.raises(SpecError, match=r"window_length is .*such as 4096 or 85ms"):
        units.parse_length_samples(text, 48000)


@pytest.mark.parametrize(
    ("text", "samples"), [("1024", 1024), ("20ms", 960), ("25%", 1024), ("0.001%", 1), ("100%", 4096)]
)
def test_hops_are_samples_time_or_a_share_of_the_window(text, samples):
    assert units.parse_hop_samples(text, 4096, 48000) == samples


@pytest.mark.parametrize("text", ["0%", "101%", "4097", "1s", "-1%"])
def test_a_hop_beyond_the_window_is_refused(text):
    with pytest.raises(SpecError, match="hop is"):
        units.parse_hop_samples(text, 4096, 48000)


def test_a_field_is_read_by_the_unit_in_its_name():
    assert units.parse_field("min_tone_ms", "40ms") == 40
    assert units.parse_field("min_tone_ms", 40) == 40
    assert units.parse_field("floor_dbfs", "-30dBm0") == pytest.approx(-33.14)
    assert units.parse_field("max_high_hz", "1.6k") == 1600
    assert units.parse_field("tolerance", "1.5%") == pytest.approx(0.015)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (units.format_duration(0.25), "250ms"),
        (units.format_duration(1.5), "1.5s"),
        (units.format_duration(5025), "1h23m45s"),
        (units.format_duration(3600), "1h"),
        (units.format_duration(0), "0ms"),
        (units.format_frequency(440), "440Hz"),
        (units.format_frequency(1500), "1.5kHz"),
    ],
)
def test_people_read_what_they_could_have_written(shown, text):
    assert shown == text


@given(st.floats(1e-6, 59))
def test_durations_survive_the_round_trip(seconds):
    assert units.parse_duration_s(units.format_duration(seconds)) == pytest.approx(seconds, rel=1e-5)


@given(st.integers(60, 10**7))
def test_whole_seconds_survive_the_round_trip_exactly(seconds):
    assert units.parse_duration_s(units.format_duration(seconds)) == seconds


@given(POSITIVE)
def test_frequencies_survive_the_round_trip(hz):
    assert units.parse_frequency_hz(units.format_frequency(hz)) == pytest.approx(hz, rel=1e-5)


@given(st.floats(-190, 100))
def test_decibels_survive_the_round_trip(db):
    assert units.db_from_power(units.power_from_db(db)) == pytest.approx(db, abs=1e-9)
    assert units.db_from_amplitude(units.amplitude_from_db(db)) == pytest.approx(db, abs=1e-9)


def test_no_power_reads_as_silence_and_not_as_an_error():
    assert units.db_from_power(0) == units.db_from_amplitude(0) == -200


@pytest.mark.parametrize("value", [0.0, 1e-13, 1e-12, 0.3, 1.0, 7.0])
def test_what_is_below_the_least_counts_as_that(value):
    assert units.db_from_power(value, least=1e-12) == 10 * math.log10(max(value, 1e-12))
    assert units.db_from_amplitude(value, least=1e-12) == 20 * math.log10(max(value, 1e-12))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_are_told_in_decibels_of_their_own_precision(dtype):
    values = np.array([0, 1e-30, 0.01, 0.5, 1, 1000], dtype)
    powers_db, amplitudes_db = units.db_from_powers(values), units.db_from_amplitudes(values)
    assert powers_db.dtype == amplitudes_db.dtype == dtype
    assert powers_db == pytest.approx([-200, -200, -20, -3.0103, 0, 30], abs=1e-4)
    assert amplitudes_db == pytest.approx([-200, -200, -40, -6.0206, 0, 60], abs=1e-4)
    assert units.powers_from_db(powers_db.astype(np.float64))[2:] == pytest.approx(values[2:], rel=1e-6)


@pytest.mark.parametrize("parse", PARSERS)
@given(
    text=st.text(max_size=12)
    | st.from_regex(r"[-+]?[0-9.]{0,5}([eE][0-9]{1,4})? ?[a-zA-Z%µ-]{0,5}[0-9s]{0,4}", fullmatch=True)
)
@example("1e999")
@example("1" * 400)
@example("²")
@example("٣s")
@settings(max_examples=50)
def test_any_text_is_a_finite_value_or_a_spec_error_of_one_line(parse, text):
    value, message = 0.0, ""
    try:
        value = parse(text)
    except SpecError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 300
    assert all(math.isfinite(part) for part in (value if isinstance(value, tuple) else (value,)))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-22T07:31:00+01:00", "2026-11-22T06:31:00+00:00"),
        ("2026-11-22 07:31Z", "2026-11-22T07:31:00+00:00"),
        (" 2026-11-22T07:31:00.25Z ", "2026-11-22T07:31:00.250000+00:00"),
    ],
)
def test_a_moment_is_a_date_and_a_time(text, utc):
    assert units.parse_moment(text).astimezone(UTC).isoformat() == utc


def test_a_moment_without_an_offset_is_meant_here():
    assert units.parse_moment("2026-11-22T07:31:00") == datetime(2026, 11, 22, 7, 31).astimezone()


@pytest.mark.parametrize(
    "text", ["", "now", "07:31", "2026-13-01", "0001-01-01", "9999-12-31T23:59Z", "2026-11-22T25:00"]
)
def test_what_is_no_moment_says_how_one_is_written(text):
    with pytest.raises(
        SpecError, match=r"start-time is .*; write a date and a time such as 2026-11-22T07:31:00"
    ):
        units.parse_moment(text, name="start-time")
