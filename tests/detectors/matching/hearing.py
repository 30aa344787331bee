"""A plan's text and a signal's specification to what is told of it."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.events import Event
from streamer.plans.plan import build_detectors, parse_plan
from streamer.sources.synthetic.language import parse_signal
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000


def tell(plan: str, signal: str, *, cuts: Iterable[int] | None = None, fs_hz: int = FS_HZ) -> list[Event]:
    """All events, of a signal with a second of faint noise before and after it."""
    samples = parse_signal(f"noise:-55,silence:1s,{signal},silence:1s", fs_hz=fs_hz).read()[:, 0]
    detectors = build_detectors(parse_plan(plan, name="test.toml"), fs_hz)
    return [event for detector in detectors for event in run_detector(detector, samples, cuts=cuts)]


def name(plan: str, signal: str) -> str:
    """The labels that are told, in order."""
    return " ".join(event.label for event in tell(plan, signal) if event.phase == "end")
