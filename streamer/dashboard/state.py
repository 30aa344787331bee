"""What is shown of a run: the picture, and what the keys chose of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

from streamer.dashboard.history import Picture
from streamer.dashboard.messages import Scene, Snapshot

LEVEL_STEP_DB = 10.0
LOWEST_FLOOR_DBFS = -160.0
HIGHEST_CEILING_DBFS = 20.0
SMALLEST_RANGE_DB = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the keys chose."""

    show: str = "both"  # both, bars, waterfall
    frozen: bool = False
    help: bool = False
    floor_dbfs: float = -90.0
    ceiling_dbfs: float = 0.0
    channel: int = 0
    page: int = 0  # 0 is all bands at once, the loudest of each row shown; then pages of one band a row
    hold_peaks: bool = False


def press(choices: Choices, key: str, *, channels: int, pages: int) -> Choices:
    """The choices after a key; keys that mean nothing change nothing."""
    show_next = {"both": "bars", "bars": "waterfall", "waterfall": "both"}
    match key:
        case "v":
            return replace(choices, show=show_next[choices.show])
        case "space":
            return replace(choices, frozen=not choices.frozen)
        case "?":
            return replace(choices, help=not choices.help)
        case "escape":
            return replace(choices, help=False)
        case "h":
            return replace(choices, hold_peaks=not choices.hold_peaks)
        case "c":
            return replace(choices, channel=(choices.channel + 1) % channels)
        case "pgdn":
            return replace(choices, page=(choices.page + 1) % (pages + 1))
        case "pgup":
            return replace(choices, page=(min(choices.page, pages + 1) - 1) % (pages + 1))
        case "home":
            return replace(choices, page=0)
        case "+" | "=" | "-":
            step_db = -LEVEL_STEP_DB if key == "-" else LEVEL_STEP_DB
            highest_dbfs = choices.ceiling_dbfs - SMALLEST_RANGE_DB
            return replace(
                choices, floor_dbfs=min(max(choices.floor_dbfs + step_db, LOWEST_FLOOR_DBFS), highest_dbfs)
            )
        case "[" | "]":
            step_db = -LEVEL_STEP_DB if key == "[" else LEVEL_STEP_DB
            lowest_dbfs = choices.floor_dbfs + SMALLEST_RANGE_DB
            return replace(
                choices,
                ceiling_dbfs=max(min(choices.ceiling_dbfs + step_db, HIGHEST_CEILING_DBFS), lowest_dbfs),
            )
    return choices


@dataclass(kw_only=True)
class State:
    """All that a screen is drawn from.

    While it is frozen, `shown` is a copy and `live` goes on recording: nothing is missing afterwards.
    """

    scene: Scene
    choices: Choices
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
        choices = Choices(floor_dbfs=scene.floor_dbfs, ceiling_dbfs=scene.ceiling_dbfs)
        return cls(scene=scene, choices=choices, live=picture, shown=picture)

    def change_scene(self, scene: Scene) -> None:
        """Go on with another scene; what was recorded stays unless the bands or channels are others."""
        same = (scene.channels, scene.band_freqs_hz) == (self.scene.channels, self.scene.band_freqs_hz)
        self.scene = scene
        if not same:
            events, digits = self.live.events, self.live.digits
            self.live = self.shown = Picture(scene)
            self.live.events, self.live.digits = events, digits
            self.choices = replace(self.choices, channel=0, page=0, frozen=False)

    def tell_status(self) -> str:
        """What keeps the run from going on as usual, or nothing."""
        if self.silent_s:
            return f"no word from the main process for {self.silent_s:.0f} s; Ctrl-C ends the run"
        return self.snapshot.status if self.snapshot else "starting"

    def add(self, snapshot: Snapshot, now_s: float) -> None:
        self.snapshot = snapshot
        self.live.add(snapshot, now_s)

    def press(self, key: str) -> None:
        before: Any = self.choices
        self.choices = press(before, key, channels=self.scene.channels, pages=self.pages)
        self.live.hold_peaks = self.choices.hold_peaks
        if self.choices.frozen != before.frozen:
            self.shown = copy.deepcopy(self.live) if self.choices.frozen else self.live
        if key == "p":
            self.live.reset_peaks()
            self.shown.reset_peaks()
