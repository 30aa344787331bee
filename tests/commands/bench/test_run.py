"""Benchmarks run, say what they measured, and measure the right thing; speed itself is not tested."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from streamer.commands.bench import baselines, cases, hearing, run
from streamer.commands.bench.peers import list_peers
from streamer.commands.bench.report import print_hearing, print_report


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
    print_report(report)
    printed = capsys.readouterr().out
    assert "limit of one core" in printed
    assert all(p.frames_per_s > 0 and 0 < p.latency_ms_p50 <= p.latency_ms_p99 for p in report.pipeline)
    assert "times real time" in printed
    assert [s.frames for s in report.sharing] == [20]
    assert all(min(s.seconds_by_workers) > 0 for s in report.sharing)
    assert "two workers" in printed
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
