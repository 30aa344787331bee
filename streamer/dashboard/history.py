"""What there is to be seen: newest levels, held peaks, history and events."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_powers, powers_from_db
from streamer.dashboard.messages import EventRow, Scene, Snapshot

HISTORY_LINES = 512
LINE_S = 0.2  # the waterfall's pace; a short tone still shows, as a line holds maxima
_EARLY_S = 0.01  # a snapshot this early still completes a line
NUMBER_S = 0.25  # digits that change faster cannot be read
PEAK_HELD_S = 2.0
PEAK_FALL_DB_PER_S = 20.0
KEPT_EVENTS = 200
KEPT_DIGITS = 32

CODE_OF_0_DBFS = 200  # history keeps whole decibels in a byte
NOT_MEASURED = 0  # below every level, so that a maximum passes over it


class Picture:
    """Everything snapshots have brought so far, for all channels."""

    def __init__(self, scene: Scene) -> None:
        shape = (scene.channels, len(scene.band_labels))
        self.level_dbfs: NDArray[np.float32] | None = None  # (channels, bands), None before the first frame
        self.number_dbfs: NDArray[np.float32] | None = None  # the same, calm enough to be read
        self.peak_dbfs = np.full(shape, -np.inf, dtype=np.float32)
        self.hold_peaks = False
        self.history = np.zeros((HISTORY_LINES, *shape), dtype=np.uint8)
        self.history_t_s = np.zeros(HISTORY_LINES)
        self.history_lines = (
            0  # since the beginning: the newest is at history[(history_lines - 1) % HISTORY_LINES]
        )
        self.events: deque[EventRow] = deque(maxlen=KEPT_EVENTS)  # newest last
        self.events_seen = 0
        self.digits: deque[str] = deque(maxlen=KEPT_DIGITS)
        self._shape = shape
        self._line_dbfs = np.full(shape, -np.inf, dtype=np.float32)
        self._line_due_s = -np.inf
        self._number_power = np.zeros(shape)
        self._number_count = 0
        self._number_since_s = -np.inf
        self._peak_at_s = np.full(shape, -np.inf)
        self._last_s: float | None = None

    def add(self, snapshot: Snapshot, now_s: float) -> None:
        """Add a snapshot that arrived at now_s, by any steady clock."""
        if snapshot.levels:
            level_dbfs = np.frombuffer(snapshot.levels, dtype=np.float32).reshape(self._shape)
            peak_dbfs = np.frombuffer(snapshot.peaks, dtype=np.float32).reshape(self._shape)
            self.level_dbfs = level_dbfs
            self._add_numbers(level_dbfs, now_s)
            self._add_peaks(peak_dbfs, now_s)
            self._add_history(peak_dbfs, snapshot.t_s, now_s)
        for event in snapshot.events:
            self._add_event(event)

    def _add_numbers(self, level_dbfs: NDArray[np.float32], now_s: float) -> None:
        self._number_power += powers_from_db(level_dbfs.astype(np.float64))
        self._number_count += 1
        if now_s - self._number_since_s >= NUMBER_S:
            self.number_dbfs = db_from_powers(self._number_power / self._number_count).astype(np.float32)
            self._number_power[:] = 0
            self._number_count = 0
            self._number_since_s = now_s

    def _add_peaks(self, peak_dbfs: NDArray[np.float32], now_s: float) -> None:
        passed_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        if not self.hold_peaks:
            self.peak_dbfs[now_s - self._peak_at_s > PEAK_HELD_S] -= PEAK_FALL_DB_PER_S * passed_s
        risen = peak_dbfs >= self.peak_dbfs
        self.peak_dbfs[risen] = peak_dbfs[risen]
        self._peak_at_s[risen] = now_s

    def _add_history(self, peak_dbfs: NDArray[np.float32], t_s: float, now_s: float) -> None:
        np.maximum(self._line_dbfs, peak_dbfs, out=self._line_dbfs)
        if now_s < self._line_due_s - _EARLY_S:
            return
        in_time = now_s < self._line_due_s + LINE_S
        self._line_due_s = (
            self._line_due_s if in_time else now_s
        ) + LINE_S  # a steady grid, afresh after a pause
        at = self.history_lines % HISTORY_LINES
        self.history[at] = np.clip(np.rint(self._line_dbfs) + CODE_OF_0_DBFS, 1, 255)
        self.history_t_s[at] = t_s
        self.history_lines += 1
        self._line_dbfs[:] = -np.inf

    def _add_event(self, event: EventRow) -> None:
        if event.phase == "end":
            for i, shown in enumerate(self.events):
                if shown.id == event.id and shown.phase == "begin":
                    self.events[i] = event
                    return
        self.events.append(event)
        self.events_seen += 1
        if event.is_digit:
            self.digits.append(event.label)

    def reset_peaks(self) -> None:
        self.peak_dbfs[:] = -np.inf

    def newest_history(self, channel: int, lines: int) -> tuple[NDArray[np.uint8], float]:
        """The newest lines of a channel counted from 0, newest last, and how many seconds they span.

        (lines, bands) codes: dBFS + CODE_OF_0_DBFS, or NOT_MEASURED
        """
        known = min(lines, self.history_lines, HISTORY_LINES)
        at = np.arange(self.history_lines - known, self.history_lines) % HISTORY_LINES
        codes = np.full((lines, self._shape[1]), NOT_MEASURED, dtype=np.uint8)
        codes[lines - known :] = self.history[at, channel]
        span_s = float(self.history_t_s[at[-1]] - self.history_t_s[at[0]]) if known > 1 else 0.0
        return codes, span_s
