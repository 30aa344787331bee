"""What is listened to and for, once a source has said its rate and channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamer.analysis.bank import Analysis
from streamer.detectors import Detector
from streamer.plans.plan import build_detectors, load_plan
from streamer.sources import SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listening:
    """What is listened to and for, once the source has said what it is."""

    display: Analysis
    detectors: Iterable[tuple[str, int, Detector]] = ()  # plan name, channel from 1, detector


SetUp = Callable[[SourceInfo], Listening]


def make_set_up(plans: Sequence[str], choose_display: Callable[[float], Analysis]) -> SetUp:
    """What a stream calls once the source is open: the levels to show, by its rate, and what hears the plans."""

    def set_up(info: SourceInfo) -> Listening:
        display = choose_display(info.fs_hz)
        return Listening(display=display, detectors=list(make_detectors(plans, info.fs_hz, info.channels)))

    return set_up


def make_detectors(plans: Sequence[str], fs_hz: float, channels: int) -> Iterator[tuple[str, int, Detector]]:
    """(plan name, channel from 1, detector) for all plans and channels."""
    for name in plans:
        plan = load_plan(name)
        for channel in range(1, channels + 1):
            for detector in build_detectors(plan, fs_hz, channel):
                yield plan.name, channel, detector
