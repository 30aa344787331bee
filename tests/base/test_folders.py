"""Folders that there may be or not."""

from __future__ import annotations

import pwd
import tempfile
from pathlib import Path

import pytest

from streamer.base import folders


def test_a_user_whom_the_system_does_not_know_has_no_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def know_nobody(_uid: int) -> None:
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", know_nobody)
    monkeypatch.chdir(tmp_path)
    assert (folders.find_cache_folder(), folders.find_config_folder()) == (None, None)


def test_the_current_folder_is_no_folder_for_temporary_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert list(folders.list_temporary_folders()) == list(folders.SHORT_FOLDERS)
