"""Kept machine code: the same bits as numba's own, and never worse than a slower start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = """
import sys, numpy as np
if "numba first" in sys.argv: import numba
import streamer
x = np.random.default_rng(1).standard_normal(3000)
for bands, dtype in (([440.0, 441.5], np.float32), (np.linspace(20, 3900, 1200), np.float64)):
    for workers in (1, 3):
        values = streamer.spectrogram(x, 8000, bands, 512, 64, scale="complex", dtype=dtype, workers=workers).values
        print(values.tobytes().hex())
print("numba" in sys.modules, file=sys.stderr)
"""


def measure(folder: Path, *words: str) -> tuple[str, bool]:
    """The bits of some values, and whether numba was loaded for them."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, *words],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return run.stdout, run.stderr.strip() == "True"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the code that a first run has kept, and what that run measured."""
    folder = tmp_path_factory.mktemp("kept")
    values, by_numba = measure(folder)
    assert by_numba
    return folder, values


def test_kept_code_gives_the_bits_of_numba_without_it(kept: tuple[Path, str]) -> None:
    folder, values = kept
    assert measure(folder) == (values, False)
    assert measure(folder, "numba first") == (values, True)


BOTH = """
import sys, numpy as np, streamer
before = streamer.goertzel(np.ones(64), [100.0], 8000)
print("numba" in sys.modules)
import numba
@numba.njit
def last(x, n):
    if n > x.size:
        raise ValueError("too far")
    return x[:n].copy()[-1]
print(last(np.arange(5.0), 3))
try:
    last(np.arange(5.0), 9)
except ValueError as error:
    print(error)
print(streamer.goertzel(np.ones(64), [100.0], 8000) == before)
"""


def test_numba_works_as_ever_in_a_process_that_runs_kept_code(kept: tuple[Path, str]) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(kept[0])}
    for by_numba in (True, False):  # the first run keeps the code of another precision
        run = subprocess.run(
            [sys.executable, "-c", BOTH], env=env, capture_output=True, text=True, check=True, timeout=300
        )
        assert run.stdout.splitlines() == [str(by_numba), "2.0", "too far", "[ True]"]


def test_damaged_code_is_made_again(kept: tuple[Path, str]) -> None:
    folder, values = kept
    file = next(folder.glob("*.evaluate_frames-*.code"))
    whole = file.read_bytes()
    for damaged in (whole[:-100], b"", whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:]):
        file.write_bytes(damaged)
        assert measure(folder) == (values, True)
        assert file.read_bytes() == whole
    assert measure(folder) == (values, False)


def test_code_of_another_version_is_not_taken(
    kept: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamer.analysis.kernels import store

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(kept[0]))
    monkeypatch.setattr(store, "_folder", lambda: kept[0])
    names = {file.name for file in kept[0].glob("*.code")}
    kinds = ("f1Cw", *"iiiiiiiii", *["f1Cw"] * 3, *"ii", *["f1Cw"] * 4, "i", "f1Cw")
    assert store._code_file("evaluate_frames", kinds).name in names
    monkeypatch.setattr(store, "_FORMAT", "another")
    store._fingerprint.cache_clear()
    try:
        assert store._code_file("evaluate_frames", kinds).name not in names
    finally:
        store._fingerprint.cache_clear()


def test_without_a_place_to_keep_it_values_are_the_same(kept: tuple[Path, str]) -> None:
    folder, values = kept
    for file in folder.glob("*.code"):
        file.unlink()
        file.mkdir()  # nothing can be put there
    assert measure(folder) == (values, True)
    assert not [file for file in folder.glob("*.code*") if file.is_file()]
