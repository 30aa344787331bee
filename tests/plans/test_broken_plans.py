"""Thirty broken plans: every planted mistake is told with its line and what is wrong, at once, and nothing else is.

In tests/plans/broken a comment behind #! stands on the line of each mistake, and says what must be told of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.base.toml import shown
from streamer.plans.doubts import find_doubts
from streamer.plans.plan import ANY_RATE_HZ, PlanError, list_plans, load_plan
from tests.programs import run

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.toml"))


def list_planted(path: Path) -> list[tuple[int, str]]:
    lines = enumerate(path.read_text().splitlines(), 1)
    return [(number, line.partition("#! ")[2]) for number, line in lines if "#! " in line]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_planted_mistake_is_told_with_its_line_and_nothing_else(path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(str(path), ANY_RATE_HZ, doubt=find_doubts)
    told = [(found.line, f"{found.path}: {found.message}") for found in caught.value.findings]
    planted = list_planted(path)
    assert planted
    for line, words in planted:
        assert any(line == at and words in what for at, what in told), f"line {line}: {words}\n{caught.value}"
    assert {line for line, _ in told} <= {line for line, _ in planted}, caught.value


def test_thirty_are_broken_and_what_is_shipped_is_not() -> None:
    assert len(BROKEN) >= 30
    for name in list_plans():
        load_plan(name, 8000, doubt=find_doubts)


def test_plan_check_tells_them_all_and_ends_with_2() -> None:
    done = run("plan", "check", *map(str, BROKEN[:5]))
    assert done.returncode == 2
    for path in BROKEN[:5]:
        for line, _ in list_planted(path):
            assert f"{shown(path)}:{line}: " in done.stderr


def test_plans_that_hear_the_same_are_told_together_and_are_no_mistake() -> None:
    done = run("plan", "check", "call-progress-de", "call-progress-dk", "fax")
    assert done.returncode == 0
    assert (
        "plans call-progress-de and call-progress-dk hear the same, and would tell it twice: " in done.stderr
    )
    assert "fax" not in done.stderr


def test_of_many_that_hear_the_same_each_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "many.toml"
    path.write_text("".join(f'[[tone]]\nname = "t{i}"\nfreqs = [440]\n' for i in range(50)))
    with pytest.raises(PlanError) as caught:
        load_plan(str(path), doubt=find_doubts)
    assert len(caught.value.findings) == 49
