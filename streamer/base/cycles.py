"""What Python looks through for objects that hold each other, now and then, while a program runs.

While it loads it makes some hundred thousand that all stay, and would look through those so far a hundred times.
"""

from __future__ import annotations

import gc

LOADING = 200_000  # objects made before it looks, while a program loads
_usual = gc.get_threshold()


def put_off() -> None:
    """The program begins to load."""
    gc.set_threshold(LOADING, *_usual[1:])


def settle() -> None:
    """What is needed is loaded: it stays, and only what is made from here on is looked through."""
    gc.freeze()
    gc.set_threshold(*_usual)
