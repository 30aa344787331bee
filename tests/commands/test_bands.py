"""streamer bands: what a specification means."""

from __future__ import annotations

import json

from tests.programs import run


def test_bands_shows_frequencies_and_resolution() -> None:
    result = run("bands", "dtmf", "--rate", "8k")
    assert result.returncode == 0
    assert "1633" in result.stdout
    assert "ENBW" in result.stdout


def test_without_a_specification_the_words_there_are_stand_with_an_example_each() -> None:
    lines = run("bands").stdout.splitlines()
    assert lines[0].split() == ["697,770,852", "these", "frequencies"]
    assert {"lin:100-1000:10", "zvei1", "dtmf", "plan:call-progress-us"} <= {
        line.split()[0] for line in lines
    }
    assert len(json.loads(run("bands", "--json").stdout)) == len(lines)
