"""The benchmark of live listening runs the program and says what it found; speed itself is not tested."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from streamer.commands.bench import channels, living
from streamer.commands.bench.channels import ChannelsReport, LiveBench
from streamer.commands.bench.living import ProcessCost
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
    print_live(LiveBench(view=report, channels=()))
    assert "capture" in capsys.readouterr().out


def test_a_stream_of_many_channels_is_fed_and_its_end_awaited() -> None:
    report = channels.feed_channels(3, seconds=0.2)
    assert report.late_s < 30
    assert {"main", "capture"} <= {each.role for each in report.processes}


def test_each_channel_has_the_same_digits_at_its_own_time() -> None:
    blocks = np.concatenate(list(channels.make_blocks(4, 2000)))
    assert blocks.shape == (320_000, 4)
    assert np.array_equal(blocks[:160_000, 1], np.roll(blocks[:160_000, 0], -40_000))


def test_of_the_digits_those_are_missed_that_sounded_whole() -> None:
    blocks = np.concatenate(list(channels.make_blocks(5, 150)))  # 3 s
    sounds = np.pad(np.abs(blocks) > 0, ((1, 1), (0, 0)))
    begins = sounds[1:] & ~sounds[:-1]
    # A tone passes through 0 now and then: what counts is a begin after a long silence.
    quiet = np.lib.stride_tricks.sliding_window_view(sounds, 400, axis=0).any(axis=2)
    whole = [
        n for n in range(401, len(begins) - 1600) for c in range(5) if begins[n, c] and not quiet[n - 400, c]
    ]
    at_once = int((np.abs(blocks[:3]) > 0).any(axis=0).sum())
    assert channels.count_digits(5, len(blocks)) == len(whole) + at_once


def test_channels_keep_up_that_are_told_in_time_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    cost = ProcessCost(role="main", cpu_percent=1.0, memory_mb=30.0, wakes_per_s=100.0)
    reports = [
        ChannelsReport(
            channels=n, seconds=10.0, late_s=late_s, digits=90, lost_digits=lost, processes=(cost,)
        )
        for n, late_s, lost in ((250, 0.1, 0), (500, 3.0, 0), (1000, 0.2, 10))
    ]
    assert [report.keeps_up for report in reports] == [True, False, False]
    bench = LiveBench(view=None, channels=tuple(reports))
    assert json.loads(bench.to_json())["channels"][2]["processes"][0]["role"] == "main"
    print_live(bench)
    assert "10 of 100 digits lost" in capsys.readouterr().out


def test_only_live_takes_a_source() -> None:
    result = run("bench", "kernel", "mic")
    assert result.returncode == 2
    assert "streamer bench live mic" in result.stderr
