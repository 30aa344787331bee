"""Signals in pieces: a hearing that is given a stretch of samples and nothing else, and notes of what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.detectors import Tell
from streamer.detectors.dtmf.leaders import MIN_LEAD_FRAMES, make_limits
from streamer.detectors.dtmf.records import WEIGHED, Tools
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing, make_analysis
from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.hearing.desk import find_desk
from streamer.events import Event
from tests.detectors.dtmf.twin.grammar import Grammar
from tests.detectors.dtmf.twin.hearing import Hearing
from tests.detectors.dtmf.twin.plain import find_leaders, find_runs


@lru_cache
def make_analyser(fs_hz: float) -> Analyser:
    return Analyser(make_analysis(fs_hz))


def make_timing(fs_hz: float) -> Timing:
    return Timing(spec=DtmfSpec(), analysis=make_analysis(fs_hz))


def measure(samples: NDArray[np.float32], fs_hz: float) -> NDArray[np.complex64]:
    """(frames, bands)"""
    analyser = make_analyser(fs_hz)
    spec = analyser.analysis.frames
    n_frames = spec.frames_within(samples.size)
    values = np.empty((n_frames, len(analyser.analysis.bank)), np.complex64)
    if n_frames:
        n_samples = spec.length_samples + (n_frames - 1) * spec.hop_samples
        analyser.compute(np.ascontiguousarray(samples[:n_samples]), values)
    return values


def hear_piece(samples: NDArray[np.float32], first_sample: int, *, fs_hz: float) -> Hearing:
    """What samples [first_sample, first_sample + samples.size) say; to ask for more is an error."""
    timing = make_timing(fs_hz)
    first_frame = -(-first_sample // timing.hop_samples)
    kept = measure(samples[first_frame * timing.hop_samples - first_sample :], fs_hz)
    n_frames = max(len(kept), timing.kept_frames)
    trail = Trail(len(timing.analysis.bank), kept_frames=n_frames, run_frames=n_frames, dtype=np.complex64)
    trail.clear(first_frame - n_frames)
    trail.append(np.full((n_frames, 8), np.nan, np.complex64))  # whoever looks before the piece will say so,
    trail.append(kept)
    trail.fixed.array[:, trail.first_column + first_frame + len(kept) :] = np.nan  # and who looks after it

    def read(start: int, stop: int) -> NDArray[np.float32]:
        assert first_sample <= max(start, 0), "a sample before the piece"
        assert stop <= first_sample + samples.size, "a sample after the piece"
        before = np.zeros(max(0, min(stop, 0) - start), np.float32)  # the stream began with sample 0
        return np.concatenate([before, samples[max(start, 0) - first_sample : max(stop, 0) - first_sample]])

    return Hearing(timing=timing, begin_frame=0, values=trail, read=read)


@dataclass(frozen=True)
class Question:
    """What a hearing is asked: the name of a method and its arguments, all of them values."""

    name: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    @property
    def newest_frame(self) -> int:
        """The last frame that the answer may depend on."""
        if self.name == "was_there":
            return int(self.arguments[1]) + MIN_LEAD_FRAMES
        newest = {
            "is_off": 1,
            "find_burst": 3,
            "weigh_crackled": 3,
            "compare": 3,
        }  # the others: after a pair and its burst
        return int(self.arguments[newest.get(self.name, 2)])

    def ask(self, hearing: Hearing) -> Any:
        return getattr(hearing, self.name)(*self.arguments, **self.options)


@dataclass
class Asked:
    """In place of a hearing: each question is answered by whoever `answer` asks, and noted."""

    answer: Callable[[Question], Any]
    questions: list[Question] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*arguments: Any, **options: Any) -> Any:
            question = Question(name, arguments, options)
            found = self.answer(question)
            self.questions.append(question)
            self.answers.append(found)
            return found

        return ask


def decide(
    samples: NDArray[np.float32], hearing: Any, *, fs_hz: float, tell: Tell | None = None
) -> list[Event]:
    """The events of a signal: every frame's leader, and the grammar, which asks this hearing."""
    timing = make_timing(fs_hz)
    values, limits = measure(samples, fs_hz), make_limits(timing.spec, timing.analysis)
    pairs = find_leaders(values, limits.figures.array, limits.is_wanted.array)
    grammar = Grammar(timing, channel=1)
    grammar.tell = tell
    events = grammar.follow(find_runs(pairs, first_frame=0), hearing)
    return events + grammar.finish(len(values) - 1, hearing)


def make_tools(timing: Timing) -> Tools:
    """Where loops that are called by themselves may work."""
    desk = find_desk(timing.halo_samples, timing.kept_frames)
    return Tools(
        desk.turns.array,
        desk.rows.array,
        desk.envelopes.array,
        desk.scratch.array,
        desk.bursts.array,
        desk.found.array,
        desk.small.array,
        np.zeros(1, WEIGHED),
        timing.waves,
        np.zeros((8, timing.kept_frames), np.complex64),
        np.zeros(timing.history_samples, np.float32),
    )
