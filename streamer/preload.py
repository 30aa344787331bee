"""What the process server loads once, so that every child forked from it has compiled kernels at hand."""

import sys
import threading
import time

from streamer import analyser, dashboard, kernels, ring  # noqa: F401

# Loading the kernels from the cache takes a quarter of this, compiling them twice as much.
LOADING_CPU_S = 4.0


def _tell_of_compiling(is_done: threading.Event) -> None:
    # Processor time and not the clock: a busy machine makes everything slow, and compiles nothing.
    while not is_done.wait(0.1):
        if time.process_time() > LOADING_CPU_S:
            print("streamer: compiling kernels (first run only)", file=sys.stderr, flush=True)
            return


done = threading.Event()
teller = threading.Thread(target=_tell_of_compiling, args=(done,))
teller.start()
try:
    kernels.warm()
    ring.warm()
finally:
    done.set()
    teller.join()  # no thread may be left when children are forked
