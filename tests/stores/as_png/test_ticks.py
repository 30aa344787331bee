"""Axes are marked with round numbers that do not touch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.bank import Bank
from streamer.plans.bands import parse_bank
from streamer.stores.as_png.pooling import FrequencyAxis
from streamer.stores.as_png.ticks import (
    choose_band_ticks,
    choose_level_ticks,
    choose_minor_ticks,
    choose_time_ticks,
)


def mark_bands(spec: str, length: float = 766) -> list[str]:
    axis = FrequencyAxis(parse_bank(spec))
    ticks = choose_band_ticks(axis.bank, axis.place, axis.ends_hz, length=length, label_height=20)
    return [tick.label for tick in ticks]


@pytest.mark.parametrize(
    ("spec", "labels"),
    [
        ("dtmf", "697 770 852 941 1209 1336 1477 1633"),
        (
            "lin:34-3983:17",
            "200 400 600 800 1k 1.2k 1.4k 1.6k 1.8k 2k 2.2k 2.4k 2.6k 2.8k 3k 3.2k 3.4k 3.6k 3.8k",
        ),
        ("log:50-8k:240", "50 100 200 300 500 1k 2k 3k 5k"),
        ("notes:A3-A4", "A3 A#3 B3 C4 C#4 D4 D#4 E4 F4 F#4 G4 G#4 A4"),
        ("notes:C1-C8", "C1 E1 G1 C2 E2 G2 C3 E3 G3 C4 E4 G4 C5 E5 G5 C6 E6 G6 C7 E7 G7 C8"),
        ("octave:63-8k", "63 125 250 500 1k 2k 4k 8k"),
        ("log:1000-1100:200", "1k 1.005k 1.01k 1.015k 1.02k 1.025k 1.03k 1.035k 1.04k"),
        ("lin:0.001-0.4:0.001", "0.02 0.04 0.06 0.08 0.1"),
    ],
)
def test_bands_are_marked_by_name_where_all_names_fit_else_by_round_numbers(spec, labels):
    assert mark_bands(spec)[: len(labels.split())] == labels.split()


@pytest.mark.parametrize(
    ("spec", "step_hz"),
    [
        ("lin:8-3992:4.4", 50),
        ("lin:34-3983:17", 50),
        ("lin:5-995:2.7", 10),
        ("mains50:20", 10),
        ("lin:600-127000:300", 2000),
    ],
)
def test_between_the_labels_of_a_linear_axis_are_marks_at_round_frequencies(spec, step_hz):
    axis = FrequencyAxis(parse_bank(spec))
    ticks = choose_band_ticks(axis.bank, axis.place, axis.ends_hz, length=766, label_height=20)
    minor = choose_minor_ticks(ticks, axis.ends_hz, length=766)
    every_hz = np.sort(axis.find_hz([*minor, *(tick.at for tick in ticks)]))
    np.testing.assert_allclose(np.diff(every_hz), step_hz, rtol=1e-6)
    np.testing.assert_allclose(every_hz, np.rint(every_hz / step_hz) * step_hz, rtol=1e-6)
    assert every_hz[0] - step_hz < axis.ends_hz[0]
    assert every_hz[-1] + step_hz > axis.ends_hz[1]


@pytest.mark.parametrize("spec", ["dtmf", "notes:A3-A4", "log:50-8k:240"])
def test_axes_that_are_not_linear_have_no_marks_without_a_label(spec):
    axis = FrequencyAxis(parse_bank(spec))
    ticks = choose_band_ticks(axis.bank, axis.place, axis.ends_hz, length=766, label_height=20)
    assert choose_minor_ticks(ticks, axis.ends_hz, length=766) == []


@given(
    st.floats(0.1, 1e5),
    st.floats(1.01, 1000),
    st.integers(2, 300),
    st.sampled_from(["linear", "log", "notes"]),
    st.floats(60, 3000),
)
def test_marks_of_frequencies_never_touch_and_stand_at_their_places(low_hz, ratio, n_bands, scale, length):
    step = (ratio - 1) / (n_bands - 1)
    freqs_hz = [low_hz * (1 + step * k) for k in range(n_bands)]
    axis = FrequencyAxis(Bank(freqs_hz=freqs_hz, scale=scale, labels=tuple(f"{hz:.9g}" for hz in freqs_hz)))
    ticks = choose_band_ticks(axis.bank, axis.place, axis.ends_hz, length=length, label_height=20)
    places = [tick.at * length for tick in ticks]
    assert all(b - a >= 20 for a, b in itertools.pairwise(places))
    assert all(-0.001 * length <= place <= 1.001 * length for place in places)
    for tick in ticks:
        hz = float(tick.label.replace("k", "e3"))
        assert tick.at == pytest.approx(float(axis.place(hz)), abs=1e-3)


def mark_times(start_s: float, stop_s: float, length: float = 1420) -> tuple[list[str], str]:
    ticks, unit = choose_time_ticks(start_s, stop_s, length=length, measure=lambda label: 8 * len(label) + 28)
    return [tick.label for tick in ticks], unit


@pytest.mark.parametrize(
    ("start_s", "stop_s", "labels", "unit"),
    [
        (0.03, 0.95, "0.05 0.10 0.15 0.20", "s"),
        (0.03, 7.0, "0.5 1.0 1.5 2.0", "s"),
        (3.0, 14.0, "3.0 3.5 4.0", "s"),
        (0.0, 30.0, "0 1 2 3", "s"),
        (0.0, 61.0, "0:00 0:05 0:10", "m:ss"),
        (0.03, 3599.0, "5:00 10:00 15:00", "m:ss"),
        (7199.5, 7203.0, "1:59:59.5 2:00:00.0 2:00:00.5", "h:mm:ss"),
        (0.0, 30 * 3600.0, "0:00:00 2:00:00 4:00:00", "h:mm:ss"),
    ],
)
def test_times_are_seconds_or_clock_times(start_s, stop_s, labels, unit):
    marked, given_unit = mark_times(start_s, stop_s)
    assert marked[: len(labels.split())] == labels.split()
    assert given_unit == unit


@given(st.floats(0, 1e6), st.floats(1e-4, 1e6), st.floats(220, 5000))
def test_marks_of_times_never_touch_and_are_all_different(start_s, length_s, length):
    ticks, _ = choose_time_ticks(
        start_s, start_s + length_s, length=length, measure=lambda label: 8 * len(label) + 28
    )
    labels = [tick.label for tick in ticks]
    assert len(set(labels)) == len(labels)
    for a, b in itertools.pairwise(ticks):
        assert (b.at - a.at) * length >= 8 * max(len(a.label), len(b.label)) + 27
    assert all(-1e-6 <= tick.at <= 1 + 1e-6 for tick in ticks)


@pytest.mark.parametrize(
    ("floor_db", "ceiling_db", "length", "labels"),
    [
        (-85, -15, 766, "-85 -80 -75 -70 -65 -60 -55 -50 -45 -40 -35 -30 -25 -20 -15"),
        (-90, -10, 200, "-80 -60 -40 -20"),
        (-41.5, -38, 766, "-41 -40 -39 -38"),
        (-500, 400, 100, "-500 0"),
    ],
)
def test_levels_are_marked_in_round_steps(floor_db, ceiling_db, length, labels):
    ticks = choose_level_ticks(floor_db, ceiling_db, length=length, label_height=40)
    assert [tick.label for tick in ticks] == labels.split()
