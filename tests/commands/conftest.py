"""A recording that several commands are tried on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.signals import dtmf_digits


@pytest.fixture(scope="module")
def dial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """555-0123 at 8 kHz, made by this project's generator."""
    path = tmp_path_factory.mktemp("dial") / "dial.wav"
    samples, _ = dtmf_digits("5550123", 8000)
    soundfile.write(path, np.concatenate([np.zeros(800), samples, np.zeros(800)]), 8000)
    return path
