"""What there is to be seen: newest levels, held peaks, history and events, and what the keys chose of it."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.dashboard.messages import EventRow, Scene, Snapshot

HISTORY_LINES = 512
LINE_S = 0.2  # the waterfall's pace; a short tone still shows, as a line holds maxima
_EARLY_S = 0.01  # a snapshot this early still completes a line
NUMBER_S = 0.25  # digits that change faster cannot be read
PEAK_HELD_S = 2.0
PEAK_FALL_DB_PER_S = 20.0
KEPT_EVENTS = 200
KEPT_DIGITS = 32

LEVEL_STEP_DB = 10.0
LOWEST_FLOOR_DBFS = -160.0
HIGHEST_CEILING_DBFS = 20.0
SMALLEST_RANGE_DB = 20.0

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

    def take(self, snapshot: Snapshot, now_s: float) -> None:
        """Add a snapshot that arrived at now_s, by any steady clock."""
        if snapshot.levels:
            level_dbfs = np.frombuffer(snapshot.levels, dtype=np.float32).reshape(self._shape)
            peak_dbfs = np.frombuffer(snapshot.peaks, dtype=np.float32).reshape(self._shape)
            self.level_dbfs = level_dbfs
            self._take_numbers(level_dbfs, now_s)
            self._take_peaks(peak_dbfs, now_s)
            self._take_history(peak_dbfs, snapshot.t_s, now_s)
        for event in snapshot.events:
            self._take_event(event)

    def _take_numbers(self, level_dbfs: NDArray[np.float32], now_s: float) -> None:
        self._number_power += 10 ** (level_dbfs.astype(np.float64) / 10)
        self._number_count += 1
        if now_s - self._number_since_s >= NUMBER_S:
            self.number_dbfs = (10 * np.log10(self._number_power / self._number_count)).astype(np.float32)
            self._number_power[:] = 0
            self._number_count = 0
            self._number_since_s = now_s

    def _take_peaks(self, peak_dbfs: NDArray[np.float32], now_s: float) -> None:
        passed_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        if not self.hold_peaks:
            self.peak_dbfs[now_s - self._peak_at_s > PEAK_HELD_S] -= PEAK_FALL_DB_PER_S * passed_s
        risen = peak_dbfs >= self.peak_dbfs
        self.peak_dbfs[risen] = peak_dbfs[risen]
        self._peak_at_s[risen] = now_s

    def _take_history(self, peak_dbfs: NDArray[np.float32], t_s: float, now_s: float) -> None:
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

    def _take_event(self, event: EventRow) -> None:
        if event.phase == "end":
            for i, shown in enumerate(self.events):
                if shown.id == event.id and shown.phase == "begin":
                    self.events[i] = event
                    return
        self.events.append(event)
        self.events_seen += 1
        if event.type == "dtmf":
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


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the keys chose."""

    show: str = "both"  # both, bars, waterfall
    frozen: bool = False
    help: bool = False
    floor_dbfs: float = -90.0
    ceiling_dbfs: float = 0.0
    channel: int = 0
    page: int = 0  # 0 is all bands at once, the loudest of each row shown; then pages of one band a row
    hold_peaks: bool = False


def press(view: View, key: str, *, channels: int, pages: int) -> View:
    """The view after a key; keys that mean nothing change nothing."""
    show_next = {"both": "bars", "bars": "waterfall", "waterfall": "both"}
    match key:
        case "v":
            return replace(view, show=show_next[view.show])
        case "space":
            return replace(view, frozen=not view.frozen)
        case "?":
            return replace(view, help=not view.help)
        case "escape":
            return replace(view, help=False)
        case "h":
            return replace(view, hold_peaks=not view.hold_peaks)
        case "c":
            return replace(view, channel=(view.channel + 1) % channels)
        case "pgdn":
            return replace(view, page=(view.page + 1) % (pages + 1))
        case "pgup":
            return replace(view, page=(min(view.page, pages + 1) - 1) % (pages + 1))
        case "home":
            return replace(view, page=0)
        case "+" | "=" | "-":
            step_db = -LEVEL_STEP_DB if key == "-" else LEVEL_STEP_DB
            highest_dbfs = view.ceiling_dbfs - SMALLEST_RANGE_DB
            return replace(
                view, floor_dbfs=min(max(view.floor_dbfs + step_db, LOWEST_FLOOR_DBFS), highest_dbfs)
            )
        case "[" | "]":
            step_db = -LEVEL_STEP_DB if key == "[" else LEVEL_STEP_DB
            lowest_dbfs = view.floor_dbfs + SMALLEST_RANGE_DB
            return replace(
                view, ceiling_dbfs=max(min(view.ceiling_dbfs + step_db, HIGHEST_CEILING_DBFS), lowest_dbfs)
            )
    return view


@dataclass(kw_only=True)
class State:
    """All that a screen is drawn from.

    While the view is frozen, `shown` is a copy and `live` goes on recording: nothing is missing afterwards.
    """

    scene: Scene
    view: View
    live: Picture
    shown: Picture
    snapshot: Snapshot | None = None
    silent_s: float = 0.0  # how long no snapshot has come
    note: str = ""  # what a key did, such as where the screenshot went
    drawn_fps: float | None = None  # when the screen is slower than it was asked to be
    pages: int = field(default=1)  # of the screen drawn last

    @classmethod
    def open(cls, scene: Scene) -> State:
        picture = Picture(scene)
        view = View(floor_dbfs=scene.floor_dbfs, ceiling_dbfs=scene.ceiling_dbfs)
        return cls(scene=scene, view=view, live=picture, shown=picture)

    def change_scene(self, scene: Scene) -> None:
        """Go on with another scene; what was recorded stays unless the bands or channels are others."""
        same = (scene.channels, scene.band_freqs_hz) == (self.scene.channels, self.scene.band_freqs_hz)
        self.scene = scene
        if not same:
            events, digits = self.live.events, self.live.digits
            self.live = self.shown = Picture(scene)
            self.live.events, self.live.digits = events, digits
            self.view = replace(self.view, channel=0, page=0, frozen=False)

    def tell_status(self) -> str:
        """What keeps the run from going on as usual, or nothing."""
        if self.silent_s:
            return f"no word from the main process for {self.silent_s:.0f} s; Ctrl-C ends the run"
        return self.snapshot.status if self.snapshot else "starting"

    def take(self, snapshot: Snapshot, now_s: float) -> None:
        self.snapshot = snapshot
        self.live.take(snapshot, now_s)

    def press(self, key: str) -> None:
        before: Any = self.view
        self.view = press(before, key, channels=self.scene.channels, pages=self.pages)
        self.live.hold_peaks = self.view.hold_peaks
        if self.view.frozen != before.frozen:
            self.shown = copy.deepcopy(self.live) if self.view.frozen else self.live
        if key == "p":
            self.live.reset_peaks()
            self.shown.reset_peaks()
