"""streamer config: the settings it writes are settings it reads."""

from __future__ import annotations

from pathlib import Path

from tests.programs import run


def test_config_init_writes_settings_that_load(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    assert run("config", "init", str(path)).returncode == 0
    shown = run("config", "show", "--config", str(path), "--origin")
    assert shown.returncode == 0, shown.stderr
    assert "third-octave:50-8k" in shown.stdout
    again = run("config", "init", str(path))
    assert again.returncode == 2
    assert "exists" in again.stderr
