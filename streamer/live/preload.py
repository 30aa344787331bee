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

LOOK_S = 0.2
WANTED = [*loops.list_live(), *kernels.list_live()]
OTHERS = [*hearing.list_live(), *dtmf.list_live()]  # which the main process runs, and no child


def _compile_elsewhere() -> str:
    """Have a child make what is not kept yet, so that numba's memory ends with it; what it has to say of that."""
    store.say_compiling()
    with suppress(OSError, subprocess.SubprocessError):  # what it could not keep is compiled here
        return run_python("-m", __name__)
    return ""


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # nobody listens
        if sys.stderr:
            print(f"streamer: {line}", file=sys.stderr, flush=True)


def _end_with_parent(parent_pid: int) -> None:
    """Half a minute of work is nobody's when the run that wanted it has ended."""
    while os.getppid() == parent_pid:
        time.sleep(LOOK_S)
    os._exit(1)


store.announce = None if fork_server.is_quiet else _say  # and so in every child, unless it has been said
if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
_said = ""
if __name__ != "__main__" and any(function.is_missing(*args) for function, args in WANTED + OTHERS):
    _said = _compile_elsewhere()
for function, args in WANTED + OTHERS * (__name__ == "__main__"):
    function.load(*args)
    if __name__ == "__main__" and store.refusal():
        break  # nothing can be kept: the server compiles for itself
_said = _said or store.notice() or ""
if __name__ == "__main__":
    print(_said)
elif _said:
    _say(_said)
