"""Spectrograms read back from every format are the values that were measured."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import xarray

from streamer.base.errors import MissingExtraError
from streamer.recordings import stores
from streamer.recordings.export import Export, run_export
from streamer.recordings.figure import Style
from streamer.recordings.pieces import SpectraSpec
from streamer.recordings.spectrogram import Spectrogram, spectrogram
from streamer.sources import parse_source

FS = 8000
BANDS = "lin:100-3900:100+dtmf"
SCALES = ("amplitude", "power", "psd", "complex")


@pytest.fixture(scope="module", params=[1, 2], ids=["mono", "stereo"])
def recording(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "noise.wav"
    samples = np.random.default_rng(2).uniform(-0.5, 0.5, (4 * FS, request.param))
    soundfile.write(path, samples, FS, subtype="FLOAT")
    return path


def export(path: Path, suffix: str, *, source: str | None = None, **spec) -> Path:
    target = path.with_name(f"out{suffix}")
    run_export(
        Export(
            source=parse_source(source or str(path)),
            spec=SpectraSpec(bands=BANDS, window_length="256", hop="64", **spec),
            style=Style(),
            targets=(target,),
        )
    )
    return target


def measure(path: Path, *, start_s: float = 0, **options) -> Spectrogram:
    samples = soundfile.read(path, dtype="float32", start=round(start_s * FS))[0]
    return spectrogram(samples.T, FS, BANDS, 256, 64, **options)


@pytest.fixture
def small_chunks(monkeypatch) -> None:
    """Chunks, blocks and shards smaller than the recording in both directions, and no divisors of it."""
    monkeypatch.setattr(stores, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(stores, "CHUNK_BANDS", 7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", SCALES)
def test_npz_is_what_numpy_would_have_saved(recording, scale, dtype):
    expected = measure(recording, scale=scale, dtype=dtype, start_s=0.5)
    with np.load(export(recording, ".npz", scale=scale, dtype=dtype, start_s=0.5)) as read:
        np.testing.assert_array_equal(read["values"], expected.values)
        assert read["values"].dtype == expected.values.dtype
        np.testing.assert_array_equal(read["freqs_hz"], expected.freqs_hz)
        np.testing.assert_allclose(read["times_s"], expected.times_s + 0.5, rtol=1e-12)
        np.testing.assert_array_equal(read["starts"], expected.starts + FS // 2)
        assert read["labels"].tolist() == list(expected.bank.labels)
        about = {
            name: read[name].item() for name in ("scale", "window", "window_length", "hop_length", "source")
        }
        assert about == {
            "scale": scale,
            "window": "hann",
            "window_length": 256,
            "hop_length": 64,
            "source": "noise.wav",
        }
        assert read["fs_hz"] == FS
        assert read["enbw_hz"] == expected.enbw_hz


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", ["amplitude", "complex"])
def test_csv_has_a_row_for_each_frame_and_every_digit(recording, scale, dtype):
    expected = measure(recording, scale=scale, dtype=dtype)
    with export(recording, ".csv", scale=scale, dtype=dtype).open(newline="") as file:
        head, *rows = csv.reader(file)
    channels = 1 if expected.values.ndim == 2 else len(expected.values)
    first = 1 if channels == 1 else 2
    assert head[:first] == ["time_s", "channel"][:first]
    numbers = np.array(rows, dtype=np.float64)
    frequencies = [float(name.partition("_")[0]) for name in head[first:]]
    values = numbers[:, first:].astype(dtype)
    if scale == "complex":
        assert [name.partition("_")[2] for name in head[first : first + 2]] == ["re", "im"]
        frequencies = frequencies[::2]
        values = values[:, ::2] + 1j * values[:, 1::2]
    np.testing.assert_array_equal(frequencies, expected.freqs_hz)
    np.testing.assert_array_equal(numbers[::channels, 0], expected.times_s)
    if channels > 1:
        assert numbers[:4, 1].tolist() == [1, 2, 1, 2]
    values = values.reshape(-1, channels, len(frequencies)).transpose(1, 2, 0)
    np.testing.assert_array_equal(values, expected.values.reshape(values.shape))


def assert_is_labelled(data: xarray.DataArray, expected: Spectrogram) -> None:
    """The same array as Spectrogram.to_xarray makes, names, units and all."""
    wanted = expected.to_xarray()
    assert data.dims == wanted.dims
    assert data.dtype == wanted.dtype
    np.testing.assert_array_equal(data.values, wanted.values)
    for name, coordinate in wanted.coords.items():
        assert data.coords[name].dims == coordinate.dims
        np.testing.assert_array_equal(data.coords[name].values, coordinate.values)
        assert coordinate.attrs.items() <= data.coords[name].attrs.items()
    assert set(wanted.coords) <= set(data.coords)
    for name, value in wanted.attrs.items():
        assert data.attrs[name] == value
    nearest = data.sel(frequency=1010, method="nearest")
    assert nearest.frequency == 1000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.usefixtures("small_chunks")
def test_zarr_opens_in_xarray_with_labels_and_units(recording, scale, dtype):
    target = export(recording, ".zarr", scale=scale, dtype=dtype)
    with xarray.open_zarr(target, consolidated=False) as dataset:
        assert dataset.attrs["Conventions"] == "CF-1.12"
        assert dataset.attrs["source"] == "noise.wav"
        assert_is_labelled(dataset[scale], measure(recording, scale=scale, dtype=dtype))


def test_what_zarr_never_wrote_is_no_number_and_silence_is_written(tmp_path):
    import zarr

    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(2 * FS), FS)
    target = export(path, ".zarr", scale="complex")
    array = zarr.open_group(target, mode="r")["complex"]
    assert np.isnan(array.fill_value)
    assert not array[:].any()
    assert any((target / "complex" / "c").rglob("*"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", ["amplitude", "power", "psd"])
@pytest.mark.usefixtures("small_chunks")
def test_netcdf_opens_in_xarray_with_labels_and_units(recording, scale, dtype):
    target = export(recording, ".nc", scale=scale, dtype=dtype)
    with xarray.open_dataset(target, engine="h5netcdf") as dataset:
        assert_is_labelled(dataset[scale], measure(recording, scale=scale, dtype=dtype))


@pytest.mark.usefixtures("small_chunks")
def test_netcdf_has_complex_values_as_real_and_imaginary_part(recording):
    target = export(recording, ".nc", scale="complex")
    with xarray.open_dataset(target, engine="h5netcdf") as dataset:
        joined = dataset.complex_real + np.complex64(1j) * dataset.complex_imag
        np.testing.assert_array_equal(joined.values, measure(recording, scale="complex").values)
        assert dataset.complex_real.attrs["window"] == "hann"


@pytest.mark.parametrize("suffix", [".npz", ".nc", ".zarr"])
@pytest.mark.usefixtures("small_chunks")
def test_a_source_of_unknown_length_is_stored_too(recording, suffix):
    target = export(recording, suffix, source=f'cmd:"{Path(sys.executable)}" -c "{PIPE}" {recording}')
    expected = measure(recording).values
    if suffix == ".npz":
        with np.load(target) as read:
            np.testing.assert_array_equal(read["values"], expected)
    elif suffix == ".nc":
        with xarray.open_dataset(target, engine="h5netcdf") as dataset:
            np.testing.assert_array_equal(dataset.amplitude.values, expected)
    else:
        with xarray.open_zarr(target, consolidated=False) as dataset:
            np.testing.assert_array_equal(dataset.amplitude.values, expected)


# A WAV whose length was never filled in, as programs that write to pipes leave it.
PIPE = (
    "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); at = d.index(b'data') + 4; "
    "d[at:at + 4] = d[4:8] = bytes([255] * 4); sys.stdout.buffer.write(d)"
)


@pytest.mark.parametrize(("suffix", "module"), [(".nc", "h5netcdf"), (".zarr", "zarr"), (".png", "PIL")])
def test_a_missing_extra_is_one_line_that_says_what_to_install(recording, suffix, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=r'pip install "goertzel-streamer\[(xarray|plot)\]"'
    ) as raised:
        export(recording, suffix)
    assert "\n" not in str(raised.value)
    assert [path.name for path in recording.parent.iterdir() if path.name.startswith(".")] == []
