"""Blocks of whole chunks, and the names, units and attributes that xarray, netCDF and Zarr share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.values import Measurement
from streamer.stores.heading import Heading, Piece
from streamer.stores.labelled import Labelled

N_BANDS = 3


def make_heading(*, channels: int = 2, start_time: datetime | None = None) -> Heading:
    analysis = Analysis(
        bank=Bank(freqs_hz=np.array([440.0, 880.0, 1760.0])),
        frames=FrameSpec(length_samples=64, hop_samples=16),
        fs_hz=8000.0,
    )
    measurement = Measurement(analysis=analysis, dtype=np.dtype(np.float32), scale="amplitude")
    return Heading(
        name="call.wav",
        measurement=measurement,
        channels=channels,
        start_sample=0,
        n_frames=None,
        start_time=start_time,
    )


@given(st.lists(st.integers(1, 50), min_size=1, max_size=10))
def test_pieces_become_blocks_of_one_size_in_order_and_none_is_lost(counts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamer.stores.labelled.CHUNK_BYTES", 4 * N_BANDS * 7)
        layout = Labelled(make_heading(), file_chunks=2)
    assert layout.block_frames == 14
    values = np.random.default_rng(0).uniform(0, 1, (2, sum(counts), N_BANDS)).astype(np.float32)
    blocks, first = [], 0
    for count in counts:
        blocks += layout.add(Piece(first_frame=first, values=values[:, first : first + count]))
        first += count
    assert all(block.shape == (2, N_BANDS, 14) for _, block in blocks)
    blocks += layout.flush()
    assert [at for at, _ in blocks] == list(range(0, sum(counts), 14))
    joined = np.concatenate([block for _, block in blocks], axis=2)
    np.testing.assert_array_equal(joined, values.swapaxes(1, 2))


def test_coordinates_are_those_of_the_frames_that_came():
    layout = Labelled(make_heading(), file_chunks=1)
    list(layout.add(Piece(first_frame=0, values=np.zeros((2, 5, N_BANDS), np.float32))))
    list(layout.flush())
    found = {name: (dim, len(values)) for name, dim, values, _ in layout.coordinates()}
    assert found == {
        "frequency": ("frequency", N_BANDS),
        "band": ("frequency", N_BANDS),
        "time": ("time", 5),
        "window_start_sample": ("time", 5),
        "channel": ("channel", 2),
    }


def test_the_wall_time_of_a_recording_is_told_in_utc():
    start_time = datetime(2024, 5, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    attributes = Labelled(make_heading(start_time=start_time), file_chunks=1).attributes
    assert datetime.fromisoformat(attributes["start_time"]) == datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
    assert "start_time" not in Labelled(make_heading(), file_chunks=1).attributes
