"""Compiled code finds a place on any machine, is never run damaged, and does not pile up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streamer.analysis.kernels import kept
from tests.analysis.kernels.test_store import MEASURE_ONE
from tests.test_layers import PACKAGE

SAY_NOTICE = "\nprint(store.notice())\n"


class Machine:
    """A copy of the package whose own folder takes no code, and a user without a home, root or not."""

    def __init__(self, folder: Path) -> None:
        self.code = folder / "package/streamer"
        shutil.copytree(PACKAGE, self.code, ignore=shutil.ignore_patterns("__pycache__"))
        (
            self.code / "analysis/kernels/__pycache__"
        ).touch()  # a file: nothing can be put there, not even by root
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.private = self.temporary / f"streamer-{os.geteuid()}"
        self.env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
            "HOME": "/proc/none",
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(self.code.parent),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def measure(self, *before: str, **env: str) -> tuple[str, bool, str]:
        """The bits of a value, whether code was compiled for it, and what the user is told."""
        command = [*before, sys.executable, "-c", MEASURE_ONE + SAY_NOTICE]
        done = subprocess.run(
            command, env=self.env | env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        values, notice = done.stdout.splitlines()
        bits, by_numba, _ = values.split("|", 2)
        assert done.stderr == (
            "compiling kernels (first run only, half a minute)\n" if by_numba == "True" else ""
        )
        return bits, by_numba == "True", notice


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_for_a_user_without_a_home_code_is_kept_in_a_private_temporary_folder_and_this_is_told(
    machine: Machine,
) -> None:
    bits, by_numba, notice = machine.measure()
    assert by_numba
    assert notice.startswith(f"compiled code is kept in {machine.private} until that is emptied (")
    assert machine.private.stat().st_mode & 0o777 == 0o700
    assert machine.measure() == (bits, False, "None")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "emptied": lambda _: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "garbage": lambda whole: bytes(byte ^ 0x5A for byte in whole),
}


def test_code_that_is_damaged_unreadable_or_a_folder_is_made_again(machine: Machine) -> None:
    bits, *_ = machine.measure()
    [file] = machine.private.glob("*.code")
    whole = file.read_bytes()
    for damage, change in DAMAGES.items():
        file.write_bytes(change(whole))
        assert machine.measure()[:2] == (bits, True), damage
        assert file.read_bytes() == whole, damage
    file.chmod(0)
    machine.measure()
    assert machine.measure()[:2] == (bits, False)
    file.unlink()
    file.mkdir()
    other = machine.code.parents[2] / "cache"
    other.mkdir()
    assert machine.measure(XDG_CACHE_HOME=str(other))[:2] == (bits, True)
    assert machine.measure(XDG_CACHE_HOME=str(other)) == (bits, False, "None")


@pytest.mark.parametrize("trap", ["a link", "writable by others", "somebody else's"])
def test_code_is_neither_run_from_nor_put_into_a_private_folder_that_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trap: str
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    folder = tmp_path / kept._private_name()
    if trap == "a link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "theirs")
    else:
        folder.mkdir(mode=0o700)
    if trap == "writable by others":
        folder.chmod(0o777)
    if trap == "somebody else's":
        theirs = os.geteuid() + 1
        monkeypatch.setattr(kept, "_user_id", lambda: theirs)
        folder = folder.rename(tmp_path / kept._private_name())
    (folder / "push.code").touch()
    monkeypatch.setattr(kept, "list_folders", lambda: [folder])
    assert kept.list_files("push.code") == []
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        kept.prepare_folder(folder)


def in_namespace(script: str) -> tuple[str, ...]:
    """What a program is started with to see other disks than everybody else; skips where the kernel forbids it."""
    words = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)))
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel lets nobody but root mount anything")
    return (*words, "sh", "-c", script, "sh")


def test_with_a_full_cache_disk_code_is_kept_in_a_private_temporary_folder(machine: Machine) -> None:
    home = machine.code.parents[2] / "home"
    home.mkdir()
    script = f'mount -t tmpfs -o size=64k full {home} && head -c 100000 /dev/zero > {home}/f 2> /dev/null; exec "$@"'
    _, by_numba, notice = machine.measure(*in_namespace(script), HOME=str(home))
    assert by_numba
    assert f"kept in {machine.private} until that is emptied ([Errno 28] No space left on device" in notice
    assert machine.measure()[1:] == (False, "None")


def test_from_a_read_only_root_every_start_compiles_and_says_so(machine: Machine) -> None:
    places = f"/tmp /var/tmp /dev/shm {machine.temporary} {machine.code.parent}"
    one = "mount --bind $place $place && mount -o remount,ro,bind $place || exit"
    script = f'for place in {places}; do {one}; done; exec "$@"'
    for _ in range(2):
        _, by_numba, notice = machine.measure(*in_namespace(script))
        assert by_numba
        assert notice.startswith("compiled code cannot be kept (measure: ")
        assert "so that every start compiles again" in notice


# What goes in the end.


def put(folder: Path, name: str, *, age_s: float = 0.0) -> Path:
    file = folder / name
    file.touch()
    os.utime(file, (time.time() - age_s,) * 2)
    return file


def test_of_each_function_only_the_code_used_last_stays(tmp_path: Path) -> None:
    ours = [put(tmp_path, f"ring_loops.push-k1-{n:016}.code", age_s=n * 86400.0) for n in range(9)]
    others = [put(tmp_path, f"ring_loops.push-k2-{n:016}.code", age_s=99 * 86400.0) for n in range(2)]
    forgotten = put(tmp_path, "ring_loops.gone-k1-0.code", age_s=kept.MAX_UNUSED_S + 60)
    aborted = put(tmp_path, "ring_loops.push-k1-0.codeabcd", age_s=kept.MAX_WRITING_S + 60)
    being_written = put(tmp_path, "ring_loops.push-k1-0.codeefgh")
    not_ours = put(tmp_path, "store.cpython-311.pyc", age_s=9 * kept.MAX_UNUSED_S)
    kept.remove_old(tmp_path, "ring_loops.push-k1")
    assert set(tmp_path.iterdir()) == {*ours[: kept.MAX_KEPT], *others, being_written, not_ours}
    assert not forgotten.exists()
    assert not aborted.exists()


def test_code_that_is_used_counts_as_new(tmp_path: Path) -> None:
    file = put(tmp_path, "ring_loops.push-k1-0.code", age_s=30 * 86400.0)
    kept.mark_used(file)
    assert time.time() - file.stat().st_mtime < 60


def test_code_that_is_made_takes_the_place_of_the_oldest(machine: Machine) -> None:
    machine.measure()
    [file] = machine.private.glob("*.code")
    stem = file.stem.rpartition("-")[0]
    old = [put(machine.private, f"{stem}-{n:016}.code", age_s=(n + 1) * 86400.0) for n in range(9)]
    file.unlink()
    machine.measure()
    assert set(machine.private.iterdir()) == {file, *old[: kept.MAX_KEPT - 1]}
