"""A decoder that crashes: whatever Python process has this folder on PYTHONPATH dies of opening poison.wav."""

import os
import signal
import sys


def _die(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and isinstance(args[0], str) and args[0].endswith("/poison.wav"):
        os.kill(os.getpid(), signal.SIGSEGV)


sys.addaudithook(_die)
