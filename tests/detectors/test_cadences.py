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


def hear(plan: str, text: str) -> list[streamer.Event]:
    signal = parse_signal(f"noise:-75,silence:403ms,{text}", fs_hz=8000.0, seed=5)
    assert signal.n_samples is not None
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))[:, 0]
    return list(streamer.detect(samples, 8000, plan=plan))


@pytest.mark.parametrize("freq_hz", [394.1, 404, 405.9])
def test_a_tone_that_swells_slowly_has_its_times_however_far_off_it_may_be(freq_hz: float) -> None:
    (event,) = hear("call-progress-jp", f"cadence:{freq_hz}*15/990,0/1980x3@-20")
    assert (event.label, event.t_s) == ("jp-ringback", pytest.approx(0.403, abs=1e-3))
    assert [step.duration_s for step in event.steps] == pytest.approx([0.99] * 3, abs=1e-3)


@pytest.mark.parametrize(("second_db", "labels"), [(0, []), (-10, ["in-ringback"])])
def test_a_second_tone_as_loud_is_no_distortion_of_one_that_swells(second_db: int, labels: list[str]) -> None:
    second = f"cadence:450/400,0/200,450/400,0/2000x3@{second_db - 20}"
    heard = hear("call-progress-in", f"cadence:400*25/400,0/200,400*25/400,0/2000x3@-20+{second}")
    assert [event.label for event in heard] == labels


@pytest.mark.parametrize(
    ("signal", "label"), [("400*25/3000", "in-dial"), ("400/3000", ""), ("398/3000", "")]
)
def test_a_tone_that_swells_shows_the_lines_of_that_and_a_plain_one_is_none(signal: str, label: str) -> None:
    assert "".join(event.label for event in hear("call-progress-in", f"cadence:{signal}x1@-20")) == label


def test_a_plain_rhythm_is_none_of_a_tone_that_swells() -> None:
    assert hear("call-progress-in", "cadence:400/400,0/200,400/400,0/2000x3@-20") == []
