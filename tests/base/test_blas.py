from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.base.blas import THREADS

COUNT = "import os, numpy; print(len(os.listdir('/proc/self/task')), os.environ.get('OPENBLAS_NUM_THREADS'))"
KEEP = "from streamer.base.blas import keep_blas_to_one_thread; keep_blas_to_one_thread()"


def run(*words: str, threads: str | None = None) -> str:
    environ = {name: value for name, value in os.environ.items() if name != THREADS}
    more = {} if threads is None else {THREADS: threads}
    return subprocess.run(
        words, env=environ | more, capture_output=True, check=False, text=True
    ).stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_numpy_begins_no_thread_in_our_processes_and_programs_we_start_are_told_nothing() -> None:
    assert run(sys.executable, "-c", f"{KEEP}; {COUNT}") == "1 None"


def test_who_has_chosen_a_number_of_threads_keeps_it() -> None:
    code = f"{KEEP}; import ctypes; get = ctypes.CDLL(None).getenv; get.restype = ctypes.c_char_p"
    told = f"print(get(b'{THREADS}'))"
    assert run(sys.executable, "-c", f"{code}; {told}", threads="3") == "b'3'"
    assert run(sys.executable, "-c", f"{code}; {told}") == "b'1'"


def test_a_program_that_is_listened_to_has_the_environment_of_the_user(tmp_path: Path) -> None:
    file = tmp_path / "environ"
    run(sys.executable, "-m", "streamer", "detect", f"cmd:sh -c 'env > {file}'")
    assert "PATH=" in file.read_text()
    assert THREADS not in file.read_text()
