"""Settings and plans are read again while it runs: no digit is lost, and what is wrong with them changes nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_cut_short import wait_for
from tests.dashboard.test_process import Desk
from tests.programs import STREAMER, start

DIGITS = "0123456789*#"
LOOP = f"sim:dtmf:{DIGITS}:50ms/50ms,loop"


class Run:
    """streamer live with a settings file, without a terminal."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.settings, self._path = folder / "s.toml", folder / "out.jsonl"
        self.write('plan = "dtmf"')
        with self._path.open("w") as out:
            self.program = start(
                *("live", LOOP, "--json", "--config", str(self.settings), *words),
                stdout=out,
                start_new_session=True,
            )
        self.wait(lambda: bool(self.list("dtmf")))

    def write(self, *lines: str) -> None:
        self.settings.write_text("\n".join(["[live]", *lines]))

    def wait(self, what: Callable[[], bool]) -> None:
        wait_for(what)

    def list(self, kind: str) -> list[dict[str, Any]]:
        lines = self._path.read_text().splitlines(keepends=True)
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        return [record for record in records if record["type"] == kind]

    def hang_up(self) -> dict[str, Any]:
        """What it says of the settings then."""
        before = len(self.list("reload"))
        self.program.send_signal(signal.SIGHUP)
        self.wait(lambda: len(self.list("reload")) > before)
        return self.list("reload")[-1]

    def end(self) -> str:
        """What it said on stderr; and all digits were told once."""
        self.program.terminate()
        _, err = self.program.communicate(timeout=10)
        assert self.program.returncode == 0, err
        ends = [event for event in self.list("dtmf") if event["phase"] == "end"]
        assert "".join(event["label"] for event in ends) in DIGITS * 1000
        assert [event["id"] for event in ends] == list(range(1, len(ends) + 1))
        [end] = self.list("end")
        assert (end["dropped"], end["pending"], end["captured"]) == (0, 0, end["analysed"])
        return err


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def make(*words: str) -> Run:
        runs.append(Run(tmp_path, *words))
        return runs[-1]

    yield make
    for run in runs:
        run.program.kill()
        run.program.communicate()


def test_a_hangup_reads_settings_again_and_a_bad_file_keeps_what_was_in_force(
    begin: Callable[..., Run], tmp_path: Path
) -> None:
    run = begin()
    assert run.hang_up()["state"] == "same"
    run.write('plan = "dtmf"', 'bands = "100,200"', "workers = 1", 'outputs = "x"')
    refused = run.hang_up()
    assert refused["state"] == "refused"
    assert "s.toml:5" in refused["message"]
    assert refused["message"].startswith("what was in force stays: ")
    more = tmp_path / "more.jsonl"
    run.write('plan = "dtmf"', 'bands = "100,200"', "workers = 1", "[[output]]", f'to = "{more}"')
    done = run.hang_up()
    assert (done["state"], "workers: from the next start on" in done["message"]) == ("done", True)
    run.wait(lambda: len(run.list("start")) == 2)
    first, second = run.list("start")
    assert (first["run"], first["sample"], second["sample"]) == (second["run"], 0, done["sample"])
    assert second["bands_hz"] == [100.0, 200.0]
    run.wait(lambda: more.exists() and '"dtmf"' in more.read_text())
    run.write('plan = "dtmf"', 'bands = "100,200"')
    run.wait(lambda: run.hang_up()["state"] == "done")
    size = len(more.read_text())
    told = len(run.list("dtmf"))
    run.wait(lambda: len(run.list("dtmf")) > told + 4)
    assert len(more.read_text()) == size  # it is named no more
    err = run.end()
    assert err.count("what was in force stays") == 1


def test_a_change_waits_for_the_one_before_no_longer_than_something_goes_on(
    begin: Callable[..., Run],
) -> None:
    run = begin("-r", "8k")
    samples = []
    for plan in ('["dtmf", "alarms", "zvei1"]', '["dtmf", "fax", "eas", "ctcss"]', '"dtmf"'):
        run.write(f"plan = {plan}")
        done = run.hang_up()
        assert done["state"] == "done"
        samples.append(done["sample"])
    assert samples[-1] - samples[0] < 8 * 8000  # 24 s, where each waits for as long as it may at most
    run.end()


def test_a_plan_that_has_become_a_pipe_and_an_output_that_cannot_be_opened_change_nothing(
    begin: Callable[..., Run], tmp_path: Path
) -> None:
    run = begin()
    pipe = tmp_path / "q.toml"
    os.mkfifo(pipe)
    run.write(f'plan = "{pipe}"')
    assert run.hang_up()["state"] == "refused"
    run.write('plan = "dtmf"', "[[output]]", 'to = "clips:/proc/x"')
    run.hang_up()
    run.write('plan = "dtmf"', "[[output]]", 'to = "z.jsonl"', "[[output]]", 'to = "./z.jsonl"')
    assert "leave one of them out" in run.hang_up()["message"]
    run.write('plan = "dtmf"')
    told = len(run.list("dtmf"))
    run.wait(lambda: len(run.list("dtmf")) > told + 4)
    run.end()


def test_a_storm_of_hangups_reads_them_now_and_then(begin: Callable[..., Run]) -> None:
    run = begin()
    run.write('plan = "dtmf"', 'bands = "300"')
    for _ in range(50):
        run.program.send_signal(signal.SIGHUP)
    run.wait(lambda: bool(run.list("reload")))
    told = len(run.list("dtmf"))
    run.wait(lambda: len(run.list("dtmf")) > told + 4)
    states = [record["state"] for record in run.list("reload")]
    assert states[0] == "done"
    assert len(states) < 6
    run.end()


def test_a_file_that_is_watched_is_read_again_when_it_changes(begin: Callable[..., Run]) -> None:
    run = begin("--watch")
    run.write('plan = "dtmf"', 'bands = "300"')
    run.wait(lambda: [record["state"] for record in run.list("reload")] == ["done"])
    run.wait(lambda: run.list("start")[-1]["bands_hz"] == [300.0])
    run.end()


def test_capital_r_reads_them_again_and_the_screen_says_what_came_of_it(tmp_path: Path) -> None:
    settings = tmp_path / "s.toml"
    settings.write_text('[live]\nplan = "dtmf"\nbands = "300"\n')
    out = tmp_path / "out.jsonl"
    desk = Desk(*STREAMER, "live", LOOP, "--config", str(settings), "-o", str(out), columns=100, rows=24)
    try:
        desk.wait_for("300")
        settings.write_text('[live]\nplan = "nonsense"\n')
        desk.run.send("R")
        desk.wait_for("what was in force")
        settings.write_text('[live]\nplan = "dtmf"\nbands = "1500"\n')
        desk.run.send("R")
        desk.wait_for("1500")
        desk.run.send("m")
        desk.wait_for("marked 0:00")
        desk.run.send("q")
        desk.wait_until(lambda: not desk.run.isalive())
        assert desk.run.exitstatus == 0
        records = [json.loads(line) for line in out.read_text().splitlines()]
        [mark] = [record for record in records if record["type"] == "mark"]
        assert 0 < mark["t_s"] == mark["sample"] / 48_000
        assert [record["state"] for record in records if record["type"] == "reload"] == ["refused", "done"]
    finally:
        desk.run.close(force=True)
