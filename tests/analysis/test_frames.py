from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import get_window

from streamer.analysis.frames import COSINE_SUMS, FrameSpec, make_taper, spell_window
from streamer.base.errors import SpecError


@pytest.mark.parametrize("length", [1, 2, 3, 64, 205])
@pytest.mark.parametrize("window", [*COSINE_SUMS, "kaiser:8.6", "tukey:0.25", "cosine", "triang"])
def test_tapers_are_scipys_periodic_ones(window, length):
    name, *parameters = window.split(":")
    expected = get_window((name, *map(float, parameters)) if parameters else name, length, fftbins=True)
    np.testing.assert_allclose(make_taper(window, length), expected, rtol=0, atol=1e-15)


def test_a_window_may_be_given_by_its_values():
    np.testing.assert_array_equal(make_taper("values:0,0.5,1,0.25", 4), [0, 0.5, 1, 0.25])


def test_a_taper_is_made_once_and_cannot_be_changed():
    taper = make_taper("hann", 100)
    assert make_taper("hann", 100) is taper
    with pytest.raises(ValueError, match="read-only"):
        taper[0] = 1


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("hannn", 'window is "hannn"; it must be a name scipy.signal.get_window knows'),
        ("kaiser", 'window is "kaiser"'),
        ("kaiser:x", 'window is "kaiser:x"'),
        ("values:1,2", "window has 2 values; .*4"),
        ("values:1,2,nan,3", "finite"),
        ("values:1,2,x,3", "not a number"),
    ],
)
def test_unknown_windows_are_refused(window, message):
    with pytest.raises(SpecError, match=message):
        make_taper(window, 4)


@pytest.mark.parametrize(
    ("length", "hop", "message"),
    [
        (0, 1, "length_samples is 0"),
        (4, 0, r"hop_samples is 0; it must lie in 1..4 \(length_samples\)"),
        (4, 5, "hop_samples is 5"),
    ],
)
def test_frames_that_miss_samples_are_refused(length, hop, message):
    with pytest.raises(SpecError, match=message):
        FrameSpec(length_samples=length, hop_samples=hop)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 500))
def test_frames_within_counts_those_that_end_in_time(length, hop, n_samples):
    spec = FrameSpec(length_samples=length, hop_samples=min(hop, length))
    ends = [k * spec.hop_samples + length for k in range(600)]
    assert spec.frames_within(n_samples) == sum(end <= n_samples for end in ends)


def test_hann_takes_in_one_and_a_half_bins_of_noise():
    assert FrameSpec(length_samples=1000, hop_samples=500).enbw_hz(8000) == pytest.approx(12)


@pytest.mark.parametrize("window", ["kaiser:1e30", "kaiser:inf"])
def test_a_window_that_cannot_be_computed_is_refused(window):
    with pytest.raises(SpecError, match="not all finite"):
        make_taper(window, 512)


# --- the forms in which callers have a window


@pytest.mark.parametrize(
    ("window", "spelt"),
    [
        ("hann", "hann"),
        ("kaiser:8.6", "kaiser:8.6"),
        (("kaiser", 8.6), "kaiser:8.6"),
        (("kaiser", np.float32(0.1)), f"kaiser:{float(np.float32(0.1))!r}"),
        (("general_gaussian", 1.5, 7), "general_gaussian:1.5:7.0"),
        (("hann",), "hann"),
        ([0, 0.5, 1.25, 0.5], "values:0.0,0.5,1.25,0.5"),
        ((0, 0.5, 1.25, 0.5), "values:0.0,0.5,1.25,0.5"),
        (np.arange, "values:0.0,1.0,2.0,3.0"),
    ],
)
def test_a_window_is_spelt_from_the_form_a_caller_has_it_in(window, spelt):
    assert spell_window(window, 4) == spelt


@pytest.mark.parametrize("name", COSINE_SUMS)
@pytest.mark.parametrize("length", [16, 205, 4096])
def test_the_values_of_a_window_with_a_name_get_it_back(name, length):
    assert spell_window(get_window(name, length), length) == name
    assert spell_window(lambda n: get_window(name, n).astype(np.longdouble), length) == name


def test_other_values_are_called_own_values_and_named_windows_by_their_names():
    own = FrameSpec(length_samples=64, hop_samples=16, window=spell_window(np.hanning, 64))
    assert own.window_name == "own values"
    np.testing.assert_array_equal(own.taper, np.hanning(64))
    assert FrameSpec(length_samples=64, hop_samples=16, window="kaiser:8.6").window_name == "kaiser:8.6"


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (("kaiser", "x"), r'behind its name stand numbers, as in \("kaiser", 8.6\)'),
        (8.6, "float64 of shape"),
        (None, "object of shape"),
        (np.ones((2, 2)), r"shape \(2, 2\); it must be a name or real numbers"),
        (lambda: 1, "which gives no values"),
    ],
)
def test_a_window_that_is_none_is_refused(window, message):
    with pytest.raises(SpecError, match=message):
        spell_window(window, 4)
