"""What fish and zsh, where they are installed, make of a Tab."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.programs import run

PROGRAM = Path(sys.executable).with_name("streamer")
WAIT_S = 60.0
CASES = [  # typed, and what the shell makes of the last word where only one thing fits
    ("streamer det", "detect"),
    ("streamer detect sub/in", "sub/inner.wav"),
    ("streamer detect --plan dt", "dtmf"),
    ("streamer detect --plan=dt", "--plan=dtmf"),
    ("streamer live --channels 1,", "1,2"),
    ("streamer live -b thi", "third-octave:50-8k"),
    ("streamer live si", "sim:"),
    ("streamer live --config=su", "--config=sub/"),
    (r"streamer detect the\ di", r"the\ dial.wav"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home and current folder with some files in it."""
    if not PROGRAM.exists():
        pytest.skip("streamer is not installed as a program beside this Python")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.wav").touch()
    (tmp_path / "the dial.wav").touch()
    return tmp_path


def make_env(home: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZDOTDIR"))}
    return {**env, "HOME": str(home), "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "TERM": "xterm"}


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish_completes_commands_files_and_values(home: Path) -> None:
    folder = home / ".config" / "fish" / "completions"
    folder.mkdir(parents=True)
    (folder / "streamer.fish").write_text(run("completion", "fish").stdout)
    asked = "\n".join(f"echo ==; complete -C '{typed}'" for typed, _ in CASES)
    done = subprocess.run(
        ["fish", "-c", asked],
        cwd=home,
        env=make_env(home),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )
    assert done.stderr == ""
    found = [block.strip().partition("\t")[0] for block in done.stdout.split("==\n")[1:]]
    assert found == [last.replace("\\ ", " ") for _, last in CASES]
    told = subprocess.run(
        ["fish", "-c", "complete -C 'streamer detect --plan mains50'"],
        cwd=home, env=make_env(home), capture_output=True, text=True, timeout=WAIT_S, check=True,
    )  # fmt: skip
    assert (
        told.stdout
        == "mains50\tHum of 50 Hz mains (Europe, Asia, Africa, Australia), as a profile and as a plan\n"
    )


class Zsh:
    """A shell on a terminal, without a setup of its own."""

    def __init__(self, home: Path, begin: str) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(home)
            os.execvpe("zsh", ["zsh", "-f", "-i"], make_env(home))
        self._heard = b""
        self.type(
            f"{begin}; show() {{ print -r -- \"<<$BUFFER>>\"; BUFFER='' }}; zle -N show; bindkey '^T' show\n"
        )
        self.type("print RE''ADY\n")
        self.wait_for(rb"READY\r\n")

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for(self, pattern: bytes) -> str:
        end_s = time.monotonic() + WAIT_S
        while not (found := re.search(pattern, self._heard, re.DOTALL)):
            if not select.select([self._fd], [], [], max(0.0, end_s - time.monotonic()))[0]:
                raise AssertionError(self._heard.decode(errors="replace"))
            self._heard += os.read(self._fd, 65536)
        self._heard = self._heard[found.end() :]
        return found[found.re.groups].decode()

    def complete(self, typed: str) -> str:
        """The line after a Tab: what is typed behind it waits until the shell is done."""
        self.type(f"{typed}\t\x14")
        return self.wait_for(rb"<<([^\r\n]*)>>")

    def close(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
@pytest.mark.parametrize(
    "begin", ["autoload -Uz compinit; compinit -u -D", ":"], ids=["set up", "as it comes"]
)
def test_zsh_completes_commands_files_and_values(home: Path, begin: str) -> None:
    (home / "completion.zsh").write_text(run("completion", "zsh").stdout)
    shell = Zsh(home, f"{begin}; source completion.zsh")
    try:
        found = [shell.complete(typed).rstrip(" ") for typed, _ in CASES]
    finally:
        shell.close()
    words = [re.split(r"(?<!\\) ", typed)[:-1] for typed, _ in CASES]
    assert found == [" ".join([*before, last]) for before, (_, last) in zip(words, CASES, strict=True)]
