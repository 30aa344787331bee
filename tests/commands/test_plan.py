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
