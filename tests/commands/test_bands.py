"""streamer bands: what a specification means."""

from __future__ import annotations

from tests.programs import run


def test_bands_shows_frequencies_and_resolution() -> None:
    result = run("bands", "dtmf", "--rate", "8k")
    assert result.returncode == 0
    assert "1633" in result.stdout
    assert "ENBW" in result.stdout
