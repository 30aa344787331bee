"""A few hundred cases of tests/fuzz; thousands by `python -m tests.fuzz`."""

from __future__ import annotations

import os
import random

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.cases import Case, make_case
from tests.fuzz.judge import Outcome, judge


def test_whatever_is_asked_of_the_command_line_it_ends_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    seed = 0 if os.environ.get("CI") else random.SystemRandom().randrange(10**6)
    failures = fuzz(seed=seed, numbers=range(300), live_numbers=range(1))
    assert failures == 0, capsys.readouterr().out


def test_a_case_follows_from_its_number() -> None:
    assert make_case(5, 17).words == make_case(5, 17).words


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome(0, b"", b""), None),
        (Outcome(2, b"", b"streamer: no\n"), None),
        (Outcome(2, b"", b"streamer: 2 mistakes\n  one\n  two\n"), None),
        (Outcome(2, b"", b""), "did not say why"),
        (Outcome(70, b"", b"streamer: internal error\n"), "exit code 70"),
        (Outcome(1, b"", b"Traceback (most recent call last):\n"), "not ours"),
        (Outcome(2, b"", b"streamer: \x1b[31m\n"), "control characters"),
        (Outcome(None, b"", b""), "hung"),
        (Outcome(0, b'{"type":"dtmf","t_s":NaN}\n', b""), "NaN is no number"),
        (Outcome(0, b'{"type":"end","captured":5,"analysed":3}\n', b""), "not accounted for"),
    ],
)
def test_the_judge_sees_what_is_wrong(outcome: Outcome, said: str | None) -> None:
    wrong = judge(Case(["detect", "--json"]), outcome)
    assert said in wrong[0] if said else not wrong
