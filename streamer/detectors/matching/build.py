"""What hears the entries of a plan that are heard by bursts: as few detectors as the windows they need allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from streamer.detectors.hearing.tones_heard import WINDOWS_MS, ToneHearing, make_analysis
from streamer.detectors.matching.detector import MatchDetector
from streamer.detectors.matching.grammar import Grammar, Timing, Windows

MakeGrammar = Callable[[Any, Timing], Grammar]


def build_matchers(
    entries: Sequence[tuple[MakeGrammar, Any]], *, fs_hz: float, channel: int
) -> list[MatchDetector]:
    """entries: how an entry's grammar is made, and of what"""
    groups: list[tuple[Windows, list[tuple[MakeGrammar, Any]]]] = []
    for make, spec in entries:
        wanted: Windows = spec.find_windows()
        for i, (windows, members) in enumerate(groups):
            if (both := windows.meet(wanted)) is not None:
                groups[i] = both, [*members, (make, spec)]
                break
        else:
            groups.append((wanted, [(make, spec)]))
    return [_build(choose_window_ms(windows), members, fs_hz, channel) for windows, members in groups]


def choose_window_ms(windows: Windows) -> float:
    """Of a few that all choose from, so that many plans share one hearing."""
    fitting = [ms for ms in WINDOWS_MS if windows.least_ms <= ms <= windows.most_ms]
    if not fitting:  # between two of them, or beyond
        return min(max(windows.least_ms, WINDOWS_MS[0]), WINDOWS_MS[-1])
    return min(fitting, key=lambda ms: abs(ms - windows.best_ms))


def _build(
    window_ms: float, members: list[tuple[MakeGrammar, Any]], fs_hz: float, channel: int
) -> MatchDetector:
    analysis = make_analysis(window_ms, fs_hz)
    frames = analysis.frames
    timing = Timing(fs_hz=fs_hz, window_samples=frames.length_samples, hop_samples=frames.hop_samples)
    grammars = [make(spec, timing) for make, spec in members]
    names = [spec.name for _, spec in members]
    return MatchDetector(ToneHearing(analysis), grammars, channel=channel, names=names)
