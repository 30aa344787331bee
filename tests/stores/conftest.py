"""A recording to store, and stores that cut it small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamer.stores import labelled
from tests.stores.storing import FS


@pytest.fixture(scope="module", params=[1, 2], ids=["mono", "stereo"])
def recording(request, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "noise.wav"
    samples = np.random.default_rng(2).uniform(-0.5, 0.5, (4 * FS, request.param))
    soundfile.write(path, samples, FS, subtype="FLOAT")
    return path


@pytest.fixture
def small_chunks(monkeypatch) -> None:
    """Chunks, blocks and shards smaller than the recording in both directions, and no divisors of it."""
    monkeypatch.setattr(labelled, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(labelled, "CHUNK_BANDS", 7)
