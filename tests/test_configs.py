"""Everything that is shipped in configs/ works."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.config import list_profiles, load_settings
from streamer.plans import build_detectors, find_configs, list_plans, load_plan
from streamer.sections import PLAN_SECTIONS
from streamer.tomlfile import read_toml

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))


@pytest.fixture(autouse=True)
def _nobody_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_every_file_is_found_by_its_name():
    assert sorted(find_configs("plans").values()) == CONFIGS
    assert {"dtmf", "mains50", "mains60", "call-progress-us"} <= set(list_plans())
    assert "rta" not in list_plans()  # settings only


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_file_says_what_it_is_and_is_a_plan_or_a_profile(path):
    values = read_toml(path).values
    assert values["description"]
    assert set(values) <= {"description", "live", *PLAN_SECTIONS}


@pytest.mark.parametrize("fs_hz", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_plan_can_be_heard_at_every_usual_rate(path, fs_hz):
    if any(section in read_toml(path).values for section in PLAN_SECTIONS):
        plan = load_plan(str(path), fs_hz)
        assert len(build_detectors(plan, fs_hz)) == sum(plan.count().values())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_profile_is_listed_and_its_settings_are_in_order(path):
    has_settings = "live" in read_toml(path).values
    assert (path.stem in list_profiles()) is has_settings
    if has_settings:
        settings = load_settings(profile=path.stem, environ={}, has_files=False)
        assert any(origin.startswith(f"profile {path.stem}, ") for origin in settings.origins.values())
