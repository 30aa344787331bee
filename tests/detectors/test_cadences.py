from __future__ import annotations

import numpy as np
import pytest

import streamer
from streamer.base.errors import SpecError
from streamer.base.pattern import parse_pattern
from streamer.detectors.cadences import CadenceSpec
from streamer.sources.synthetic.language import parse_signal


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


@pytest.mark.parametrize("name", ["au/au-ringback", "in/in-ringback", "jp/jp-ringback", "us/us-ringback"])
def test_a_rhythm_of_tones_that_beat_has_the_times_it_was_sent_with(name: str) -> None:
    signal = parse_signal(f"noise:-75,silence:400ms,plan:call-progress-{name}@-20", fs_hz=8000.0, seed=5)
    assert signal.n_samples is not None
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))[:, 0]
    (event,) = streamer.detect(samples, 8000, plan=f"call-progress-{name.partition('/')[0]}")
    on_s = 2.0 if name.startswith("us") else 1.0 if name.startswith("jp") else 0.4
    assert event.t_s == pytest.approx(0.4, abs=1e-3)
    assert [step.duration_s for step in event.steps] == pytest.approx([on_s] * len(event.steps), abs=1e-3)
