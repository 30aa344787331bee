"""Leq, Lmax, L10, L50 and L90 of spans of time, as CSV: a row for each of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.averages import (
    NAMES,
    add_total,
    average,
    condense,
    list_levels,
    make_time_weighting,
    name_figure,
)
from streamer.events import Event
from streamer.stores import Store
from streamer.stores.heading import Heading, Piece

STEP_S = 0.125  # L10 to L90 are of means of so long, or of a hop where that is longer; weighted in time, read as often


class AveragesStore(Store):
    """start_s, the channel if there are several, the figure, its unit, how much of the span there was, and a column a
    band headed by its frequency; last, where bands touch, their total. Spans stand on multiples of their length since
    the recording's start; what they hold is kept as steps until they are over."""

    def __init__(self, path: Path, heading: Heading) -> None:
        assert heading.span_s is not None
        self._heading, self._span_s = heading, heading.span_s
        self._step_s = min(self._span_s, max(STEP_S, heading.frames.hop_samples / heading.fs_hz))
        self._has_total = heading.bank.is_whole
        n_bands = len(heading.bank) + self._has_total
        self._times_s = np.zeros(0)  # of frames whose step is not over
        self._powers: NDArray[np.floating] = np.zeros((heading.channels, n_bands, 0))
        self._shown = self._powers  # the same, weighted in time
        self._steps_s = np.zeros(0)  # of the span that is not over
        self._means, self._highest, self._sampled = self._powers, self._powers, self._powers
        self._time_weighting = make_time_weighting(heading.time_weighting, heading.frames, heading.fs_hz)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file, lineterminator="\n")
        first = ["start_s", "channel"] if heading.channels > 1 else ["start_s"]
        bands = [repr(float(hz)) for hz in heading.bank.freqs_hz]
        self._csv.writerow([*first, "figure", "unit", "covered", *bands, *["total"] * self._has_total])

    def write(self, piece: Piece) -> None:
        powers = piece.values.swapaxes(1, 2)
        powers = add_total(powers) if self._has_total else powers
        self._powers = np.concatenate([self._powers, powers], axis=-1)
        if self._time_weighting is not None:
            shown = self._time_weighting.weigh(powers, first_frame=piece.first_frame)
            self._shown = np.concatenate([self._shown, shown], axis=-1)
        more_s = self._heading.times_s(piece.first_frame, piece.n_frames)
        self._times_s = np.concatenate([self._times_s, more_s])
        self._take_steps(is_end=False)
        self._tell_spans(is_end=False)

    def _take_steps(self, *, is_end: bool) -> None:
        """Frames of steps that are over, made steps."""
        n = len(self._times_s) if is_end else _count_over(self._times_s, self._step_s)
        shown = None if self._time_weighting is None else self._shown[..., :n]
        steps_s, means, highest, sampled = condense(
            self._times_s[:n], self._powers[..., :n], shown, step_s=self._step_s
        )
        self._times_s, self._powers, self._shown = (
            self._times_s[n:],
            self._powers[..., n:],
            self._shown[..., n:],
        )
        self._steps_s = np.concatenate([self._steps_s, steps_s + self._step_s / 2])
        self._means = np.concatenate([self._means, means], axis=-1)
        self._highest = np.concatenate([self._highest, highest], axis=-1)
        self._sampled = np.concatenate([self._sampled, sampled], axis=-1)

    def _tell_spans(self, *, is_end: bool) -> None:
        n = len(self._steps_s) if is_end else _count_over(self._steps_s, self._span_s)
        if not n:
            return
        found = average(
            self._steps_s[:n],
            self._means[..., :n],
            self._highest[..., :n],
            self._sampled[..., :n],
            span_s=self._span_s,
            step_s=self._step_s,
        )
        self._steps_s = self._steps_s[n:]
        self._means, self._highest, self._sampled = (
            each[..., n:] for each in (self._means, self._highest, self._sampled)
        )
        levels = {name: db + self._heading.level_of_1_db for name, db in list_levels(found).items()}
        for i, start_s in enumerate(found.starts_s.tolist()):
            for channel in range(self._heading.channels):
                first = [f"{start_s:.12g}", *([channel + 1] if self._heading.channels > 1 else [])]
                for name in NAMES:
                    row = levels[name][channel, :, i].tolist()
                    about = [
                        name_figure(name, self._heading.time_weighting),
                        self._heading.level_unit,
                        f"{found.covered[i]:.3f}",
                    ]
                    self._csv.writerow(
                        [*first, *about, *("" if math.isnan(db) else f"{db:.2f}" for db in row)]
                    )

    def finish(self, _events: Sequence[Event] = ()) -> None:
        self._take_steps(is_end=True)
        self._tell_spans(is_end=True)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _count_over(times_s: NDArray[np.float64], length_s: float) -> int:
    """How many of them lie in lengths that are over, as a later one has begun."""
    if not len(times_s):
        return 0
    numbers = np.floor(times_s / length_s * (1 + 1e-12))
    return int(np.searchsorted(numbers, numbers[-1]))
