"""No process of ours runs what lies in the current folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.base import own_code
from tests.programs import STREAMER, digits_of, read_lines

PROGRAM = "from streamer.__main__ import main\nmain()\n"  # as pip writes it
DEMO = ("live", "sim:dtmf:42", "--json", "--duration", "0.5s", "--plan", "dtmf")
RUNS = {
    "live": DEMO,
    "doctor": ("doctor",),
    "a first detect": ("detect", "sim:dtmf:42", "--json"),
    "detect with two processes": ("detect", "sim:dtmf:4", "sim:dtmf:2", "-j", "2", "--json"),
}
INSTALLED = (
    "numpy",
    "scipy",
    "click",
    "llvmlite",
    "numba",
    "msgspec",
    "rich",
    "sounddevice",
    "soundfile",
    "cffi",
)


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with a file of the name of every module there is, and where each writes its name when it is run."""
    folder, told = tmp_path / "downloads", tmp_path / "told"
    (folder / "streamer").mkdir(parents=True)
    told.touch()
    for name in (*sys.stdlib_module_names, *INSTALLED, "streamer/__init__"):
        (folder / f"{name}.py").write_text(
            f"open({str(told)!r}, 'a').write('{name} ')\nraise SystemExit(3)\n"
        )
    return folder, told


@pytest.fixture(scope="module")
def kept_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place for compiled kernels: those who come first make what they need, which takes a while."""
    return tmp_path_factory.mktemp("code")


@pytest.mark.slow
@pytest.mark.parametrize("words", RUNS.values(), ids=RUNS)
def test_nothing_that_lies_in_the_current_folder_is_run(
    planted: tuple[Path, Path], tmp_path: Path, words: tuple[str, ...], kept_code: Path
) -> None:
    folder, told = planted
    program = tmp_path / "streamer"
    program.write_text(PROGRAM)
    env = {**os.environ, "NUMBA_CACHE_DIR": str(kept_code)}
    done = subprocess.run(
        [sys.executable, program, *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.read_text() == ""
    if "--json" in words:
        assert (done.returncode, digits_of(read_lines(done.stdout))) == (0, "42"), done.stderr


@pytest.mark.slow
def test_what_is_installed_comes_before_the_current_folder_under_python_m_too(
    planted: tuple[Path, Path],
) -> None:
    # Python itself reads what it needs for -m, and finds streamer, before anything of ours can run.
    folder, told = planted
    for path in (*folder.glob("*.py"), folder / "streamer/__init__.py"):
        if path.stem not in INSTALLED:
            path.unlink()
    (folder / "streamer").rmdir()
    done = subprocess.run(
        [*STREAMER, *DEMO], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (told.read_text(), digits_of(read_lines(done.stdout))) == ("", "42")


def test_the_current_folder_is_searched_last_where_streamer_lies_in_it_and_otherwise_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = str(Path(own_code.__file__).parents[2])
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "lib", "/elsewhere", ours, "the word of a finder"])
    assert own_code.find_path() == ["/elsewhere", ours, "the word of a finder"]
    monkeypatch.chdir(ours)
    sys.path.remove("lib")
    assert own_code.find_path() == [str(tmp_path), "/elsewhere", "the word of a finder", ours]
