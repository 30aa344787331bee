"""A first run says why nothing happens for some seconds, once, to whoever wants to know."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from streamer.analysis.kernels import kept
from tests.programs import run, run_python

SAID = "compiling kernels (first run only, half a minute)"
LOAD = "from streamer.live import compiled; [f.load(*args) for f, args in compiled.list_live()[-2:]]"


@pytest.fixture
def nearly(tmp_path: Path) -> dict[str, str]:
    """An environment in which one small loop of the live engine's is missing."""
    folder = tmp_path / "nearly"
    folder.mkdir()
    for file in kept.find_folder().glob("*.code"):
        if not file.name.startswith("ring_loops.load"):
            shutil.copy(file, folder)
    return {**os.environ, "NUMBA_CACHE_DIR": str(folder)}


@pytest.fixture
def dial(tmp_path: Path) -> Path:
    run("generate", "dtmf:42", "-r", "8k", "-o", str(tmp_path / "dial.wav"))
    return tmp_path / "dial.wav"


@pytest.mark.parametrize("quiet", [[], ["-q"]])
@pytest.mark.parametrize(
    "words", [["live", "--plain", "--speed", "max", "{dial}"], ["detect", "{dial}", "{dial}", "-j", "2"]]
)
def test_commands_say_once_that_they_compile_and_not_where_quiet_is_wanted(
    nearly: dict[str, str], dial: Path, words: list[str], quiet: list[str]
) -> None:
    done = run(*(word.format(dial=dial) for word in words), *quiet, env=nearly)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(SAID) == (0 if quiet else 1)


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_spectrograms_of_several_say_it_once_and_compile_nothing_that_they_do_not_need(
    nearly: dict[str, str], dial: Path, quiet: list[str]
) -> None:
    shutil.copy(dial, dial.with_name("redial.wav"))
    folder = Path(nearly["NUMBA_CACHE_DIR"])
    for file in folder.glob("grids.*"):
        file.unlink()
    kept_before = set(folder.iterdir())
    target = str(dial.with_name("{stem}.npz"))
    done = run("spectrogram", str(dial.parent), "-o", target, "-j", "2", *quiet, env=nearly)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(SAID) == (0 if quiet else 1)
    assert {file.name.split(".")[0] for file in set(folder.iterdir()) - kept_before} == {"grids"}


def test_the_doctor_says_once_that_it_and_the_process_server_compile(nearly: dict[str, str]) -> None:
    for file in Path(nearly["NUMBA_CACHE_DIR"]).glob("powers.*"):
        file.unlink()  # which the doctor runs too
    assert run("doctor", env=nearly, timeout_s=100).stderr.count(SAID) == 1


@pytest.mark.parametrize("is_quiet", [False, True])
def test_what_is_compiled_by_the_command_itself_is_told_the_same_way(
    nearly: dict[str, str], is_quiet: bool
) -> None:
    begin = f"from streamer.commands.talk import announce_compiling; announce_compiling(is_quiet={is_quiet});"
    done = run_python(begin + LOAD, env=nearly)
    assert (done.returncode, done.stderr) == (0, "" if is_quiet else f"streamer: {SAID}\n")


def test_python_programs_are_warned_by_the_log_once_and_may_turn_that_off(nearly: dict[str, str]) -> None:
    assert run_python(LOAD, env=nearly).stderr == f"{SAID}\n"
    folder = Path(nearly["NUMBA_CACHE_DIR"])
    next(folder.glob("ring_loops.load*")).unlink()
    quiet = "import logging; logging.getLogger('streamer').setLevel('ERROR');"
    assert run_python(quiet + LOAD, env=nearly).stderr == ""


def test_a_stream_of_a_python_program_warns_too_though_it_is_the_process_server_that_compiles(
    nearly: dict[str, str],
) -> None:
    code = (
        "import streamer; print(len(list(streamer.open_stream('sim:dtmf:42', plan='dtmf', speed=None))) > 1)"
    )
    done = run_python(code, env=nearly)
    assert (done.stdout, done.stderr) == ("True\n", f"{SAID}\n")
