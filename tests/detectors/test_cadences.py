from __future__ import annotations

import pytest

from streamer.base.errors import SpecError
from streamer.base.pattern import parse_pattern
from streamer.detectors.cadences import CadenceSpec


def test_each_tone_of_a_rhythm_has_the_time_of_its_part():
    spec = CadenceSpec(name="busy", pattern=parse_pattern("480+490/100,0/100,1000/100"))
    assert spec.list_tones() == [(480, "busy 480"), (490, "busy 490"), (1000, "busy 1000")]
    (obstacle,) = spec.list_obstacles(8000)
    assert obstacle.startswith(
        "480 and 490 Hz lie 10 Hz apart; hearing that takes a window of 400ms, and the pa"
    )
    assert spec.list_obstacles(1900)[0].startswith("1000 Hz cannot be heard")


def test_a_rhythm_is_heard_from_once_to_a_thousand_times():
    with pytest.raises(SpecError, match="repeats is 0"):
        CadenceSpec(name="a", pattern=parse_pattern("440/500,0/500"), repeats=0)
