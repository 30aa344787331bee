"""A program for each event: an argument list, no shell, the event as JSON on its standard input.

So many run at once, each for so long; then it is ended, with all that it has started. How a program ends is what
becomes of its record: with 0 it is sent, else lost, and its last line on stderr is told.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex

import msgspec

from streamer.base.children import make_anonymous_file
from streamer.base.errors import SpecError
from streamer.base.text import offer, printable, shorten
from streamer.base.units import format_duration
from streamer.events import Event, OutputBooks
from streamer.outputs import Keeping
from streamer.outputs.counterpart import Counterpart, RefusedError
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio
from streamer.outputs.target import Target, Wanted, read_count, read_time_s
from streamer.sources.descendants import Descendants

KEYS = (*Wanted.KEYS, "host", "jobs", "timeout")
FIELDS = (*Event.__struct_fields__, "host", "run", "source")
LOOK_S = 0.02
GRACE_S = 0.2
MAX_STDERR_BYTES = 500
MARK = "STREAMER_EXEC"

# Waits for the end of its input, which is the end of us, however that comes about; then ends all that bear our mark.
GUARD = r"""
end() {
    for found in $(grep -lsF "$mark" /proc/[0-9]*/environ); do
        pid=${found#/proc/}
        kill -s "$1" "${pid%/environ}"
    done
}
mark=$1
read -r _
end TERM
sleep 1
end KILL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecSpec:
    """words: program and arguments, in which {label} and the like stand for what the record says"""

    words: tuple[str, ...]
    wanted: Wanted
    host: str = ""
    jobs: int = 4
    timeout_s: float = 30.0


def read_spec(target: Target) -> ExecSpec:
    try:
        words = shlex.split(target.address)
    except ValueError as error:
        raise SpecError(f"{target.label}: its quotes do not match ({error})") from error
    if not words:
        raise SpecError(f"{target.label} names no program; write exec:PROGRAM ARGUMENT...")
    if shutil.which(words[0]) is None:
        raise SpecError(f"{target.label}: there is no program {shorten(words[0])} that could be started")
    for name in re.findall(r"\{(\w*)\}", " ".join(words[1:])):
        if name not in FIELDS:
            raise SpecError(f"{target.label}: {{{printable(name)}}} stands for nothing{offer(name, FIELDS)}")
    spec = ExecSpec(
        words=tuple(words),
        wanted=Wanted.read(target, only_events=True, phase="once"),
        host=target.read("host", str, ""),
        jobs=target.read("jobs", lambda text: read_count(text, name="jobs", most=64), 4),
        timeout_s=target.read("timeout", lambda text: read_time_s(text, name="timeout"), 30.0),
    )
    target.refuse_rest(KEYS)
    return spec


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(_target: Target) -> bool:
    return True


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> ExecOutput:
    return ExecOutput(read_spec(target), name=target.name)


def fill_in(words: tuple[str, ...], body: bytes) -> list[str]:
    """The arguments for one record: each stays one argument, whatever it is filled with."""
    said = msgspec.json.decode(body)

    def tell(name: str) -> str:
        value = said.get(name)
        if isinstance(value, list):
            return ",".join(map(str, value))
        return "" if value is None else printable(value)

    return [words[0], *(re.sub(r"\{(\w+)\}", lambda found: tell(found[1]), word) for word in words[1:])]


class Run:
    """One program that runs."""

    def __init__(self, words: list[str], body: bytes, *, mark: str, timeout_s: float) -> None:
        self._family = Descendants()
        self._timeout_s, self._end_s = timeout_s, time.monotonic() + timeout_s
        self._said = b""
        stdin = make_anonymous_file(body + b"\n")
        try:
            os.lseek(stdin, 0, os.SEEK_SET)
            self._process = subprocess.Popen(
                words,
                env={**self._family.environ, MARK: mark},
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        finally:
            os.close(stdin)
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)

    def look(self) -> str | None:
        """None while it runs; then what went wrong, empty if nothing did."""
        self._hear()
        code = self._process.poll()
        if code is not None:
            return self._tell_end(code)
        if time.monotonic() < self._end_s:
            return None
        self.kill()
        return f"still running after {format_duration(self._timeout_s)}, ended"

    def _hear(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError):
            while said := os.read(self._process.stderr.fileno(), 1 << 16):
                self._said = (self._said + said)[-MAX_STDERR_BYTES:]

    def _tell_end(self, code: int) -> str:
        self._hear()
        self.close()
        if code == 0:
            return ""
        how = f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
        lines = printable(self._said.decode(errors="replace").strip().rpartition("\n")[2], instead="")
        return f"{how}: {lines}" if lines else how

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._family.end(grace_s=GRACE_S)
        self.close()

    def close(self) -> None:
        assert self._process.stderr is not None
        self._process.stderr.close()


class ExecOutput(Counterpart):
    """A record whose program runs counts as queued."""

    def __init__(self, spec: ExecSpec, *, name: str) -> None:
        self._spec = spec
        self._running: list[Run] = []
        self._mark = token_hex(8)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "streamer-guard", f"{MARK}={self._mark}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    @property
    def books(self) -> OutputBooks:
        books, running = super().books, len(self._running)
        return msgspec.structs.replace(books, queued=books.queued + running, sent=books.sent - running)

    def connect(self) -> None:
        pass

    def deliver(self, letters: deque[Letter]) -> None:
        while letters:
            self.stay()
            if len(self._running) >= self._spec.jobs:
                time.sleep(LOOK_S)
                continue
            words = fill_in(self._spec.words, letters[0].body)
            try:
                run = Run(words, letters[0].body, mark=self._mark, timeout_s=self._spec.timeout_s)
            except OSError as error:
                raise RefusedError(error.strerror) from error
            self._running.append(run)
            letters.popleft()
        self.look_every_s = LOOK_S

    def stay(self) -> None:
        for run in list(self._running):
            if (trouble := run.look()) is None:
                continue
            self._running.remove(run)
            if trouble:
                self._n_sent -= 1
                self._note_refusal(RefusedError(trouble))
            else:
                super().note_taken()
        self.look_every_s = LOOK_S if self._running else None

    def note_taken(self) -> None:
        """Only begun: how it ends is seen later."""

    def wind_up(self) -> None:
        while self._running:
            self.stay()
            time.sleep(LOOK_S)

    def let_go(self) -> None:
        for run in self._running:
            run.kill()

    def end(self) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.kill()
        self._guard.wait()
