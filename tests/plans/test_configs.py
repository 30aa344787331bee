"""Everything that is shipped in configs/ works."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import streamer
from streamer.base.errors import SpecError
from streamer.base.families import LAST_PLACE, load_family
from streamer.base.shipped import find_configs
from streamer.base.toml import read_toml
from streamer.commands.live.load_settings import list_profiles, load_settings, resolve_bank
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.limits import deviation_hz
from streamer.detectors.registry import KINDS
from streamer.plans.plan import build_what_fits, list_plans, load_plan, parse_plan
from streamer.recordings.detect import detect
from streamer.sources.synthetic.language import parse_signal

FOLDER = Path(__file__).parents[2] / "configs"
PLANS, PROFILES, FAMILIES = (
    sorted((FOLDER / kind).glob("*.toml")) for kind in ("plans", "profiles", "families")
)


@pytest.fixture(autouse=True)
def _nobody_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_every_file_is_found_by_its_name():
    for kind, paths in (("plans", PLANS), ("profiles", PROFILES), ("families", FAMILIES)):
        assert sorted(find_configs(kind).values()) == paths
    board = FOLDER / "grafana" / "streamer.json"  # tests/outputs/test_grafana.py
    assert sorted([*PLANS, *PROFILES, *FAMILIES, board]) == sorted(FOLDER.rglob("*.*"))
    assert {"dtmf", "mains50", "mains60", "call-progress-us"} <= set(list_plans())
    assert "rta" not in list_plans()  # settings only


@pytest.mark.parametrize("path", [*PLANS, *PROFILES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_file_says_what_it_is_and_is_a_plan_or_a_profile(path):
    values = read_toml(path).values
    assert values["description"]
    assert set(values) <= {"description", *(KINDS if path in PLANS else ["live"])}


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_every_family_says_where_it_is_from_and_has_a_place_of_its_own_in_lists(path):
    family = load_family(path.stem)
    assert family.source
    others = [load_family(other.stem).place for other in FAMILIES if other != path]
    assert family.place not in [*others, LAST_PLACE]


@pytest.mark.parametrize("fs_hz", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_plan_can_be_heard_at_every_usual_rate(path, fs_hz):
    plan = load_plan(str(path), fs_hz)
    detectors, left_out = build_what_fits(plan, fs_hz)
    assert detectors
    assert not left_out


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_is_listed_and_its_settings_are_in_order(path):
    assert path.stem in list_profiles()
    settings = load_settings(profile=path.stem, environ={}, has_files=False)
    assert any(origin.startswith(f"profile {path.stem}, ") for origin in settings.origins.values())


TONES = [
    (path.stem, spec)
    for path in PLANS
    if "tone" in read_toml(path).values
    for spec in load_plan(str(path)).entries["tone"]
]


@pytest.mark.parametrize(("plan", "spec"), TONES, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("share_of_tolerance", [-0.8, 0.0, 0.8])
def test_every_tone_of_a_plan_is_heard_and_not_taken_for_another(plan, spec, share_of_tolerance):
    fs_hz, rng = 8000, np.random.default_rng(1)
    start_s, on_s = 0.25, 1.3 * spec.min_on_ms / 1000
    t_s = np.arange(int((start_s + on_s + 0.5) * fs_hz)) / fs_hz
    is_on = (t_s >= start_s) & (t_s < start_s + on_s)
    sent_hz = [hz + share_of_tolerance * deviation_hz(spec.tolerance, hz) for hz in spec.freqs_hz]
    x = 0.1 * is_on * sum(np.sin(2 * np.pi * hz * t_s) for hz in sent_hz)
    heard = [
        event
        for event in detect(x + 1e-4 * rng.standard_normal(t_s.size), fs_hz, plan=plan)
        if event.phase == "end"
    ]
    assert [event.label for event in heard] == [spec.name]
    assert heard[0].t_s == pytest.approx(start_s, abs=0.02)
    assert heard[0].duration_s == pytest.approx(on_s, abs=0.03)


def test_what_the_plan_calls_the_defaults_are_those_that_are_used():
    text = next(path for path in PLANS if path.stem == "dtmf").read_text()
    _, marker, shown = text.partition("The defaults:\n")
    assert marker
    settings = "\n".join(line.removeprefix("# ") for line in shown.splitlines())
    [spec] = parse_plan(f"[dtmf]\n{settings}", name="shown").entries["dtmf"]
    assert spec == DtmfSpec()


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("fs_hz", [8000, 16000, 48000])
def test_every_profile_works_on_a_telephones_rate_too(path, fs_hz):
    settings = load_settings(profile=path.stem, environ={}, has_files=False).values
    assert resolve_bank(settings, fs_hz).freqs_hz[-1] < fs_hz / 2
    asked = load_settings(profile=path.stem, flags={"bands": "440,5000"}, environ={}, has_files=False).values
    with pytest.raises(SpecError, match="must lie above 0 and below 4000 Hz"):
        resolve_bank(asked, 8000)


@pytest.mark.parametrize(
    ("profile", "sent"),
    [
        ("phone", "call-progress-us/us-dial dtmf/59 fax/fax-cng sit/sit-vc"),
        ("radio", "two-tone/600.9/788.5 zvei1/12345 tone-burst/1750 ctcss/100.0"),
        ("alarms", "alarms/t3"),
        ("weather", "eas/same"),
        ("fax", "fax/ansam"),
        ("morse", "morse/CQ"),
        ("aircraft", "selcal/AB-CD"),
        ("ctcss", "ctcss/67.0"),
        ("pager", "two-tone/600.9/788.5"),
        ("mains50", "mains50/mains-50"),
        ("mains60", "mains60/mains-60"),
    ],
)
def test_a_profile_hears_what_it_is_for(profile, sent):
    plans = load_settings(profile=profile, environ={}, has_files=False).values.plan
    parts = "".join(f"plan:{each}@-20,silence:1500ms," for each in sent.split())
    signal = parse_signal(f"noise:-75,silence:400ms,{parts}silence:1s", fs_hz=8000, seed=5)
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))[:, 0]
    heard = [event.text or event.label for event in streamer.detect(samples, 8000, plan=list(plans))]
    for each in sent.split():
        label = each.partition("/")[2]
        found = (
            "".join(heard)
            if label in ("59", "CQ")
            else [said[:4] for said in heard]
            if label == "same"
            else heard
        )
        assert ("ZCZC" if label == "same" else label) in found, heard


def test_the_guide_has_every_profile_in_its_table():
    page = (FOLDER.parent / "streamer/guide/settings.md").read_text()
    named = re.findall(r"`([\w-]+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", page)))
    assert {path.stem for path in PROFILES} <= set(named)
