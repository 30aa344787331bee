"""Spectrograms in pieces are those of the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SourceError, SpecError
from streamer.recordings.choose_frames import LEAST_SAMPLES
from streamer.recordings.pieces import Spectra, SpectraSpec, choose_bands
from streamer.recordings.spectrogram import spectrogram
from streamer.sources import SourceSpec, parse_source
from tests.signals import dtmf_digits

FS = 8000


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """Ten seconds in three channels, and its samples (channels, n)."""
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (3, 10 * FS)).astype(np.float32)
    soundfile.write(path, samples.T, FS, subtype="FLOAT")
    return path, samples


def read(source: str | SourceSpec, *, workers: int = 1, **spec) -> tuple[np.ndarray, Spectra]:
    """(channels, bands, frames) joined from the pieces."""
    opened = parse_source(source) if isinstance(source, str) else source
    with Spectra(opened, SpectraSpec(**spec), workers=workers) as spectra:
        pieces = list(spectra.read_pieces())
        firsts = np.cumsum([0, *(piece.n_frames for piece in pieces[:-1])])
        assert [piece.first_frame for piece in pieces] == firsts.tolist()
        return np.concatenate([piece.values for piece in pieces], axis=1).swapaxes(1, 2), spectra


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", ["complex", "amplitude", "power", "psd"])
def test_values_are_bit_for_bit_those_of_the_whole_recording(noise, scale, dtype):
    path, samples = noise
    spec = {"bands": "lin:100-3900:10", "window_length": "512", "hop": "128"}
    values, _ = read(str(path), scale=scale, dtype=dtype, **spec)
    whole = spectrogram(samples, FS, "lin:100-3900:10", 512, 128, scale=scale, dtype=dtype)
    assert values.dtype == whole.values.dtype
    np.testing.assert_array_equal(values, whole.values)


@settings(max_examples=12)
@given(
    length=st.integers(1, 9000),
    hop_per_length=st.floats(0.05, 1),
    start=st.integers(0, 5 * FS),
    n=st.integers(1, 5 * FS),
    workers=st.sampled_from([1, 3]),
    n_bands=st.sampled_from([1, 40]),
)
def test_any_part_in_any_frames_by_any_number_of_workers_is_the_same(
    noise, length, hop_per_length, start, n, workers, n_bands
):
    path, samples = noise
    hop = max(1, int(hop_per_length * length), 8)
    length = max(length, hop)
    n = max(n, length)
    bands = f"log:100-3k:{n_bands}" if n_bands > 1 else "440"
    values, spectra = read(
        str(path),
        workers=workers,
        bands=bands,
        window_length=str(length),
        hop=str(hop),
        start_s=start / FS,
        end_s=(start + n) / FS,
    )
    whole = spectrogram(samples[:, start : start + n], FS, bands, length, hop)
    np.testing.assert_array_equal(values, whole.values)
    heading, n_frames = spectra.heading, values.shape[2]
    assert heading.n_frames == n_frames
    np.testing.assert_array_equal(heading.starts(0, n_frames), whole.starts + start)
    np.testing.assert_allclose(heading.times_s(0, n_frames), whole.times_s + start / FS, rtol=1e-12)


def test_a_source_of_unknown_length_gives_the_same(noise):
    path, _ = noise
    expected, _ = read(str(path), bands="440,880")
    first_sample = path.read_bytes().index(b"data") + 8
    raw = {"sample_format": "f32le", "rate_hz": FS, "channels": "3"}
    command = f"tail -c +{first_sample + 1} {path}"
    values, spectra = read(SourceSpec(kind="command", target=command, **raw), bands="440,880")
    assert spectra.heading.n_frames is None
    np.testing.assert_array_equal(values, expected)


def test_channels_are_chosen_before_anything_is_measured(noise):
    path, samples = noise
    values, spectra = read(SourceSpec(kind="file", target=str(path), channels="3,1"), bands="440")
    expected = spectrogram(samples[[2, 0]], FS, "440", 680, 170).values
    assert spectra.heading.channels == 2
    np.testing.assert_array_equal(values, expected)


def test_events_are_told_in_seconds_since_the_recordings_start(tmp_path):
    samples, truth = dtmf_digits("159", FS)
    path = tmp_path / "dial.wav"
    soundfile.write(path, np.concatenate([np.zeros(2 * FS), samples, np.zeros(FS)]), FS)
    starts = []
    for start_s in (0.0, 1.5):
        _, spectra = read(str(path), bands="440", start_s=start_s, plans=("dtmf",))
        digits = [event for event in spectra.events if event.phase == "end"]
        assert [event.label for event in digits] == ["1", "5", "9"]
        starts.append([event.t_s for event in digits])
    np.testing.assert_allclose(starts[0], starts[1], atol=2e-3)
    np.testing.assert_allclose(starts[0], [2 + press.start_sample / FS for press in truth], atol=5e-3)


def test_progress_ends_with_the_whole_part(noise):
    path, _ = noise
    told = []
    with Spectra(parse_source(str(path)), SpectraSpec(start_s=1, end_s=9)) as spectra:
        for _ in spectra.read_pieces(lambda *words: told.append(words)):
            pass
    assert told[-1] == ("noise.wav", 8.0, 8.0)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


@pytest.mark.parametrize(
    ("window_length", "fs_hz"),
    [
        ("85ms", 8000),
        ("85ms", 44100),
        ("20ms", 44100),
        ("2", 8000),
        ("4096", 48000),
        ("85ms", 250e3),
        ("64", 1),
    ],
)
def test_the_default_bands_leave_no_gap_for_a_tone_to_hide_in(window_length, fs_hz):
    analysis = SpectraSpec(window_length=window_length).make_measurement(float(fs_hz)).analysis
    bank, frames = analysis.bank, analysis.frames
    assert bank.freqs_hz[-1] < fs_hz / 2
    middle = (bank.freqs_hz[0] + bank.freqs_hz[1]) / 2 if len(bank) > 1 else bank.freqs_hz[0]
    n = np.arange(frames.length_samples)
    turned = np.exp(-2j * np.pi * (middle - bank.freqs_hz[0]) / fs_hz * n)
    assert abs(frames.taper @ turned) / frames.taper.sum() > 10 ** (-4 / 20)
    assert bank.freqs_hz[-1] > 0.6 * min(16000, fs_hz / 2)


@pytest.mark.parametrize("fs_hz", [192000.0, 384000.0, 500000.0])
def test_default_bands_of_a_bat_recording_reach_its_spectrum_and_leave_no_gap(fs_hz):
    analysis = SpectraSpec().make_measurement(fs_hz).analysis
    freqs_hz, enbw_hz = analysis.bank.freqs_hz, analysis.frames.enbw_hz(fs_hz)
    assert freqs_hz[-1] > 0.49 * fs_hz
    assert np.diff(freqs_hz).max() <= enbw_hz
    assert len(freqs_hz) < 1000
    at_96k = SpectraSpec().make_measurement(96000.0).analysis
    assert (at_96k.frames.length_samples, at_96k.bank.freqs_hz[-1]) == (8160, pytest.approx(16000, abs=20))
    assert SpectraSpec(window_length="85ms").make_measurement(fs_hz).analysis.frames.length_samples == round(
        0.085 * fs_hz
    )


def test_the_default_bands_stay_countable_for_the_longest_window():
    frames = FrameSpec(length_samples=1 << 22, hop_samples=1 << 20)
    assert choose_bands(48000.0, frames) == "lin:7.8-16000:3.9"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"scale": "phase"}, "scale is"),
        ({"dtype": "int16"}, "dtype is"),
        ({"start_s": 3.0, "end_s": 2.0}, "end is 2s; it must lie behind start, 3s"),
        ({"bands": "5k"}, "band 5000 is 5000 Hz"),
        ({"start_s": 11.0}, "start is 11s, but noise.wav ends at 10s: start earlier"),
        ({"window_length": "20s"}, "80000 samples from 0ms on are less than one window of 160000"),
        ({"window": "nosuch"}, "window is"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(noise, spec, message):
    with pytest.raises(SpecError, match=message):
        read(str(noise[0]), **spec)


def test_a_pipe_too_short_for_one_window_is_refused_at_its_end():
    source = SourceSpec(kind="command", target="head -c 100 /dev/zero", sample_format="s16le", rate_hz=FS)
    with pytest.raises(SpecError, match="50 samples from 0ms on are less than one window of 680"):
        read(source, bands="440")


@pytest.mark.parametrize("fs", [1, 10, 100, 1000, FS, 384_000, 20_000_000])
@pytest.mark.parametrize("n", [17, 80, 1000])
@pytest.mark.parametrize("spec", [{}, {"bands": "probes(lin:0.1-0.4:0.1)"}])
def test_a_recording_of_any_length_and_rate_has_a_spectrogram_without_any_flag(tmp_path, fs, n, spec):
    path = tmp_path / "short.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, n), fs)
    values, spectra = read(str(path), **spec)
    assert values.shape[2] >= (1 if n < 2 * LEAST_SAMPLES else 2)
    assert spectra.heading.frames.length_samples >= LEAST_SAMPLES


def test_an_empty_recording_is_said_to_be_empty(tmp_path):
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), FS)
    with pytest.raises(SourceError, match=r"empty\.wav is empty: it holds no sample"):
        read(str(tmp_path / "empty.wav"))


def test_advice_on_a_window_that_is_too_long_says_to_start_earlier_only_where_that_helps(noise):
    with pytest.raises(SpecError, match=r"shorten --window-length$"):
        read(str(noise[0]), window_length="20s")
    with pytest.raises(SpecError, match=r"shorten --window-length or start earlier$"):
        read(str(noise[0]), window_length="5s", start_s=8.0)


def test_a_damaged_recording_is_an_error_and_not_a_shorter_one(tmp_path):
    path = tmp_path / "cut.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, 20 * FS), FS)
    path.write_bytes(path.read_bytes()[:200_000])
    with pytest.raises(SourceError, match=r"cut\.flac is damaged or cut short"):
        read(str(path), bands="440")


def test_samples_that_are_no_numbers_are_told(tmp_path):
    path = tmp_path / "nan.wav"
    samples = np.zeros(FS, np.float32)
    samples[100:103] = np.nan
    soundfile.write(path, samples, FS, subtype="FLOAT")
    values, spectra = read(str(path), bands="440")
    assert not values.any()
    assert spectra.remarks == ["nan.wav: 3 samples are NaN or infinite; they were taken for silence"]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("scale", ["amplitude", "power", "psd"])
def test_pieces_of_bands_are_those_of_the_whole(noise, workers, scale):
    path, samples = noise
    pieces, spectra = read(str(path), bands="third-octave:63-3k", scale=scale, workers=workers)
    analysis = spectra.heading.measurement.analysis
    assert len(set(analysis.window_samples)) > 3
    whole = spectrogram(
        samples, FS, "third-octave:63-3k", hop_length=170, scale=scale, window_length=None
    )  # whose shortest window is another
    shared = whole.window_samples == analysis.window_samples
    offset = (analysis.frames.length_samples - whole.frames.length_samples) // 2
    assert shared.any()
    assert offset == 0
    assert (pieces[:, shared] == whole.values[:, shared]).all()


def test_gaps_between_probes_and_windows_that_do_not_fit_are_told(tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(2 * FS), FS)
    _, spectra = read(str(path), bands="dtmf")
    assert spectra.remarks == [
        "8 probes see 18 % of 697 to 1633 Hz, and no tone between them: bands(dtmf) would leave no gap"
    ]
    _, spectra = read(str(path), bands="notes:A1-A4")
    (remark,) = spectra.remarks
    assert "is too short for the windows that the width of A1 to " in remark
    assert "they are measured with 977.5ms, and hear beyond their edges" in remark
    for silent in ("bands(dtmf)", None, "lin:100-1k:10"):
        assert not read(str(path), bands=silent)[1].remarks


def test_complex_bands_are_refused_with_what_can_be_had(tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(2 * FS), FS)
    with pytest.raises(
        SpecError, match=r"ask for amplitude, power or psd, or .* probes\(bark:50-3k\)"
    ) as caught:
        read(str(path), bands="bark:50-3k", scale="complex")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("start_s", [0.0, 1.3])
def test_frames_with_samples_that_are_lost_are_no_number_and_all_others_are_as_if_nothing_were(
    tmp_path: Path, workers: int, start_s: float
) -> None:
    path, samples = write_damaged(tmp_path)
    spec = {"bands": "697,770", "window_length": "256", "hop": "100", "start_s": start_s}
    with Spectra(parse_source(str(path)), SpectraSpec(**spec), workers=workers) as spectra:
        pieces = []
        with pytest.raises(SourceError, match="damaged"):
            pieces.extend(piece.values for piece in spectra.read_pieces())
    values = np.concatenate(pieces, axis=1)[0].T
    whole = spectrogram(samples[round(start_s * FS) :], FS, "697,770", 256, 100, scale="amplitude").values
    (loss,) = spectra._source.losses
    begins = round(start_s * FS) + 100 * np.arange(whole.shape[1])
    is_lost = (begins + 256 > loss.sample) & (begins < loss.sample + loss.n_samples)
    assert 0 < is_lost.sum() < len(is_lost)
    np.testing.assert_array_equal(np.isnan(values).all(axis=0), is_lost)
    np.testing.assert_array_equal(values[:, ~is_lost], whole[:, ~is_lost])


def write_damaged(folder: Path) -> tuple[Path, np.ndarray]:
    """A recording of 8 s of which 200 bytes of the middle are gone, and what its samples were."""
    path = folder / "x.flac"
    soundfile.write(path, np.random.default_rng(2).normal(0, 0.1, 8 * FS), FS)
    samples, _ = soundfile.read(path, dtype="float32")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    return path, samples
