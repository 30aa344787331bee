"""What the process server loads once, so that every child forked from it has compiled kernels at hand."""

import sys
import threading
from types import ModuleType

from numba.core.dispatcher import Dispatcher

from streamer.analysis import analyser  # noqa: F401
from streamer.analysis.kernels import loops
from streamer.live import ring, ring_loops

COMPILED = (loops, ring_loops)


def _count_compiled(modules: tuple[ModuleType, ...]) -> int:
    """Functions that were not found in the cache on disk, so far."""
    functions = [
        value for module in modules for value in vars(module).values() if isinstance(value, Dispatcher)
    ]
    return sum(sum(function.stats.cache_misses.values()) for function in functions)


def _tell_of_compiling(is_done: threading.Event) -> None:
    while not is_done.wait(0.5):
        if _count_compiled(COMPILED):
            print("streamer: compiling kernels (first run only)", file=sys.stderr, flush=True)
            return


done = threading.Event()
teller = threading.Thread(target=_tell_of_compiling, args=(done,))
teller.start()
try:
    loops.warm()
    ring.warm()
finally:
    done.set()
    teller.join()  # no thread may be left when children are forked
