"""Python's own compiled files (.pyc). One that a power cut has left half written stops every start until it is removed.

Python looks whether they are as old as their text, and not whether they are whole. What cannot be helped from here is
the handful of files that are read before this one; reinstalling writes them anew.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType

_get_code = SourceFileLoader.get_code


def bear_damage() -> None:
    """From now on, in this process and those forked from it, damaged compiled files are made again.

    For processes that are ours alone: it changes how Python imports.
    """
    SourceFileLoader.get_code = _get_code_all_the_same  # type: ignore[assignment, method-assign]


def _get_code_all_the_same(loader: SourceFileLoader, fullname: str) -> CodeType | None:
    try:
        return _get_code(loader, fullname)
    except (EOFError, TypeError, ValueError):  # what is said of one that is damaged
        path = loader.get_filename(fullname)
        with suppress(OSError, NotImplementedError):
            Path(cache_from_source(path)).unlink()
            return _get_code(loader, fullname)
        code: CodeType = loader.source_to_code(loader.get_data(path), path)  # not ours to remove
        return code
