"""The contract: a store is one file and one line; whatever it is, the values are those measured."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import xarray

from streamer.base.errors import MissingExtraError, SpecError
from streamer.events import Event
from streamer.recordings.export import plan_exports, run_exports
from streamer.recordings.pieces import SpectraSpec
from streamer.sources import parse_source
from streamer.stores import STORES, Store, load_store
from streamer.stores.as_png.layout import Style
from streamer.stores.heading import Heading, Piece
from tests.stores.storing import export, measure


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
        with xarray.open_zarr(target) as dataset:
            np.testing.assert_array_equal(dataset.amplitude.values, expected)


# A WAV whose length was never filled in, as programs that write to pipes leave it.
PIPE = (
    "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); at = d.index(b'data') + 4; "
    "d[at:at + 4] = d[4:8] = bytes([255] * 4); sys.stdout.buffer.write(d)"
)


@pytest.mark.parametrize(("suffix", "module"), [(".nc", "h5netcdf"), (".zarr", "zarr")])
def test_a_missing_extra_is_one_line_that_says_what_to_install(recording, suffix, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=r'pip install "goertzel-streamer\[(xarray|plot)\]"'
    ) as raised:
        export(recording, suffix)
    assert "\n" not in str(raised.value)
    assert [path.name for path in recording.parent.iterdir() if path.name.startswith(".")] == []


class CountStore(Store):
    """How many frames there were."""

    def __init__(self, path: Path, heading: Heading) -> None:
        self._path, self._name, self._n_frames = path, heading.name, 0

    def write(self, piece: Piece) -> None:
        self._n_frames += piece.n_frames

    def finish(self, _events: Sequence[Event] = ()) -> None:
        self._path.write_text(f"{self._name}: {self._n_frames}")

    def close(self) -> None: ...


STORE = CountStore


def plan(recording: Path, target: Path, **spec):
    return plan_exports(
        [parse_source(str(recording))], [str(target)], spec=SpectraSpec(**spec), style=Style()
    )


def test_a_store_is_one_file_and_one_line(recording, tmp_path, monkeypatch):
    monkeypatch.setitem(STORES, ".count", __name__)
    target = tmp_path / "a.count"
    exports = plan(recording, target, bands="440", window_length="256", hop="64")
    assert [done.targets for done in run_exports(exports)] == [(target,)]
    assert target.read_text() == f"noise.wav: {measure(recording).values.shape[-1]}"
    with pytest.raises(SpecError, match=r"holds no events, they are drawn on \.png only"):
        plan(recording, target, plans=("dtmf",))


@pytest.mark.parametrize("suffix", STORES)
def test_every_suffix_has_its_store(suffix):
    assert issubclass(load_store(suffix), Store)
