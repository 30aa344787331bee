"""The screens of real runs on a real terminal, at every size: what the design asks of captured text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dashboard.test_process import Desk
from tests.programs import STREAMER

SIZES = ((40, 8), (60, 15), (80, 24), (120, 40), (200, 60), (300, 80))


@pytest.fixture
def sit_down() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def sit(*command: str, **more: str) -> Desk:
        desks.append(Desk(*STREAMER, "live", *command, **more))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.run.close(force=True)


def resize(desk: Desk, columns: int, rows: int) -> None:
    desk.screen.resize(rows, columns)
    desk.screen.reset()
    desk.run.setwinsize(rows, columns)


def test_the_demo_says_what_it_is_and_what_was_dialled_at_every_size(sit_down: Callable[..., Desk]) -> None:
    desk = sit_down("--demo")
    desk.wait_for(r"dtmf +5550123")
    for columns, rows in SIZES:
        resize(desk, columns, rows)
        desk.wait_for(r"\A◆ DEMO  demo[^\n]*\d:\d\d:\d\d *\n([^\n]*\n)*dtmf +(5550123|…\d)")
        assert "│ │" not in desk.text()
        assert not re.search(r"dropped|windows/s|-200\.0|streamer", desk.text())


@pytest.mark.parametrize(
    ("bands", "name"), [("lin:100-4000:10", "1000 Hz"), ("697,770,1000,1209", "1000 Hz")]
)
def test_one_tone_is_read_out_by_its_exact_name_and_level_at_every_size(
    sit_down: Callable[..., Desk], bands: str, name: str
) -> None:
    desk = sit_down("sim:tone:1000@-20.2:1h+noise:-70", "-b", bands, "-r", "16k", "--plan", "none")
    for columns, rows in SIZES:
        resize(desk, columns, rows)
        desk.wait_for(rf"\A● LIVE [^\n]*\n([^\n]*\n)*[^\n]* {name}   -20\.2( *\n|│)")


def test_a_recording_that_has_ended_stays_for_good_when_it_is_held(
    sit_down: Callable[..., Desk], dial: Path
) -> None:
    desk = sit_down(str(dial), "--speed", "max", "--hold")
    desk.wait_for(r"\A■ ENDED  dial\.wav ")
    desk.wait_for(r"dtmf +5550123 ")
    desk.wait_for(r"(?m)^any key ends *$")
    desk.run.send("q")
    desk.wait_until(lambda: not desk.run.isalive())
    assert desk.run.exitstatus == 0
    left = desk.sent.rpartition(b"\x1b[?1049l")[2]
    assert left.count(b"\n") <= 12
    assert b"5550123" in left


def test_without_samples_that_are_not_0_it_asks_whether_the_input_is_muted(
    sit_down: Callable[..., Desk],
) -> None:
    desk = sit_down("sim:silence:1h", "-b", "dtmf")
    desk.wait_for(r"\A○ SILENT \d+ s  [^\n]*muted\?")
    desk.wait_for(r"(?m)^ 697   -inf ")
