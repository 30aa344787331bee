"""Folders outside the package: a user's own, if there are any, and those for what is only needed for a while."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # the last one also where the disk cannot be written


def find_cache_folder() -> Path | None:
    """Where a user's programs keep what they can make again; None for a user without a home."""
    from platformdirs import user_cache_path

    return _find(partial(user_cache_path, "streamer", appauthor=False))


def find_config_folder() -> Path | None:
    """Where a user's own settings, plans and families lie; None for a user without a home."""
    from platformdirs import user_config_path

    return _find(partial(user_config_path, "streamer"))


def _find(ask: Callable[[], Path]) -> Path | None:
    try:
        path = ask()
    except RuntimeError:  # neither HOME nor the system's list of users knows one
        return None
    # Some versions of platformdirs give "~" then, which would be a folder of that name in the current one.
    return path if path.is_absolute() else None


def list_temporary_folders() -> Iterator[str]:
    """The folder for temporary files, and others to use instead if it does not serve; they may be there or not."""
    try:
        usual = tempfile.gettempdir()
        if not Path(usual).samefile(
            os.curdir
        ):  # Python's last resort, and no place for what nobody asked for
            yield usual
    except OSError:
        pass
    yield from SHORT_FOLDERS
