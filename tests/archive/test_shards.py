"""Shards that we write are read by Zarr, and their digest tells what has changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.archive import grid, spectra
from streamer.archive.inventory import Recording
from streamer.archive.job import Job, Product
from streamer.archive.shards import Shards, digest_of, find_crc32c
from streamer.stores import labelled

zarr = pytest.importorskip("zarr")


def prepare(root: Path, job: Job, *, channels: int = 1) -> list[grid.Task]:
    """The tasks of a recording of 7.5 s, for whose values all is ready."""
    recording = Recording(
        path="a.wav",
        size_bytes=1,
        changed_ns=1,
        fs_hz=8000,
        channels=channels,
        n_samples=60_000,
        can_skip=True,
    )
    spectra.make_root(root)
    spectra.make_arrays(root, job, recording)
    return list(grid.cut(job, str(root), recording))


@pytest.mark.parametrize("product", ["levels", "complex", "db8"])
@pytest.mark.parametrize("channels", [1, 3])
def test_zarr_reads_what_was_written_in_whatever_pieces_it_came(
    product: Product, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelled, "CHUNK_BANDS", 4)
    monkeypatch.setattr(labelled, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(grid, "SHARD_BYTES", 20_000)
    job = Job(products=(product,), bands="lin:100-900:100", window_length="16ms", hop="8ms")
    tasks = prepare(tmp_path, job, channels=channels)
    assert len(tasks) > 1
    rng = np.random.default_rng(1)
    values = rng.normal(size=(channels, tasks[-1].stop, 9)) * 100
    values = values.astype({"levels": "f4", "complex": "c8", "db8": "u1"}[product])
    for task in (tasks[1], tasks[0], *tasks[2:]):
        with Shards(task) as shards:
            at = task.first
            while at < task.stop:
                n = min(int(rng.integers(1, 200)), task.stop - at)
                shards.add(values[:, at : at + n])
                at += n
            shards.finish()
        assert shards.n_frames == task.stop - task.first
        assert shards.n_bytes == spectra.count_bytes(task, shards.n_frames)
        assert shards.digest == digest_of(task, shards.n_frames)
    array = zarr.open_group(tmp_path / spectra.NAME, path=tasks[0].recording.key, mode="r")[product]
    assert array.shards[-2] == 9
    assert array.chunks[-2] == 3
    assert np.array_equal(array[:].reshape(channels, 9, -1), values.swapaxes(1, 2))


def test_a_shard_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    job = Job(products=("levels",), bands="697,770", window_length="16ms", hop="8ms")
    (task,) = prepare(tmp_path, job)

    def leave_off() -> None:
        with Shards(task) as shards:
            shards.add(np.ones((1, task.stop, 2), np.float32))
            assert shards.n_frames == task.stop
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_off()
    place = tmp_path / spectra.NAME / task.recording.key / "levels"
    assert [path for path in place.rglob("*") if path.is_file()] == [place / "zarr.json"]


@given(st.data())
def test_the_digest_of_a_shard_changes_with_each_bit_of_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("shard")
    job = Job(products=("levels",), bands="697,770", window_length="16ms", hop="8ms")
    (task,) = prepare(root, job)
    with Shards(task) as shards:
        shards.add(np.ones((1, task.stop, 2), np.float32))
        shards.finish()
    [path] = spectra.list_shards(task, shards.n_frames)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert digest_of(task, shards.n_frames) != shards.digest


def test_the_checksum_is_that_of_the_specification() -> None:
    assert find_crc32c(b"123456789") == 0xE3069283
