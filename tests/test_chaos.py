"""The audit of tests.chaos fails on one digit that is neither heard nor in a gap, and on samples that are missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from streamer.analysis.bank import Levels
from tests.chaos import Judge
from tests.chaos_listener import COUNTS, FS_HZ, Auditor, choose_display

DISPLAY = choose_display(FS_HZ)
N = 3 * COUNTS


class Played:
    """What the auditor may read."""

    def __init__(self, samples: np.ndarray) -> None:
        self._samples = samples

    def read(self, start: int, stop: int) -> np.ndarray | None:
        return self._samples[start:stop] if 0 <= start <= stop <= len(self._samples) else None


def play() -> np.ndarray:
    return ((5 << 16 | np.arange(N) % COUNTS) / 2**24).astype(np.float32)


def audit(samples: np.ndarray, *, runs: list[tuple[int, int]] | None = None) -> Auditor:
    """runs: of frames, from and to; all of them, in pieces, unless given"""
    auditor, frames = Auditor(), DISPLAY.frames
    total = frames.frames_within(len(samples))
    runs = runs or [(at, min(at + 37, total)) for at in range(0, total, 37)]
    for first, stop in runs:
        values = np.zeros((stop - first, len(DISPLAY.bank)), np.complex64)
        auditor.feed(Levels(analysis=DISPLAY, channel=1, first_frame=first, values=values), Played(samples))
    return auditor


def tell(auditor: Auditor) -> list[dict[str, Any]]:
    """What a program that hears everything says."""
    return [
        {"type": "dtmf", "phase": "end", "channel": 2, "label": label, "sample": sample}
        for sample, label in auditor.audit.played
    ]


def judge(auditor: Auditor, lines: list[dict[str, Any]], *, dropped: int = 0) -> Judge:
    end = {"type": "end", "captured": N, "analysed": N - dropped, "dropped": dropped, "pending": 0}
    found = Judge(asdict(auditor.audit), [*lines, end])
    found.judge()
    return found


def test_all_that_was_played_and_heard_is_right() -> None:
    auditor = audit(play())
    assert len(auditor.audit.played) == 23  # the last of three times eight is not looked at to its end
    found = judge(auditor, tell(auditor))
    assert (found.wrong, found.heard) == ([], 23)


@pytest.mark.parametrize("number", [0, 11, 22])
def test_one_digit_that_was_analysed_and_not_heard_is_wrong(number: int) -> None:
    auditor = audit(play())
    lines = tell(auditor)
    lost = lines.pop(number)
    assert judge(auditor, lines).wrong == [f"{lost['label']} at {lost['sample']} was analysed and not heard"]


def test_a_digit_out_of_nothing_is_wrong() -> None:
    auditor = audit(play())
    more = {"type": "dtmf", "phase": "end", "channel": 2, "label": "5", "sample": N // 2}
    assert judge(auditor, [*tell(auditor), more]).wrong == [f"5 at {N // 2} was not played"]


@pytest.mark.parametrize("missing", [1, 500, 5000])
def test_samples_that_are_missing_are_wrong_named_or_explained_by_a_gap(missing: int) -> None:
    auditor = audit(np.delete(play(), np.s_[70_000 : 70_000 + missing]))
    assert auditor.audit.jumps == [(70_000, missing)]
    found = judge(auditor, tell(auditor))
    if missing == 5000:
        assert found.wrong == ["5000 samples are missing at 70000 and no gap says so"]
    else:
        assert (found.wrong, found.small_losses) == ([], [missing])
    gap = {"type": "gap", "sample": 100_000, "lost_samples": missing, "reason": "input_stall"}
    found = judge(auditor, [*tell(auditor), gap], dropped=missing)
    assert (found.wrong, found.explained) == ([], 1)


def test_after_a_gap_the_counter_may_go_on_anywhere_and_digits_within_need_not_be_heard() -> None:
    auditor = audit(play(), runs=[(0, 300), (500, 700)])
    assert auditor.audit.jumps == []
    assert not [s for s, _ in auditor.audit.played if 299 * 240 + 2400 < s < 500 * 240]
    gap = {"type": "gap", "sample": 299 * 240 + 2400, "lost_samples": 45_000, "reason": "overload"}
    assert judge(auditor, [*tell(auditor), gap], dropped=45_000).wrong == []


def test_samples_that_cannot_be_looked_at_are_wrong() -> None:
    auditor = audit(play()[:50_000], runs=[(0, 100), (100, 300)])
    assert "were gone before they could be looked at" in judge(auditor, tell(auditor)).wrong[0]
