"""streamer plan: what it prints holds for what the other commands print."""

from __future__ import annotations

import json
from pathlib import Path

from tests.programs import read_lines, run


def test_the_event_schema_accepts_what_detect_prints(dial: Path) -> None:
    schema = json.loads(run("plan", "show", "--schema", "event").stdout)
    for line in read_lines(run("detect", str(dial), "--json").stdout):
        kind = {"dtmf": "Event", "start": "Start", "stats": "Stats", "end": "End"}[line["type"]]
        definition = schema["$defs"][kind]
        assert set(definition["required"]) <= set(line)
        assert set(line) <= set(definition["properties"])


def test_a_plan_is_shown_as_it_stands_or_with_every_limit(tmp_path: Path) -> None:
    plan = tmp_path / "hum.toml"
    plan.write_text('[[tone]]\nname = "hum"  # of the mains\nfreqs = [50]\n')
    assert run("plan", "show", str(plan)).stdout == plan.read_text()
    whole = run("plan", "show", str(plan), "--defaults").stdout
    assert whole.startswith('[[tone]]\nname = "hum"\nfreqs_hz = [50]\ntolerance = 0.015\n')


def test_a_country_of_asterisks_file_becomes_a_plan(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "indications.conf", tmp_path / "us.toml"
    theirs.write_text("[us]\ndial = 350+440\n[in]\ndial = 400*25\n")
    assert 'name = "in-dial"' in run("plan", "import", str(theirs), "--country", "in").stdout
    assert run("plan", "import", str(theirs), "--country", "us", "-o", str(ours)).stdout == ""
    assert run("plan", "check", str(ours)).stdout == f"{ours}: in order (1 tone)\n"
    refused = run("plan", "import", str(theirs))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "choose one with --country: us, in" in refused.stderr
