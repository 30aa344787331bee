"""Spectrogram and Levels, as programs and notebooks look at them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import streamer
from streamer.analysis.bank import Bank
from streamer.base.errors import MissingExtraError, SpecError
from streamer.stores.measured import Levels, Measured, Spectrogram

FS = 8000
T = np.arange(FS) / FS
TONE = 0.5 * np.sin(2 * np.pi * 1000 * T)
SCALES = ("complex", "amplitude", "power", "psd")


def measure(x: np.ndarray = TONE, bands: object = "lin:200-3800:200", **told: object) -> Spectrogram:
    return streamer.spectrogram(x, FS, bands, **{"window_length": 512, "hop_length": 128, **told})


def listen(x: np.ndarray = TONE, bands: object = "lin:200-3800:200") -> Levels:
    [levels] = streamer.Listener(FS, None, bands, window_length=512, hop_length=128).feed(x)
    return levels


def test_levels_and_a_spectrogram_of_the_same_signal_say_the_same_in_the_same_way():
    S, levels = measure(scale="complex"), listen()
    np.testing.assert_array_equal(levels, S)
    for name in ("power", "level_dbfs", "freqs_hz", "times_s", "starts"):
        np.testing.assert_array_equal(getattr(levels, name), getattr(S, name))
    for name in ("shape", "dtype", "window", "enbw_hz", "fs", "scale"):
        assert getattr(levels, name) == getattr(S, name)
    assert levels.to_xarray().identical(S.to_xarray())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_full_scale_sine_reads_0_dbfs_on_every_scale(dtype):
    for scale in SCALES:
        S = measure(2 * TONE, scale=scale, dtype=dtype)
        assert S.level_dbfs.shape == S.shape == (19, 59)
        assert S.level_dbfs.dtype == dtype
        np.testing.assert_allclose(S.level_dbfs[4], 0, atol=1e-3)
        np.testing.assert_allclose(S.power[4], 0.5, rtol=1e-3)


@pytest.mark.parametrize("scale", SCALES)
def test_silence_reads_minus_200_on_every_scale(scale):
    np.testing.assert_allclose(measure(0 * TONE, scale=scale).level_dbfs, -200, atol=1e-3)


def test_numpy_takes_it_for_its_values():
    S = measure(np.stack([TONE, 0 * TONE]))
    assert np.asarray(S) is not None
    assert np.shares_memory(np.asarray(S), S.values)
    assert np.asarray(S, dtype=np.float64).dtype == np.float64
    assert not np.shares_memory(np.array(S, copy=True), S.values)
    assert np.max(S) == S.values.max()
    assert S.shape == (2, 19, 59)


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (
            measure,
            "<Spectrogram: 19 bands from 200Hz to 3.8kHz x 59 frames from 32ms to 960ms, amplitude in ",
        ),
        (lambda: measure(np.stack([[TONE] * 3] * 2)), "<Spectrogram: 2 x 3 channels of 19 bands from"),
        (
            lambda: measure(TONE[:512], [440]),
            "<Spectrogram: 1 band at 440Hz x 1 frame at 32ms, amplitude in float32, ",
        ),
        (
            listen,
            "<Levels of channel 1: 19 bands from 200Hz to 3.8kHz x 59 frames from 32ms to 960ms, complex",
        ),
        (lambda: measure(window=np.hanning), "own values window of 512, hop 128, sampled at 8kHz>"),
        (lambda: measure(bands="dtmf").bank, "<Bank dtmf: 8 bands from 697Hz to 1.633kHz>"),
    ],
)
def test_its_repr_is_a_line(measured, shown):
    line = repr(measured())
    assert shown in line
    assert len(line) < 180
    assert "\n" not in line


# --- pictures


def open_png(measured: Measured) -> np.ndarray:
    data = measured._repr_png_()
    assert data is not None
    return np.asarray(Image.open(BytesIO(data)))


def test_a_notebook_shows_a_picture_of_any_scale_and_number_of_channels():
    shapes = [open_png(measure(scale=scale)).shape for scale in SCALES]
    assert shapes == [(400, 1000, 3)] * 4
    np.testing.assert_array_equal(open_png(measure(scale="power")), open_png(measure(scale="complex")))
    assert open_png(measure(np.stack([TONE] * 3))).shape[0] == 900
    assert open_png(measure(np.stack([TONE] * 20))).shape[0] == 150 + 8 * 250
    assert open_png(listen()).shape == (400, 1000, 3)


def test_of_not_one_frame_there_is_no_picture():
    S = measure()
    empty = Spectrogram(values=S.values[:, :0], analysis=S.analysis, scale=S.scale)
    assert empty._repr_png_() is None
    assert "x 0 frames, amplitude" in repr(empty)
    with pytest.raises(SpecError, match="not one frame"):
        empty.plot()


# --- matplotlib


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.mark.parametrize("bands", ["lin:200-3800:200", "log:100-3k:40", "notes:A2-A6", "dtmf", [440]])
@pytest.mark.usefixtures("pyplot")
def test_a_plot_shows_each_level_at_its_time_and_frequency(bands):
    S = measure(bands=bands)
    ax = S.plot()
    [mesh] = ax.collections
    edges_s, edges_hz = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
    np.testing.assert_allclose((edges_s[1:] + edges_s[:-1]) / 2, S.times_s)
    assert ((edges_hz[:-1] < S.freqs_hz) & (S.freqs_hz < edges_hz[1:])).all()
    np.testing.assert_array_equal(mesh.get_array(), S.level_dbfs)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time, s", "frequency, Hz")
    ax.figure.canvas.draw()
    assert any(label.get_text() for label in ax.get_yticklabels())


def test_a_plot_goes_on_the_axes_it_is_given_and_spans_the_levels_asked_for(pyplot):
    _, (first, second) = pyplot.subplots(2)
    S = measure(np.stack([TONE, 0.1 * TONE]))
    assert S.plot(second, channel=2, floor_db=-60, ceiling_db=-10) is second
    assert not first.collections
    [mesh] = second.collections
    assert mesh.get_clim() == (-60, -10)
    np.testing.assert_array_equal(mesh.get_array(), S.level_dbfs[1])
    with pytest.raises(SpecError, match="channel is 3; there are 2"):
        S.plot(first, channel=3)


@pytest.mark.usefixtures("pyplot")
def test_a_short_tone_in_a_long_signal_is_not_lost_in_a_plot():
    x = np.zeros(40 * FS)
    x[100_000:100_400] = TONE[:400]
    S = measure(x, hop_length=40)
    [mesh] = S.plot().collections
    assert mesh.get_array().shape == (19, -(-S.shape[1] // -(-S.shape[1] // 2000)))
    assert mesh.get_array().max() == S.level_dbfs.max()


def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="pip install matplotlib"):
        measure().plot()


def test_a_bank_of_own_frequencies_is_measured_as_levels_too():
    levels = listen(bands=Bank(freqs_hz=np.array([500.0, 1000.0]), labels=("low", "high")))
    assert levels.bank.labels == ("low", "high")
    assert levels.level_dbfs[:, 3].round().tolist() == [pytest.approx(-200, abs=130), -6]
