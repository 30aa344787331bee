"""plan:NAME/LABEL: what an entry of a plan asks for is what is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.base.errors import SpecError
from streamer.sources.synthetic.language import parse_signal

PLAN = """
[[tone]]
name = "beep"
freqs = [350, 440]
min_on = "400ms"
max_on = "600ms"

[[tone]]
name = "dial"
freqs = [425]
min_on = "2s"

[[cadence]]
name = "busy"
pattern = "480+620/500,0/500"

[[cadence]]
name = "stutter"
pattern = "!350/100,!0/100,350"

[[sequence]]
name = "up"
steps = [{freqs = [950], on = "300ms-360ms"}, {freqs = [1400], on = "1s-60s"}]

[[sequence]]
name = "page"
label = "{freqs}"
steps = [{family = "qcii", on = "0.6s-1.4s"}, {family = "qcii", on = "2s-60s"}]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(PLAN)
    return path


def list_sounds(text: str) -> list[tuple[str, int, int]]:
    """Label, start and length in ms of each sound."""
    return [
        (sound.label, round(sound.start_sample / 8), round((sound.n_samples or 0) / 8))
        for sound in parse_signal(text, fs_hz=8000).sounds
    ]


@pytest.mark.parametrize(
    ("label", "sounds"),
    [
        ("beep", [("350+440", 0, 500)]),
        ("dial", [("425", 0, 4000)]),
        ("dial:7s", [("425", 0, 7000)]),
        ("busy", [("480+620", 0, 500), ("480+620", 1000, 500), ("480+620", 2000, 500)]),
        ("busy:1.5s", [("480+620", 0, 500), ("480+620", 1000, 500)]),
        ("stutter", [("350", 0, 100), ("350", 200, 3000)]),
        ("up", [("950", 0, 330), ("1400", 330, 1500)]),
        ("349.0/433.7", [("349", 0, 1000), ("433.7", 1000, 3000)]),
    ],
)
def test_an_entry_sounds_as_its_plan_asks_for(plan: Path, label: str, sounds: list[tuple[str, int, int]]):
    assert list_sounds(f"plan:{plan}/{label}") == sounds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plan:fax", "it lacks a label behind a slash; it is written plan:NAME/LABEL"),
        ("plan:fox/fax-cng", 'no plan is called "fox"; did you mean fax'),
        ("plan:fax/fax-cgn", 'label is "fax-cgn"; did you mean fax-cng'),
        ("plan:{plan}/busy:1s:2s", '"2s" is one thing too many'),
        ("plan:{plan}/busy:twist=3dB", 'option is "twist"'),
    ],
)
def test_what_is_not_there_is_told(plan: Path, text: str, message: str):
    with pytest.raises(SpecError, match=message):
        parse_signal(text.format(plan=plan), fs_hz=8000)


def test_a_plan_that_is_not_in_order_is_sent_to_plan_check(tmp_path: Path):
    path = tmp_path / "odd.toml"
    path.write_text("[[tone]]\nfreqs = [440]\n")
    with pytest.raises(SpecError, match=r"odd.toml is not in order; `streamer plan check` says why"):
        parse_signal(f"plan:{path}/beep")


@pytest.mark.parametrize(
    ("old", "new"),
    [("plan:alert-us/noaa-alarm", "plan:eas/noaa-alarm"), ("plan:fax/fax-calling", "plan:fax/fax-cng")],
)
def test_old_names_are_understood(old: str, new: str):
    assert list_sounds(old) == list_sounds(new) != []


def test_levels_offsets_and_channels_are_as_for_every_part():
    (sound,) = parse_signal("plan:fax/fax-cng@-30:200ms:offset=1%:channel=2", fs_hz=8000).sounds
    assert sound.voice.freqs_hz == (pytest.approx(1111),)
    assert (sound.voice.level_dbfs, sound.n_samples, sound.channel) == (pytest.approx(-30), 1600, 1)
