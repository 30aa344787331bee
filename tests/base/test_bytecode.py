"""A compiled file of Python's that was cut short is removed, and the program runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tests.programs import digits_of, read_lines
from tests.test_layers import PACKAGE

# One that the main process reads, one that the server does before it forks, one that a child reads later.
DAMAGED = {
    "main process": "commands/live/monitor.py",
    "server": "live/preload.py",
    "child": "sources/synthetic/voices.py",
}


@pytest.fixture(scope="module")
def kept_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for compiled kernels: it takes a while to make them, and it is not they that are cut."""
    return tmp_path_factory.mktemp("code")


@pytest.mark.slow
@pytest.mark.parametrize("where", DAMAGED)
def test_a_compiled_file_that_was_cut_is_made_again(tmp_path: Path, where: str, kept_code: Path) -> None:
    package = Path(
        shutil.copytree(PACKAGE, tmp_path / "streamer", ignore=shutil.ignore_patterns("__pycache__"))
    )
    (package / "configs").symlink_to(PACKAGE.parent / "configs")
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    env |= {
        "PYTHONPATH": str(tmp_path),
        "PYTHONSAFEPATH": "1",
        "NUMBA_CACHE_DIR": str(kept_code),
    }
    command = [
        sys.executable,
        "-m",
        "streamer",
        "live",
        "sim:dtmf:42",
        "--plan",
        "dtmf",
        "--json",
        "--workers",
        "1",
    ]

    def hear() -> tuple[int, str]:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=200, check=False)
        return done.returncode, digits_of(read_lines(done.stdout))

    assert hear() == (0, "42")
    compiled = Path(cache_from_source(str(package / DAMAGED[where])))
    whole = compiled.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:16], b"", bytes(len(whole))):
        compiled.write_bytes(damaged)
        assert hear() == (0, "42")
        assert compiled.read_bytes() == whole
    compiled.unlink()
    compiled.mkdir()  # nothing that could be read, or removed as a file
    assert hear() == (0, "42")
