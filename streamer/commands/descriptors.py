"""Standard descriptors that whoever started us has closed (`>&-`), filled before a file or a pipe gets their number."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see streamer/__init__
if TYPE_CHECKING:
    from typing import TextIO

STDIN, STDOUT, STDERR = range(3)


def fill_closed() -> set[int]:
    """Those that were closed. stdin is empty from now on, stderr is lost, stdout is a pipe whose reader has gone."""
    closed = set()
    for fd in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            closed.add(fd)
            _fill(fd)
    # Python has made no stream of what was closed.
    if STDIN in closed:
        sys.stdin = open(STDIN, closefd=False)  # noqa: SIM115
    if STDOUT in closed:
        sys.stdout = _open_for_writing(STDOUT)
    if STDERR in closed:
        sys.stderr = _open_for_writing(STDERR)
    return closed


def _fill(fd: int) -> None:
    """fd: the lowest that is free"""
    if fd == STDOUT:
        reader, writer = os.pipe()
        assert reader == fd
        os.dup2(writer, fd)
        os.close(writer)
    else:
        null = os.open(os.devnull, os.O_RDWR)
        assert null == fd
        os.set_inheritable(fd, True)


def _open_for_writing(fd: int) -> TextIO:
    return open(fd, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
