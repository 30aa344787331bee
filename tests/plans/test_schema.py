"""The JSON Schema of plans takes what plans may hold, and nothing else."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest

from streamer.base.shipped import shipped_folder
from streamer.detectors.registry import KINDS
from streamer.plans.plan import load_plan
from streamer.plans.schema import make_plan_schema
from tests.programs import run

SCHEMA = jsonschema.Draft202012Validator(make_plan_schema())
SHIPPED = sorted(shipped_folder("plans").glob("*.toml"))


def test_it_is_a_schema_and_is_printed():
    jsonschema.Draft202012Validator.check_schema(make_plan_schema())
    assert json.loads(run("plan", "show", "--schema", "plan").stdout) == make_plan_schema()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_plans_are_in_order_as_they_stand_and_with_every_limit(path):
    for text in (path.read_text(), load_plan(str(path)).format()):
        assert not list(SCHEMA.iter_errors(tomllib.loads(text)))


@pytest.mark.parametrize(
    "text",
    [
        '[[tone]]\nname = "x"\nfreqs = [440]\nmin_on_ms = 250\ntolerance = "38Hz"',
        '[[tone]]\nname = "x"\nfreqs_hz = "1.1k"\nmin_on = "250ms"',
        '[[sequence]]\nname = "x"\nsteps = [{freqs = 440, on = "1s-2s"}, {freqs = [440, 500], on_ms = [100, 200]}]',
        '[[cadence]]\nname = "x"\npattern = "440/500,0/500"\nrepeats = 3',
        '[[code]]\nname = "x"\nfamily = "zvei1"\ndigit_ms = "50ms-90ms"',
        '[dtmf]\npreset = "etsi"',
    ],
)
def test_what_a_plan_may_hold_is_taken(text):
    assert not list(SCHEMA.iter_errors(tomllib.loads(text)))


@pytest.mark.parametrize(
    "text",
    [
        "tones = 1",
        '[[tone]]\nname = "x"\nfreq = [440]',
        "[[tone]]\nfreqs = [440]",
        '[[tone]]\nname = "x"\nfreqs = []',
        "[[tone]]\nname = 4\nfreqs = [440]",
        '[[tone]]\nname = "x"\nfreqs = [440]\nmin_on = 250',
        '[[cadence]]\nname = "x"\npattern = "440/500"\nrepeats = 1.5',
        '[[sequence]]\nname = "x"\nsteps = [{freqs = 440}]',
        '[tone]\nname = "x"',
        '[dtmf]\npreset = "eti"',
    ],
)
def test_what_it_may_not_hold_is_refused(text):
    assert list(SCHEMA.iter_errors(tomllib.loads(text)))


def test_every_key_of_a_section_has_its_meaning_there():
    for section in KINDS:
        table = make_plan_schema()["properties"][section]
        properties = table.get("items", table)["properties"]
        assert all("description" in value for key, value in properties.items() if key != "preset")
