"""The benchmark of live listening runs the program and says what it found; speed itself is not tested."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from streamer.commands.bench import living
from streamer.commands.bench.living import LiveReport, ProcessCost
from streamer.commands.bench.report import print_live
from tests.programs import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def test_every_process_of_a_run_is_measured_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(living, "SETTLE_S", 0.0)
    monkeypatch.setattr(living, "STATS_S", 0.3)
    report = living.measure_live("sim:noise:-30", seconds=0.3)
    assert {"main", "server", "capture", "worker 1", "dashboard"} <= {each.role for each in report.processes}
    assert all(each.memory_mb > 1 for each in report.processes)
    assert sum(each.cpu_percent for each in report.processes) > 0
    assert report.first_picture_s
    print_live(report)
    assert "capture" in capsys.readouterr().out


def test_a_stream_of_many_channels_is_fed_and_its_end_awaited() -> None:
    assert living.feed_channels(3, seconds=0.2) < 30


def test_each_channel_has_the_same_digits_at_its_own_time() -> None:
    blocks = np.concatenate(list(living.make_blocks(4, 2000)))
    assert blocks.shape == (320_000, 4)
    assert np.array_equal(blocks[:160_000, 1], np.roll(blocks[:160_000, 0], -40_000))


def test_those_channels_keep_up_that_are_told_in_time() -> None:
    cost = ProcessCost(role="main", cpu_percent=1.0, memory_mb=30.0, wakes_per_s=100.0)
    report = LiveReport(
        source="mic",
        seconds=20.0,
        processes=(cost,),
        first_picture_s=0.5,
        latency_ms_p50=0.5,
        latency_ms_p99=1.5,
        late_s_by_channels={125: 0.1, 250: 0.4, 500: 3.0},
    )
    assert report.channels == 250
    assert json.loads(report.to_json())["processes"][0]["role"] == "main"


def test_only_live_takes_a_source() -> None:
    result = run("bench", "kernel", "mic")
    assert result.returncode == 2
    assert "streamer bench live mic" in result.stderr
