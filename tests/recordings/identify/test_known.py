"""What other people's programs send is named, whichever family it is of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from streamer.events import Event, Step
from streamer.plans.plan import leave_out_parts, load_plan, parse_plan
from streamer.recordings.identify.known import drop_lonely, rank
from tests.other_senders import PROGRAMS, SPANDSP, Sent, identify, is_named, list_sent

SENT = list(
    {sent.plan: sent for sent in reversed(list_sent())}.values()
)  # one of each family; all: see there
needs_senders = pytest.mark.skipif(
    SPANDSP is None or not all(map(shutil.which, PROGRAMS)), reason=f"{', '.join(PROGRAMS)}, spandsp"
)


@needs_senders
@pytest.mark.parametrize("sent", SENT, ids=lambda sent: sent.name)
def test_what_another_program_sends_is_named(sent: Sent, tmp_path: Path) -> None:
    path = tmp_path / "sent.wav"
    sent.make(path)
    found = identify(str(path))
    assert is_named(sent, found), found


def make_event(label: str, t_s: float, duration_s: float, hz: float, **more: object) -> Event:
    steps = [Step(freqs_hz=[hz], t_s=t_s, duration_s=duration_s)]
    known = {"sample": 0, "known_sample": 0, "confidence": 0.9, "freqs_hz": [hz], "steps": steps} | more
    return Event(type="match", phase="end", label=label, t_s=t_s, duration_s=duration_s, **known)  # type: ignore[arg-type]


def test_the_plan_that_is_nearest_in_frequency_is_told_and_the_others_beside_it() -> None:
    plans = [
        parse_plan(f'[[tone]]\nname = "a"\nfreqs = [{hz}]\n', name=f"at-{hz}.toml")
        for hz in (1003, 1000, 2000)
    ]
    events = [make_event("a", 1.0, 0.5, 1001.0, plan=plan.name) for plan in plans[:2]]
    (known,) = rank(events, plans)
    assert known.plan == "at-1000"
    assert list(known.alike) == ["at-1003"]
    assert known.off_ratio == pytest.approx(0.001)


def test_what_sounds_at_another_frequency_is_a_family_of_its_own() -> None:
    plans = [
        parse_plan(f'[[tone]]\nname = "a"\nfreqs = [{hz}]\n', name=f"at-{hz}.toml") for hz in (1000, 2000)
    ]
    events = [make_event("a", 1.0, 0.5, hz, plan=f"at-{hz}") for hz in (1000, 2000)]
    assert {known.plan for known in rank(events, plans)} == {"at-1000", "at-2000"}


def test_a_pair_for_a_moment_counts_if_there_is_another_soon() -> None:
    lone = make_event("5", 10.0, 0.1, 700)
    assert drop_lonely([lone]) == []
    assert drop_lonely([lone, make_event("6", 12.0, 0.1, 700)]) != []
    assert drop_lonely([make_event("5", 10.0, 0.5, 700)]) != []


def test_a_plan_that_is_a_part_of_another_is_not_tried() -> None:
    plans = [load_plan(name) for name in ("mfc-r2-forward", "mfc-r2", "mfc-r2-backward", "dtmf")]
    assert [plan.name for plan in leave_out_parts(plans)] == ["mfc-r2", "dtmf"]
