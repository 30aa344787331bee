"""What the process server loads once, so that every child forked from it has compiled loops at hand."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

from streamer.analysis import analyser  # noqa: F401
from streamer.analysis.kernels import compiled as kernels
from streamer.analysis.kernels import store
from streamer.base import fork_server
from streamer.base.own_code import run_python
from streamer.detectors.dtmf import compiled as dtmf
from streamer.detectors.hearing import compiled as hearing
from streamer.live import compiled as loops
from streamer.live import worker  # noqa: F401

LOOK_S = 0.2
WANTED = [*loops.list_live(), *kernels.list_live()]
# Two that take as long to compile, each by a child of its own. What the main process alone runs comes along.
HALVES = {"bands": [*WANTED, *hearing.list_live()], "digits": dtmf.list_live()}


def _compile_elsewhere() -> str:
    """Have children make what is not kept yet, so that numba's memory ends with them; what they have to say of that."""
    store.say_compiling()
    said: list[str] = []

    def compile_half(name: str) -> None:
        with suppress(OSError, subprocess.SubprocessError):  # what it could not keep is compiled here
            said.append(run_python("-m", __name__, name, str(os.getpid())))

    threads = [threading.Thread(target=compile_half, args=(name,)) for name in HALVES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(said, default="")


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # nobody listens
        if sys.stderr:
            print(f"streamer: {line}", file=sys.stderr, flush=True)


def _end_with_parent(parent_pid: int) -> None:
    """Half a minute of work is nobody's when the run that wanted it has ended, be it before this one began."""
    while os.getppid() == parent_pid:
        time.sleep(LOOK_S)
    os._exit(1)


def _compile_here(half: str, parent_pid: int) -> None:
    threading.Thread(target=_end_with_parent, args=(parent_pid,), daemon=True).start()
    for function, args in HALVES[half]:
        function.load(*args)
        if store.refusal():
            break  # nothing can be kept: the server compiles for itself
    print(store.notice() or "")


def _load() -> None:
    said = ""
    if any(function.is_missing(*args) for half in HALVES.values() for function, args in half):
        said = _compile_elsewhere()
    for function, args in WANTED:
        function.load(*args)
    if said := said or store.notice() or "":
        _say(said)


store.announce = None if fork_server.is_quiet else _say  # and so in every child, unless it has been said
if __name__ == "__main__":
    _compile_here(sys.argv[1], int(sys.argv[2]))
else:
    _load()
