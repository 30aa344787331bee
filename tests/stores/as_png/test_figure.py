"""Pictures read back: what was heard is where it should be, and nothing short or narrow is lost."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from streamer.base.colours import COLOURS
from streamer.base.errors import SpecError
from streamer.plans.bands import parse_bank
from streamer.recordings.export import Export, run_export
from streamer.recordings.pieces import Spectra, SpectraSpec
from streamer.sources import parse_source
from streamer.stores.as_png.figure import Figure
from streamer.stores.as_png.layout import Style, lay_out
from streamer.stores.as_png.pooling import FrequencyAxis
from streamer.stores.as_png.sheet import MARK, UNSEEN, Sheet
from streamer.stores.heading import Heading, Piece
from tests.recordings.test_pieces import write_damaged
from tests.signals import dtmf_digits

FS = 8000
SMALL = Style(width=500, height=300)
GREEN = np.convolve([green for _, green, _ in COLOURS], [0.5, 0.5], "valid")  # it rises from colour to colour


def draw(path: Path, samples: np.ndarray, *, style: Style = SMALL, fs: int = FS, **spec) -> np.ndarray:
    """(panels, height, width) index of the nearest colour, bottom row first, but for what is grey at both ends."""
    soundfile.write(path, samples, fs, subtype="FLOAT")
    target = path.with_suffix(".png")
    run_export(
        Export(source=parse_source(str(path)), spec=SpectraSpec(**spec), style=style, targets=(target,))
    )
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    return read_panels(target, style, channels)


def read_panels(target: Path, style: Style, channels: int = 1) -> np.ndarray:
    with Image.open(target) as image:
        assert image.size == (style.width, style.height)
        pixels = np.asarray(image.convert("RGB")).astype(int)
    panels = []
    for box in lay_out(style, channels):
        panel = pixels[box.top : box.bottom, box.left : box.right][::-1]
        seen = np.flatnonzero(~is_unseen(panel))
        panels.append(np.searchsorted(GREEN, panel[:, seen[0] : seen[-1] + 1, 1]))
    return np.stack(panels)


def is_unseen(panel: np.ndarray) -> np.ndarray:
    """(width,) from (height, width, 3)"""
    return (panel == UNSEEN).all(axis=(0, 2))


def sine(freq_hz: float, seconds: float, *, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * freq_hz / FS * np.arange(round(seconds * FS)))


@pytest.mark.parametrize(
    "bands", [None, "log:50-3.9k:100", "notes:A1-A7", "lin:10-3990:2", "third-octave:50-3k"]
)
@pytest.mark.parametrize("freq_hz", [110.0, 880.0, 1760.0])
def test_a_tone_is_the_brightest_row_and_stands_at_its_frequency(tmp_path, bands, freq_hz):
    panel = draw(tmp_path / "tone.wav", sine(freq_hz, 2), bands=bands)[0]
    bank = SpectraSpec(bands=bands).make_measurement(FS).analysis.bank
    nearest_hz = bank.freqs_hz[np.argmin(abs(bank.freqs_hz - freq_hz))]
    brightness = panel.mean(axis=1)
    assert brightness.max() > 25
    at = FrequencyAxis(bank).place(nearest_hz) * len(panel)
    brightest = np.flatnonzero(brightness == brightness.max()) + 0.5
    assert abs(brightest.mean() - at) < max(1.5, 0.6 * len(panel) / len(bank))


def test_a_tone_of_one_frame_is_never_lost_in_an_hour(tmp_path):
    """A 50 ms burst in 20 minutes, 2.5 s of them to a pixel."""
    samples = np.zeros(1200 * 1000)
    samples[700_000:700_050] = 0.5 * np.sin(2 * np.pi * 0.2 * np.arange(50))
    panel = draw(tmp_path / "burst.wav", samples, fs=1000, bands="200,300", window_length="64", hop="32")[0]
    columns = np.flatnonzero(panel.max(axis=0) > 20)
    assert 1 <= len(columns) <= 3
    assert abs(columns.mean() / panel.shape[1] - 700_025 / 1_200_000) < 0.01


def test_channels_are_drawn_one_below_the_other(tmp_path):
    stereo = np.stack([sine(500, 1), sine(3000, 1)], axis=1)
    first, second = draw(tmp_path / "stereo.wav", stereo, style=Style(width=500, height=400))
    assert first.mean(axis=1).argmax() < 0.2 * len(first)
    assert second.mean(axis=1).argmax() > 0.7 * len(second)


def test_events_are_framed_where_and_when_they_were_heard(tmp_path):
    digits, presses = dtmf_digits("1590", FS, on_ms=200, off_ms=200)
    style = Style(width=1000, height=500)
    bands = "lin:500-2000:5"
    draw(tmp_path / "dial.wav", digits, style=style, bands=bands, plans=("dtmf",))
    box = lay_out(style, 1)[0]
    with Image.open(tmp_path / "dial.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    is_mark = (pixels == MARK).all(axis=-1)
    bracket = np.flatnonzero(np.diff(is_mark[box.top - 4, box.left : box.right].astype(int)) == 1) + 1
    shown_s = len(digits) / FS
    expected = [press.start_sample / FS / shown_s * box.width for press in presses]
    np.testing.assert_allclose(bracket, expected, atol=0.02 / shown_s * box.width)
    axis = FrequencyAxis(parse_bank(bands))
    rows = np.flatnonzero(is_mark[box.top : box.bottom, box.left + int(expected[0]) + 20])
    for hz in (697, 1209):
        y = (1 - axis.place(hz)) * box.height
        assert np.any((rows > y - 7) & (rows < y))
        assert np.any((rows > y) & (rows < y + 7))


@pytest.mark.parametrize("fs", [FS, 256_000, 4_000_000])
@pytest.mark.parametrize("length", ["16", "999", "4000"])
def test_the_heading_says_numbers_without_powers_of_ten(tmp_path, fs, length, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(Sheet, "_text", lambda _sheet, _x, _y, text, **_how: said.append(text))
    draw(tmp_path / "a.wav", np.random.default_rng(1).uniform(-1, 1, 20_000), fs=fs, window_length=length)
    [about] = [text for text in said if "ENBW" in text]
    assert not re.search(r"\de[+-]\d", about)


@pytest.mark.parametrize("seconds", [0.01, 0.5, 60, 3600])
def test_the_unit_of_the_times_never_touches_the_last_of_them(tmp_path, seconds, monkeypatch):
    fs = 8000 if seconds < 1 else 20
    said: dict[str, tuple[float, str]] = {}
    monkeypatch.setattr(
        Sheet, "_text", lambda _sheet, x, _y, text, **how: said.update({text: (x, how.get("anchor", "la"))})
    )
    draw(tmp_path / "a.wav", np.random.default_rng(1).uniform(-1, 1, round(seconds * fs)), fs=fs)
    unit = next(text for text in ("s", "m:ss", "h:mm:ss") if text in said)
    times = [(x, text) for text, (x, anchor) in said.items() if anchor == "ma"]
    x, text = max(times)
    sheet = Sheet(SMALL)
    assert x + sheet._width(text, 15) / 2 < said[unit][0]
    assert said[unit][0] + sheet._width(unit, 13) < SMALL.width


@pytest.mark.parametrize(("length", "hop"), [(4000, 1000), (4000, 4000), (800, 100), (6000, 10)])
def test_half_a_window_at_each_end_is_grey_and_what_is_heard_stands_at_its_time(tmp_path, length, hop):
    """A click in two seconds; a picture begins where the recording does."""
    samples = np.zeros(2 * FS)
    samples[FS + 1000] = 1
    soundfile.write(tmp_path / "click.wav", samples, FS, subtype="FLOAT")
    spec = SpectraSpec(bands="1000,2000", window_length=str(length), hop=str(hop))
    source, target = parse_source(str(tmp_path / "click.wav")), tmp_path / "click.png"
    run_export(Export(source=source, spec=spec, style=SMALL, targets=(target,)))
    box = lay_out(SMALL, 1)[0]
    with Image.open(target) as image:
        panel = np.asarray(image.convert("RGB")).astype(int)[box.top : box.bottom, box.left : box.right]
    shown = (2 * FS - length) // hop * hop + length
    edge = min(round((length - hop) / 2 / shown * box.width), (box.width - 1) // 2)
    seen = np.flatnonzero(~is_unseen(panel))
    assert (seen[0], seen[-1]) == (edge, box.width - 1 - edge)
    bright = np.flatnonzero(panel[:, :, 0].mean(axis=0) * ~is_unseen(panel) > 150)
    assert abs(bright.mean() + 0.5 - (FS + 1000) / shown * box.width) <= max(1.5, hop / shown * box.width)


def test_a_lone_band_fills_the_picture(tmp_path):
    panel = draw(tmp_path / "one.wav", sine(440, 1), bands="440")[0]
    assert panel.min() > 25


def test_silence_is_dark_and_no_error(tmp_path):
    assert draw(tmp_path / "silence.wav", np.zeros(FS)).max() == 0


def test_floor_and_ceiling_are_the_darkest_and_the_brightest_colour(tmp_path):
    style = Style(width=500, height=300, floor_db=-40, ceiling_db=-20)
    panel = draw(tmp_path / "tone.wav", sine(1000, 1, amplitude=0.1**1.5), style=style, bands="1000")[0]
    np.testing.assert_allclose(panel[:, 5:-5], len(COLOURS) // 2, atol=1)


def test_complex_values_have_no_picture(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(FS), FS)
    with Spectra(parse_source(str(tmp_path / "a.wav")), SpectraSpec(scale="complex")) as spectra:
        heading = spectra.heading
    with pytest.raises(SpecError, match="scale is complex"):
        Figure(tmp_path / "a.png", heading, SMALL)


@pytest.mark.parametrize("name", ["x" * 200, "żółć", "ファイル", "a" * 30 + "\n"])
def test_any_file_name_fits_the_heading(tmp_path, name):
    draw(tmp_path / f"{name}.wav", sine(440, 1), bands="440")


@pytest.mark.parametrize(
    "spec", [{"bands": "dtmf"}, {"bands": "zvei1"}, {"scale": "psd"}, {"window": "kaiser:8.6"}]
)
@pytest.mark.parametrize("size", [(400, 240), (3000, 2000)])
def test_every_axis_can_be_drawn_small_and_large(tmp_path, spec, size):
    panel = draw(tmp_path / "tone.wav", sine(1000, 1), style=Style(width=size[0], height=size[1]), **spec)
    assert math.isfinite(panel.mean())


def test_what_a_damaged_recording_has_lost_is_grey_and_no_silence(tmp_path: Path) -> None:
    path, _ = write_damaged(tmp_path)
    spec, target = SpectraSpec(bands="lin:200-3800:50"), tmp_path / "x.png"
    done = run_export(Export(source=parse_source(str(path)), spec=spec, style=SMALL, targets=(target,)))
    assert done.damage is not None
    with Image.open(target) as image:
        (box,) = lay_out(SMALL, 1)
        panel = np.asarray(image.convert("RGB"))[box.top : box.bottom, box.left : box.right].astype(int)
    grey = np.flatnonzero((panel == UNSEEN).all(axis=(0, 2)))
    in_middle = grey[(grey > box.width // 4) & (grey < box.width * 3 // 4)]
    assert len(in_middle) > 5
    assert (np.diff(in_middle) == 1).all()


def test_a_picture_of_nothing_that_is_known_is_grey(tmp_path: Path) -> None:
    figure = make_figure(tmp_path / "x.png")
    figure.write(Piece(first_frame=0, values=np.full((1, 20, 2), np.nan, np.float32)))
    figure.finish()
    with Image.open(tmp_path / "x.png") as image:
        (box,) = lay_out(SMALL, 1)
        panel = np.asarray(image.convert("RGB"))[box.top : box.bottom, box.left : box.right]
    assert (panel == UNSEEN).all()


def make_figure(path: Path) -> Figure:
    measurement = SpectraSpec(bands="697,770").make_measurement(FS)
    heading = Heading(name="x", measurement=measurement, channels=1, start_sample=0, n_frames=20)
    return Figure.open(path, heading, SMALL)
