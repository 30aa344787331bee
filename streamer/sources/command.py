"""What a program writes to its standard output."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.base.text import printable, shorten
from streamer.sources.byte_stream import StreamSource
from streamer.sources.descendants import Descendants
from streamer.sources.spec import Loss, Read, SourceInfo, SourceSpec

MAX_LINE_BYTES = 500
EXIT_GRACE_S = 1.0  # from the end of a program's output to its own
STOP_GRACE_S = 0.15  # from being asked to end to being ended

# Waits for the end of its input, which is the end of us, however that comes about; then ends the program's group, and
# on Linux those that bear its mark and have left the group.
GUARD = r"""
end() {
    kill -s "$1" -- "-$group"
    for found in $(grep -lsF "$mark" /proc/[0-9]*/environ); do
        pid=${found#/proc/}
        kill -s "$1" "${pid%/environ}"
    done
}
group=$1 mark=$2
read -r _
end TERM
sleep 1
end KILL
"""


def split_command(text: str) -> list[str]:
    """Program and arguments by the shell's quoting rules; no shell ever sees them."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SpecError(f"cmd is {shorten(text)}; its quotes do not match ({error})") from error
    if not words or not words[0]:
        raise SpecError(f"cmd is {shorten(text)}; it must name a program")
    return words


class CommandSource(Read):
    """A program's samples: WAV, or raw as the spec says. It is ended, with all it started, by close().

    What it writes to stderr is kept; the last line is told when it fails. What close() could not end is a remark.
    """

    def __init__(self, spec: SourceSpec) -> None:
        words = split_command(spec.target)
        self._program = words[0]
        self._last_words: deque[str] = deque(maxlen=1)
        self._family = Descendants()
        self._own_remarks: list[str] = []
        try:
            # A session of its own: Ctrl-C is for us to handle, and a shell's whole pipeline ends together.
            self._process = subprocess.Popen(
                words,
                env=self._family.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(f"cmd: {self._program} cannot be started: {error.strerror}") from error
        assert self._process.stdout
        assert self._process.stderr
        self._family.note(group=self._process.pid, output_fd=self._process.stdout.fileno())
        mark = f"{Descendants.MARK}={self._family.mark}"
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "streamer-guard", str(self._process.pid), mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._listener = threading.Thread(
            target=self._keep_last_words, args=(self._process.stderr,), name="cmd stderr", daemon=True
        )
        self._listener.start()
        try:
            self._stream = self._open_stream(spec, self._process.stdout.fileno())
        except BaseException:
            self._end_program()
            raise

    def _open_stream(self, spec: SourceSpec, fd: int) -> StreamSource:
        with self._telling_why():
            return StreamSource(fd, spec, name=str(spec), owns_fd=False, at_end=self._check_status)

    @contextmanager
    def _telling_why(self) -> Iterator[None]:
        try:
            yield
        except SourceError:
            self._check_status()  # no samples is the symptom, the program's last words are the reason
            raise

    @property
    def info(self) -> SourceInfo:
        return self._stream.info

    @property
    def backlog_s(self) -> float:
        return self._stream.backlog_s

    @property
    def nonfinite_samples(self) -> int:
        return self._stream.nonfinite_samples

    @property
    def losses(self) -> Sequence[Loss]:
        return self._stream.losses

    @property
    def remarks(self) -> list[str]:
        return [*self._stream.remarks, *self._own_remarks]

    def read_blocks(self, block_samples: int) -> Iterator[NDArray[np.float32]]:
        with self._telling_why():
            yield from self._stream.read_blocks(block_samples)

    def read_integers(self, block_samples: int) -> Iterator[NDArray[np.int16]]:
        with self._telling_why():
            yield from self._stream.read_integers(block_samples)

    def _check_status(self) -> None:
        """SourceError if the program failed. One that closed its output but lives on is left to close()."""
        try:
            status = self._process.wait(EXIT_GRACE_S)
        except subprocess.TimeoutExpired:
            return
        self._family.forget_group()
        if status == 0:
            return
        self._listener.join(EXIT_GRACE_S)
        how = f"ended with status {status}" if status > 0 else f"was ended by {signal.Signals(-status).name}"
        why = f": {self._last_words[0]}" if self._last_words else ""
        raise SourceError(f"cmd: {self._program} {how}{why}")

    def _keep_last_words(self, stderr: IO[bytes]) -> None:
        with stderr:
            while line := stderr.readline(MAX_LINE_BYTES):
                words = printable(line.decode(errors="replace"), instead="").strip()
                if words:
                    self._last_words.append(words)

    def close(self) -> None:
        """May be called from another thread, to end a read that waits."""
        self._stream.close()
        self._end_program()

    def _end_program(self) -> None:
        if self._process.poll() is None:
            self._signal_all(signal.SIGTERM)
        else:
            self._family.forget_group()
        left = self._family.end(grace_s=STOP_GRACE_S)
        if self._process.poll() is None:
            self._signal_all(signal.SIGKILL)
            self._process.wait()
        if left and not self._own_remarks:
            self._own_remarks.append(f"cmd: {self._program} leaves running: {', '.join(left)}")
        self._end_guard()
        self._listener.join(STOP_GRACE_S)
        assert self._process.stdout
        self._process.stdout.close()

    def _end_guard(self) -> None:
        """Its duty ends with what it guards: the numbers may be others' soon."""
        self._guard.kill()
        self._guard.wait()
        assert self._guard.stdin
        self._guard.stdin.close()

    def _signal_all(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
