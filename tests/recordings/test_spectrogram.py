"""Definitions, formats and errors of goertzel and spectrogram, and that workers do not show."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamer.analysis.bank import Bank
from streamer.analysis.frames import make_taper
from streamer.base.errors import MissingExtraError, SpecError
from streamer.recordings.spectrogram import goertzel, spectrogram
from tests.reference import dtft, dtft_frames

FS = 8000.0


def sine(freq_hz, n_samples, *, amplitude=1.0, fs=FS):
    return amplitude * np.sin(2 * np.pi * freq_hz / fs * np.arange(n_samples))


def noise(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# --- goertzel


@pytest.mark.parametrize("window", [None, "hann", "values"])
def test_goertzel_is_the_dtft_of_all_samples(window):
    x, freqs_hz = noise((2, 3, 333)), [440.2, 17, 3999]
    taper = {None: np.ones(333), "hann": make_taper("hann", 333), "values": np.linspace(0, 1, 333)}[window]
    values = goertzel(x, freqs_hz, FS, window=taper if window == "values" else window)
    assert values.shape == (2, 3, 3)
    assert values.dtype == np.complex128
    for at in np.ndindex(2, 3):
        np.testing.assert_allclose(values[at], dtft(x[at], freqs_hz, FS, taper), rtol=0, atol=1e-11)


def test_goertzel_stays_single_for_single_precision():
    assert goertzel(np.ones(10, np.float32), [100], FS).dtype == np.complex64


def test_goertzel_takes_a_long_signal_in_pieces_and_keeps_its_phase():
    n = 3 * (1 << 16) + 12345
    x = sine(1000.0037, n)
    value = goertzel(x, [1000.0037], FS)[0]
    np.testing.assert_allclose(value, dtft(x, [1000.0037], FS)[0], rtol=1e-11)


# --- spectrogram


@settings(max_examples=15, deadline=None)
@given(
    leading=st.sampled_from([(), (1,), (3,), (2, 2)]),
    length=st.integers(1, 300),
    hop_per_length=st.floats(0.05, 1),
    more=st.integers(0, 1000),
    n_bands=st.integers(1, 20),
    window=st.sampled_from(["hann", "boxcar", "flattop", "kaiser:5"]),
)
def test_every_full_frame_is_measured_the_last_one_included(
    leading, length, hop_per_length, more, n_bands, window
):
    hop = max(1, int(hop_per_length * length))
    x = noise((*leading, length + more))
    freqs_hz = np.linspace(1, 3999, n_bands)
    s = spectrogram(
        x,
        FS,
        freqs_hz,
        window_length=length,
        hop_length=hop,
        window=window,
        scale="complex",
        dtype=np.float64,
    )
    n_frames = more // hop + 1
    assert s.values.shape == (*leading, n_bands, n_frames)
    np.testing.assert_array_equal(s.starts, np.arange(n_frames) * hop)
    np.testing.assert_allclose(s.times_s, (s.starts + length / 2) / FS)
    taper = make_taper(window, length)
    for at in np.ndindex(leading):
        expected = dtft_frames(x[at], freqs_hz, FS, taper, hop)
        np.testing.assert_allclose(s.values[at].T, expected, rtol=0, atol=1e-12 * max(1, abs(expected).max()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scales_are_what_they_are_defined_as(dtype):
    x = sine(1000.3, 4000, amplitude=0.5) + 1e-3 * noise(4000)
    of = {
        scale: spectrogram(x, FS, [500.1, 1000.3], window_length=1000, scale=scale, dtype=dtype).values
        for scale in ("complex", "amplitude", "power", "psd")
    }
    taper, magnitude = make_taper("hann", 1000), abs(of["complex"])
    assert of["complex"].dtype == np.result_type(dtype, np.complex64)
    assert of["psd"].dtype == dtype
    np.testing.assert_allclose(of["amplitude"], 2 * magnitude / taper.sum(), rtol=1e-5)
    np.testing.assert_allclose(of["power"], of["amplitude"] ** 2 / 2, rtol=1e-5)
    np.testing.assert_allclose(of["psd"], 2 * magnitude**2 / (FS * np.sum(taper**2)), rtol=1e-5)
    np.testing.assert_allclose(of["amplitude"][1], 0.5, rtol=1e-3)


def test_psd_of_white_noise_is_its_variance_over_half_the_rate():
    s = spectrogram(noise(200_000), FS, np.linspace(200, 3800, 40), window_length=1024, scale="psd")
    assert s.values.mean() == pytest.approx(2 / FS, rel=0.02)


@pytest.mark.parametrize(
    "dtype", ["i1", "i2", "i4", "i8", "u1", "u2", ">i2", "f2", "f4", ">f4", "f8", "longdouble"]
)
def test_full_scale_is_1_in_every_format(dtype):
    kind = np.dtype(dtype)
    full = 1.0 if kind.kind == "f" else 2.0 ** (8 * kind.itemsize - 1)
    x = sine(1000.3, 2000, amplitude=0.5).astype(np.longdouble) * full + (full if kind.kind == "u" else 0)
    x = (x if kind.kind == "f" else np.floor(x + np.longdouble(0.5))).astype(kind)
    s = spectrogram(x, FS, [1000.3, 300], window_length=1000, hop_length=500)
    np.testing.assert_allclose(s.values[0], 0.5, rtol=0.01)
    assert s.values[1].max() < 0.01  # unsigned samples are centred: no step, no offset


def test_silence_in_unsigned_pcm_reads_0():
    assert not spectrogram(np.full(600, 128, np.uint8), FS, [10], window_length=512).values.any()


@settings(max_examples=20, deadline=None)
@given(hnp.arrays(np.int16, st.integers(64, 200)))
def test_pcm_and_its_floats_read_the_same(x):
    settings_of = {"fs": FS, "bands": [50, 1234.5], "window_length": 64, "hop_length": 13}
    np.testing.assert_array_equal(
        spectrogram(x, **settings_of).values, spectrogram(x / 32768, **settings_of).values
    )


def test_bands_are_a_specification_frequencies_in_any_order_or_a_bank():
    x = noise(600)
    in_order = spectrogram(x, FS, [100, 200], window_length=600).values
    np.testing.assert_array_equal(spectrogram(x, FS, "100,200", window_length=600).values, in_order)
    np.testing.assert_array_equal(spectrogram(x, FS, [200, 100], window_length=600).values, in_order[::-1])
    bank = Bank(freqs_hz=np.array([100.0, 200]), labels=("hum", "buzz"))
    assert spectrogram(x, FS, bank, window_length=600).bank.labels == ("hum", "buzz")


def test_the_signal_may_be_strided_and_is_left_alone():
    x = noise((600, 2))
    before = x.copy()
    x.flags.writeable = False
    s = spectrogram(x.T, FS, "dtmf", window_length=205, hop_length=100)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(
        s.values[1], spectrogram(x[:, 1].tolist(), FS, "dtmf", window_length=205, hop_length=100).values
    )


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("at", [0, 65_535, 65_536, 100_000, 199_999])
def test_the_first_sample_that_is_no_number_is_told_however_many_workers_look(at: int, workers: int) -> None:
    x = np.zeros(200_000, np.float32)
    x[at:] = np.nan
    with pytest.raises(SpecError, match=f"x is nan at sample {at};"):
        spectrogram(x, 8000, [440.0], 256, 256, workers=workers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros(100)}, "x has 100 samples and window_length is 256"),
        ({"x": np.zeros(0)}, r"x has shape \(0,\)"),
        ({"x": 3.0}, r"x has shape \(\)"),
        ({"x": np.zeros(500, complex)}, "x holds complex128; samples are real numbers"),
        ({"x": np.zeros(500, bool)}, "x holds bool"),
        ({"x": ["a"]}, "x holds <U1"),
        ({"x": np.where(np.arange(500) == 77, np.nan, 0)}, "x is nan at sample 77; .*numpy.nan_to_num"),
        ({"x": np.where(np.arange(500) == 9, -np.inf, 0)}, "x is -inf at sample 9"),
        ({"fs": 0}, "fs is 0"),
        ({"fs": np.nan}, "fs is nan"),
        ({"bands": [100, 4000]}, "band 4000 is 4000 Hz; .*below 4000 Hz"),
        ({"bands": [[100, 200]]}, "flat list"),
        ({"bands": "nonsense:3"}, "nonsense"),
        ({"window": "hannn"}, 'window is "hannn"'),
        ({"window": np.ones(255)}, "window has 255 values; .*256"),
        ({"window": np.ones((2, 128))}, r"window is float64 of shape \(2, 128\)"),
        ({"window": np.r_[np.ones(128), -np.ones(128)]}, "window sums to 0"),
        ({"window_length": 256.5}, "window_length is 256.5; .*whole number"),
        ({"window_length": 0}, "window_length is 0"),
        ({"hop_length": 0}, "hop_length is 0"),
        ({"hop_length": 257}, r"hop_length is 257; .*1..256 \(window_length\)"),
        ({"scale": "db"}, 'scale is "db"; it must be one of complex, amplitude, power, psd'),
        ({"dtype": np.int16}, "dtype is .*int16"),
        ({"dtype": "single-ish"}, "dtype is single-ish"),
        ({"workers": 0}, "workers is 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(change, message):
    arguments = {
        "x": np.zeros(500),
        "fs": FS,
        "bands": "dtmf",
        "window_length": 256,
        "hop_length": 64,
        **change,
    }
    with pytest.raises(SpecError, match=message) as refusal:
        spectrogram(**arguments)
    assert "\n" not in str(refusal.value)


def test_samples_too_large_for_single_precision_are_refused():
    with pytest.raises(SpecError, match="float32"):
        spectrogram(np.full(500, 1e39), FS, "dtmf", window_length=256)


def test_progress_counts_every_frame_once():
    calls = []
    x = noise((2, 60_000))
    s = spectrogram(
        x,
        FS,
        np.linspace(50, 3000, 100),
        window_length=2000,
        hop_length=10,
        window="kaiser:8",
        progress=lambda *args: calls.append(args),
    )
    done, totals = zip(*calls, strict=True)
    assert set(totals) == {2 * s.values.shape[-1]}
    assert list(done) == sorted(set(done))
    assert done[-1] == totals[0]
    assert len(done) > 2


def test_to_xarray_has_coordinates_with_units():
    xarray = pytest.importorskip("xarray")
    s = spectrogram(noise((2, 1000)), FS, "dtmf", window_length=205, hop_length=100, scale="psd")
    array = s.to_xarray()
    assert isinstance(array, xarray.DataArray)
    assert array.dims == ("channel", "frequency", "time")
    assert array.frequency.attrs["units"] == "Hz"
    assert array.time.attrs["units"] == "s"
    assert array.attrs["units"] == "1/Hz"
    assert array.attrs["window_length_samples"] == 205
    np.testing.assert_array_equal(array.window_start_sample, s.starts)
    assert np.shares_memory(array.values, s.values)


def test_to_xarray_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    s = spectrogram(noise(1000), FS, "dtmf", window_length=205, hop_length=100)
    with pytest.raises(MissingExtraError, match=r"pip install goertzel-streamer\[xarray\]"):
        s.to_xarray()


def test_bands_are_powers_and_their_scales_are_those_of_the_definitions():
    x = np.random.default_rng(1).normal(size=4 * round(FS))
    of = {
        scale: spectrogram(x, FS, "bark:50-3k", scale=scale, dtype=np.float64)
        for scale in ("power", "amplitude", "psd")
    }
    power, width_hz = of["power"].values, np.diff(of["power"].bank.edges_hz, axis=1)
    assert of["amplitude"].values == pytest.approx(np.sqrt(2 * power))
    assert of["psd"].values == pytest.approx(power / width_hz)
    assert of["psd"].values.mean() == pytest.approx(2 / FS, rel=0.05)


def test_goertzel_takes_the_middles_of_bands():
    x = np.random.default_rng(1).normal(size=round(FS))
    assert (goertzel(x, "bark:50-3k", FS) == goertzel(x, "probes(bark:50-3k)", FS)).all()


def test_an_array_shorter_than_the_longest_window_is_measured_in_windows_of_half_of_it():
    whole, short = (spectrogram(np.ones(n), FS, "notes:A1-A4") for n in (40000, 16000))
    assert whole.window_samples.max() == whole.frames.length_samples > 16000
    assert 6000 < short.window_samples.max() <= 8000
    assert short.window_samples[-1] == whole.window_samples[-1]
    assert short.times_s[0] == short.frames.length_samples / 2 / FS
