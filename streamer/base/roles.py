"""What a process is called in ps and top: `streamer: capture`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

PROGRAM = "streamer"
SHORT = "str"  # for top, where the kernel has room for 15 characters
KERNEL_CHARACTERS = 15
ARGUMENTS_AT = slice(45, 47)  # arg_start and arg_end in /proc/self/stat, behind the name; see proc(5)


def take_role(role: str, *words: str) -> None:
    """Be called so from now on, in ps with these words behind. Where the system offers no way, as on macOS, nothing
    happens.
    """
    with suppress(OSError, ValueError):
        Path("/proc/self/comm").write_text(shorten_role(role))
        _write_arguments(" ".join([f"{PROGRAM}: {role}", *words]).encode(errors="replace"))


def shorten_role(role: str) -> str:
    """The name that top shows: the number at the end of a role is what tells two of them apart."""
    name = f"{PROGRAM}: {role}"
    return name if len(name) <= KERNEL_CHARACTERS else f"{SHORT}: {role}"[:KERNEL_CHARACTERS]


def _write_arguments(name: bytes) -> None:
    """Over the arguments this process was started with, which is where ps looks.

    A last byte that is not zero tells the kernel that they were written over, and end at the first zero.
    """
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = map(int, fields[ARGUMENTS_AT])
    room = end - start - 2
    if room <= 0:
        return
    with open("/proc/self/mem", "r+b", buffering=0) as memory:  # noqa: PTH123  a path has no unbuffered way
        memory.seek(start)
        memory.write(name[:room].ljust(end - start - 1, b"\0") + b"\1")
