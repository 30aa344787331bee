"""Shards of values: files as Zarr 3 has them, written in one go by whoever measures.

A shard is its chunks one after the other, and at its end where each of them lies, with a checksum: the codec
"sharding_indexed" of the Zarr specification. zarr-python writes the same, in four times as long and in copies of all of
it. Chunks go to the file when their frames are full, so that a worker holds no more than those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from streamer.archive.grid import Task
from streamer.archive.spectra import NAME, list_shards, load_zarr, place_shard
from streamer.base.files import replacing

NOWHERE = np.uint64(2**64 - 1)  # of a chunk that is not there
TURNED_FRAMES = 64  # that are turned at once, so that they stay in a processor's own memory
READ_BYTES = 1 << 21


def begin_digest() -> Any:
    """Of what is written and read: 30 GB/s, where sha256 takes as long as measuring."""
    import xxhash

    return xxhash.xxh3_128()


class Shards:
    """A recording's array in the hands of a worker. Used by `with`; nothing is there of a shard that is not whole."""

    def __init__(self, task: Task) -> None:
        group = load_zarr().open_group(Path(task.root) / NAME, path=task.recording.key, mode="r+")
        self._array = array = group[task.product]
        self._n_bands = array.shape[-2]
        rows, self._shard_frames = array.shards[-2:]
        self._chunk_bands, self._chunk_frames = array.chunks[-2:]
        self._task, self._number = task, task.first // self._shard_frames
        self._held = np.full(
            (task.recording.channels, rows, self._chunk_frames), array.fill_value, array.dtype
        )
        self._n_held = 0  # frames of them
        self._n_columns = 0  # of chunks, in the files that are open
        self._files: list[tuple[BinaryIO, Any]] = []
        self._digests: list[list[bytes]] = [[] for _ in self._held]
        self._stack = ExitStack()
        self.n_frames = self.n_bytes = 0

    def add(self, values: NDArray[Any]) -> None:
        """values: (channels, frames, bands)"""
        while n := min(values.shape[1], TURNED_FRAMES, self._chunk_frames - self._n_held):
            at = self._n_held
            self._held[:, : self._n_bands, at : at + n] = values[:, :n].swapaxes(1, 2)
            self._n_held, self.n_frames, values = at + n, self.n_frames + n, values[:, n:]
            if self._n_held == self._chunk_frames:
                self._write()

    def finish(self) -> None:
        """What is held is the last there is."""
        if self._n_held:
            self._held[:, :, self._n_held :] = self._array.fill_value
            self._write()
        self._end_files()
        if self._array.shape[-1] < (end := self._task.first + self.n_frames):
            self._array.resize((*self._array.shape[:-1], end))

    @property
    def digest(self) -> str:
        return _join_digests(digest for digests in self._digests for digest in digests)

    def _write(self) -> None:
        """The chunks of some frames."""
        for channel in range(len(self._held)) if not self._files else ():
            path = self._stack.enter_context(replacing(place_shard(self._task, channel, self._number)))
            self._files.append((self._stack.enter_context(path.open("wb")), begin_digest()))
        for (file, digest), chunks in zip(self._files, self._held, strict=True):
            file.write(chunks.data)
            digest.update(chunks)
        self._n_held = 0
        self._n_columns += 1
        if self._n_columns * self._chunk_frames == self._shard_frames:
            self._end_files()

    def _end_files(self) -> None:
        index = self._make_index()
        for (file, digest), digests in zip(self._files, self._digests, strict=False):
            file.write(index)
            digest.update(index)
            digests.append(digest.digest())
            self.n_bytes += file.tell()
        self._files, self._n_columns, self._number = [], 0, self._number + 1
        self._stack.close()

    def _make_index(self) -> bytes:
        """(offset, length) of each chunk in C order, little-endian, and a checksum of those."""
        columns = np.arange(self._n_columns, dtype=np.uint64)
        n_rows = self._held.shape[1] // self._chunk_bands
        chunk_bytes = self._chunk_bands * self._chunk_frames * self._held.itemsize
        places = np.full((n_rows, self._shard_frames // self._chunk_frames, 2), NOWHERE, "<u8")
        rows = np.arange(n_rows, dtype=np.uint64)[:, np.newaxis]
        places[:, : self._n_columns, 0] = (columns * n_rows + rows) * chunk_bytes
        places[:, : self._n_columns, 1] = chunk_bytes
        index = places.tobytes()
        return index + find_crc32c(index).to_bytes(4, "little")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)


def digest_of(task: Task, n_frames: int) -> str:
    """Of what is there now of so many frames."""
    return _join_digests(map(_digest_file, list_shards(task, n_frames)))


def _digest_file(path: Path) -> bytes:
    digest = begin_digest()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    return digest.digest()  # type: ignore[no-any-return]


def _join_digests(digests: Iterator[bytes]) -> str:
    return hashlib.sha256(b"".join(digests)).hexdigest()


def find_crc32c(data: bytes) -> int:
    import google_crc32c  # Zarr's own

    return int(google_crc32c.value(data))
