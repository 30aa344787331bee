"""Live analysis from kept code: no process of it has numba."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dashboard.test_process import Desk
from tests.programs import STREAMER, find_children, run_python


def test_what_is_missing_is_compiled_by_a_child_and_told_once(tmp_path: Path) -> None:
    load = "import streamer.live.preload, sys; print('numba' in sys.modules)"
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [run_python(load, env=env) for _ in range(2)]
    assert [result.stdout.strip() for result in said] == ["False", "False"]
    assert [result.stderr for result in said] == [
        "streamer: compiling kernels (first run only, half a minute)\n",
        "",
    ]


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    load = "import streamer.live.preload as p; print(len({f for f, args in p.WANTED if f._functions}))"
    result = run_python(load, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "file")})
    assert (result.returncode, result.stdout) == (0, "10\n")


def test_the_process_server_holds_what_its_children_share_and_nothing_of_others() -> None:
    loaded = run_python("import streamer.live.preload, sys; print(*sys.modules)").stdout.split()
    assert {"streamer.live.worker", "streamer.live.ring", "streamer.analysis.kernels.store"} <= {*loaded}
    of_others = (
        "streamer.dashboard",
        "streamer.outputs",
        "streamer.plans",
        "streamer.commands",
        "rich",
        "numba",
    )
    assert not [name for name in loaded if name.startswith(of_others)]
    assert not [name for name in loaded if name.startswith("streamer.detectors.matching")]
    assert "streamer.detectors.dtmf.detector" not in loaded


def test_a_worker_gets_ready_without_the_slow_parts_of_numpy() -> None:
    make = (
        "from streamer.plans.bands import parse_bank; from streamer.analysis.frames import FrameSpec;"
        "from streamer.analysis.bank import Analysis; from streamer.analysis.analyser import Analyser;"
        "from streamer.analysis import groups; import numpy as np, sys;"
        "n = np.repeat([8192, 4096, 2048], [7, 7, 9]);"
        "frames = FrameSpec(length_samples=8192, hop_samples=1024);"
        "bank = parse_bank('third-octave:50-8k', 48000);"
        "Analyser(Analysis(bank=bank, frames=frames, fs_hz=48000, window_samples=n));"
        "print('numpy.ma' in sys.modules, groups._share_bin.cache_info().misses)"
    )
    assert run_python(make).stdout == "False 1\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_no_process_of_a_live_run_has_a_compiler_once_code_is_kept() -> None:
    desk = Desk(*STREAMER, "live", "--demo", **os.environ)
    try:
        desk.wait_for(r"◆ DEMO|● LIVE|▶ FILE")
        mapped = {
            pid: Path(f"/proc/{pid}/maps").read_text() for pid in {desk.run.pid, *find_children(desk.run.pid)}
        }
        assert len(mapped) >= 5  # this one, the server, capture, a worker, the dashboard
        assert not [pid for pid, maps in mapped.items() if "/numba/" in maps]
        if platform.machine() == "x86_64":
            assert not [pid for pid, maps in mapped.items() if "libllvmlite" in maps]
    finally:
        desk.run.close(force=True)


def test_who_compiles_for_a_run_that_had_ended_before_it_began_ends_at_once(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "streamer.live.preload", "bands", "1"]  # not our number
    kept = {"NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(words, env={**os.environ, **kept}, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
