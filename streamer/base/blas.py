"""The linear algebra that numpy brings along, kept to one thread.

It begins a thread a processor as soon as numpy is loaded, each of which looks for work for 50 ms before it sleeps.
There is none: our sums are short, and what can be shared is shared out by ourselves.
"""

from __future__ import annotations

import os

THREADS = "OPENBLAS_NUM_THREADS"


def keep_blas_to_one_thread() -> None:
    """Call before numpy is loaded. Only this process has it so, and who has chosen a number keeps it."""
    if THREADS not in os.environ:
        os.putenv(THREADS, "1")  # not into os.environ, which programs that we start are given
