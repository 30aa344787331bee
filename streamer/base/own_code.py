"""Where the Python processes that we start look for code: where this one does, but not in the current folder.

People stand in folders that others fill. `python -c`, by which children are started, looks there before anywhere else,
so that a numpy.py in a folder of downloads would run with its owner's rights.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def find_path() -> list[str]:
    """sys.path without the current folder, and nothing that is meant from there on.

    Where streamer itself lies in it, it comes last: nothing there hides what is installed.
    """
    ours = str(Path(__file__).absolute().parents[2])
    path = [entry for entry in sys.path if not _is_here(entry)]
    return path if ours in path else [*path, ours]


def _is_here(entry: str) -> bool:
    """Whether an entry of sys.path is the current folder, or a file or folder meant from there on."""
    try:
        return Path(entry).samefile(os.curdir) or not Path(entry).is_absolute()
    except OSError:  # not there: perhaps the word of a finder, as editable installations have it
        return False


def run_python(*words: str, timeout_s: float | None = None) -> str:
    """Run Python, which finds the modules that this process finds; what it prints, an error if it ends badly."""
    if getattr(sys, "frozen", False) or not sys.executable:
        raise OSError("no Python can be started from here")
    import subprocess

    done = subprocess.run(
        [sys.executable, "-P", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(find_path())},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout_s,
    )
    return done.stdout.decode(errors="replace").strip()
