"""Benchmarks run, say what they measured, and measure the right thing; speed itself is not tested."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from streamer.commands.bench import baselines, cases, hearing, living, run, scaling, summary
from streamer.commands.bench.peers import list_peers
from streamer.commands.bench.report import print_hearing, print_report, print_scaling

README = Path(__file__).parents[3] / "README.md"


@pytest.fixture
def hurry(monkeypatch):
    """Tiny cases, each measured once."""
    monkeypatch.setattr(cases, "REPEATS", 1)
    monkeypatch.setattr(run, "_PIPELINE_S", 2)
    monkeypatch.setattr(run, "_PACED_S", 1)
    monkeypatch.setattr(baselines, "_FEW_BANDS", (0, 2))
    monkeypatch.setattr(baselines, "_FEW_FRAMES", 2)
    small = replace(cases.MUSIC, bands=5, length_samples=256, hop_samples=64, frames=3)
    monkeypatch.setattr(cases, "MUSIC", small)
    monkeypatch.setattr(cases, "SHARED", ((small, np.float32, 100),))
    monkeypatch.setattr(cases, "CASES", (small, replace(small, name="other", hop_samples=16)))


@pytest.mark.usefixtures("hurry")
def test_a_report_has_every_way_in_every_case(capsys):
    told = []
    report = run.run_bench(progress=told.append)
    ways = {(r.case, r.dtype, r.way) for r in report.results}
    for case in cases.CASES:
        for dtype in ("float32", "float64"):
            assert (case.name, dtype, "streamer, direct way") in ways
    assert (cases.MUSIC.name, "float64", "Python loops") in ways
    assert "multiply-add limit" in told
    assert all(r.giga_band_samples_per_s > 0 for r in report.results)
    assert json.loads(report.to_json())["limits"].keys() == {"float32", "float64"}
    assert all(ratio > 0 for ratio in report.over_transform.values())
    print_report(report)
    printed = capsys.readouterr().out
    assert "limit of one core" in printed
    assert all(p.frames_per_s > 0 and 0 < p.latency_ms_p50 <= p.latency_ms_p99 for p in report.pipeline)
    assert "times real time" in printed
    assert [s.frames for s in report.sharing] == [20]
    assert all(min(s.seconds_by_workers) > 0 for s in report.sharing)
    assert "two workers" in printed
    assert "over scipy's rfft" in printed
    assert "1536 bands, 3/4 overlap" in printed


@pytest.mark.usefixtures("hurry")
def test_everyone_computes_the_same_thing():
    for _, dtype, measure, _ in list_peers():
        _, error = measure(cases.MUSIC)
        assert error is None or error < (1e-3 if dtype == "float32" else 1e-9)
    frame, freqs_hz = cases.cut_frames(cases.MUSIC)[-1], cases.MUSIC.analysis.bank.freqs_hz
    boxcar = np.ones(frame.size)
    assert (
        cases.measure_error(
            cases.MUSIC, baselines._textbook_row(frame, freqs_hz, freqs_hz.size), taper=boxcar
        )
        < 1e-9
    )


def test_extrapolation_is_exact_for_costs_per_frame_and_band(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(baselines, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def do(n_bands):
        clock[0] += baselines._FEW_FRAMES * (5 + 2 * n_bands)

    case = replace(cases.MUSIC, bands=100, frames=10)
    assert baselines._extrapolate(case, do) == pytest.approx(10 * (5 + 2 * 100))


def test_hearing_is_measured_in_every_signal_and_digits_are_heard(monkeypatch, capsys):
    monkeypatch.setattr(hearing, "MINUTES", dict.fromkeys(hearing.MINUTES, 0.2))
    monkeypatch.setattr(hearing, "ROUNDS", 1)
    told = []
    report = hearing.run_hearing_bench(progress=told.append)
    assert told == [result.signal for result in report.results] == list(hearing.MINUTES)
    events = {result.signal: result.events for result in report.results}
    assert events["silence"] == events["speech"] == 0
    assert events["call"] == 10
    assert events["digits"] == 120
    for result in report.results:
        assert result.engine_s > 0
        assert result.programs_s["streamer detect"] > result.engine_s
    assert json.loads(report.to_json())["results"][0]["signal"] == "silence"
    print_hearing(report)
    printed = capsys.readouterr().out
    assert "engine" in printed
    assert "detect" in printed


def test_growth_is_measured_over_all_that_grows_and_what_bends_up_is_said(monkeypatch, capsys):
    costs_s = {1: 1.0, 10: 10.0, 100: 100 * scaling.BENDS * 1.01, 1000: 1000.0}
    monkeypatch.setattr(
        scaling, "measure_cost_s", lambda setting, _: costs_s[setting.channels] if setting.bands == 8 else 1.0
    )
    told = []
    report = scaling.run_scaling_bench("a machine", progress=told.append)
    rows = {(row.series, row.count): row for row in report.rows}
    assert [count for series, count in rows if series == "channels"] == [1, 10, 100, 1000]
    assert min(count for series, count in rows if series == "bands") == 8
    assert max(count for series, count in rows if series == "bands") == 10000
    assert {count for series, count in rows if series.startswith("sample rate")} >= {8, 192}
    assert {count for series, count in rows if series == "hop"} >= {8, 2048}
    assert [row.count for row in report.rows if row.series == "channels" and row.bends_up] == [100]
    assert rows["channels", 1000].each_us == pytest.approx(1e6)
    assert len(told) == len(report.rows)
    assert json.loads(report.to_json())["rows"][0]["series"] == "channels"
    print_scaling(report)
    assert "a machine" in (printed := capsys.readouterr().out)
    assert "yes" in printed


@pytest.mark.parametrize(
    "setting", [scaling.Setting(channels=3), scaling.Setting(bands=400, hop_samples=2048)]
)
def test_growth_is_measured_of_what_live_workers_do(monkeypatch, setting):
    monkeypatch.setattr(cases, "REPEATS", 1)
    assert scaling.measure_cost_s(setting, 0.1) > 0


@pytest.mark.usefixtures("hurry")
def test_the_readme_says_of_speed_what_the_summary_prints(monkeypatch):
    """Word for word; figures are another machine's, and what is measured here is small."""
    monkeypatch.setattr(summary, "CALL_MINUTES", 0.1)
    monkeypatch.setattr(summary, "VIEW_S", 0.3)
    monkeypatch.setattr(living, "SETTLE_S", 0.0)
    monkeypatch.setattr(living, "STATS_S", 0.3)
    told = summary.run_summary_bench("Some Processor 7, 2 processors, Linux")
    assert min(told.speeds) > 0
    assert max(told.errors) < 1e-5
    assert told.detect_s > 0
    assert (told.live_percent or 0) > 0
    assert json.loads(told.to_json())["machine"] == told.machine

    def without_figures(text):
        return re.sub(r"\d[\d.]*(e[-+]\d+)?", "#", re.sub(r"\(.*? processors, \w+\)", "(#)", text, count=1))

    [said] = [line for line in README.read_text().splitlines() if line.startswith("On one core (")]
    assert without_figures(told.to_text()) == without_figures(said)
