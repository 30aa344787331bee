"""streamer plan: what it prints holds for what the other commands print."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from streamer.detectors.registry import KINDS, load_kind
from streamer.detectors.tones import ToneSpec
from streamer.plans.plan import parse_plan
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


@pytest.mark.parametrize("section", KINDS)
def test_every_key_of_a_section_is_told_with_its_default_and_its_meaning(section: str) -> None:
    kind = load_kind(section)
    assert set(kind.keys) == {each.name for each in dataclasses.fields(kind.limits)}  # type: ignore[arg-type]
    lines = run("plan", "show", "--keys", section).stdout.splitlines()
    assert lines[0].startswith(kind.heading)
    assert [line.partition("  # ")[2] for line in lines[1 : len(kind.keys) + 1]] == list(kind.keys.values())


def test_keys_of_a_section_are_as_a_plan_writes_them(tmp_path: Path) -> None:
    lines = run("plan", "show", "--keys", "tone").stdout.splitlines()[1:]
    values = [line.partition("  # ")[0] for line in lines if "(none)" not in line and "(needed)" not in line]
    text = "\n".join(["[[tone]]", 'name = "hum"', "freqs = [100]", *values])
    plan = tmp_path / "all.toml"
    plan.write_text(text)
    done = run("plan", "check", str(plan))
    assert done.returncode == 0, done.stderr
    assert parse_plan(text, name="all.toml").entries["tone"] == (ToneSpec(name="hum", freqs_hz=(100.0,)),)
