"""What is shown of a run: what snapshots have brought, and what the keys chose of it."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass, field, replace
from enum import Enum

from streamer.base.text import printable
from streamer.dashboard.figures import Clock, format_time_of_day
from streamer.dashboard.heard import Book
from streamer.dashboard.history import CODE_OF_0_DBFS, NOT_MEASURED, PACES, Picture
from streamer.dashboard.layout import TUNER
from streamer.dashboard.messages import EventRow, LineRow, Scene, Snapshot

LEVEL_STEP_DB = 10.0
LOWEST_FLOOR_DBFS = -160.0
HIGHEST_CEILING_DBFS = 20.0
SMALLEST_RANGE_DB = 20.0
SCROLLED_ROWS = 5
LOSING_S = 10.0  # so long after a loss the state is LOSING
CLIP_SHOWN_S = 2.0
VIEWS = ("auto", "levels", "waterfall", "text", "events", TUNER)
PEAKS = ("fall", "hold", "off")
KEPT_ENDED = 64
LINES_S = 1.5  # what has ended so long ago may still be among the lines
FITTED_S = 60.0  # `a` spans the levels of so much time


class Word(Enum):
    """The states of a run, as the first row says them: glyph and word."""

    STARTING = "◌ STARTING"
    LIVE = "● LIVE"
    FILE = "▶ FILE"
    DEMO = "◆ DEMO"
    SILENT = "○ SILENT"
    LOSING = "× LOSING"
    WAITING = "▲ WAITING"
    STALLED = "▲ STALLED"
    ENDED = "■ ENDED"


class Act(Enum):
    """What a key asks of others than the picture."""

    QUIT = "quit"
    SAVE = "save"
    RELOAD = "reload"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the keys chose."""

    view: str = "auto"
    frozen: bool = False
    help: bool = False
    floor_dbfs: float = -90.0
    ceiling_dbfs: float = 0.0
    channel: int = 0
    band: int | None = None  # selected; None: the loudest is read out
    is_history: bool = False  # of the read-out's band, instead of levels and waterfall
    form: str = "auto"  # down or across
    pace: int = 1  # of history.PACES
    zoom: int = 0  # halvings of the bands shown
    peaks: str = "fall"
    scrolled: int = 0  # rows of events above which the list begins
    back: int = 0  # lines before the newest at which a frozen picture is read
    is_typing: bool = False
    words: str = ""  # looked for
    bell: bool = False
    engine: bool = False  # its figures, where they have no column


def _step_levels(choices: Choices, key: str) -> Choices:
    step_db = LEVEL_STEP_DB if key in "+=]" else -LEVEL_STEP_DB
    if key in "+=-":
        highest_dbfs = choices.ceiling_dbfs - SMALLEST_RANGE_DB
        floor_dbfs = min(max(choices.floor_dbfs + step_db, LOWEST_FLOOR_DBFS), highest_dbfs)
        return replace(choices, floor_dbfs=floor_dbfs)
    lowest_dbfs = choices.floor_dbfs + SMALLEST_RANGE_DB
    ceiling_dbfs = max(min(choices.ceiling_dbfs + step_db, HIGHEST_CEILING_DBFS), lowest_dbfs)
    return replace(choices, ceiling_dbfs=ceiling_dbfs)


def press(choices: Choices, key: str, *, channels: int, bands: int) -> Choices:
    """The choices after a key; keys that mean nothing change nothing."""

    def turn(words: tuple[str, ...], word: str) -> str:
        return words[(words.index(word) + 1) % len(words)]

    match key:
        case "v":
            return replace(choices, view=turn(VIEWS, choices.view))
        case "1" | "2" | "3" | "4" | "5" | "6":
            return replace(choices, view=VIEWS[int(key) - 1])
        case "space" | "f":
            return replace(choices, frozen=not choices.frozen, back=0, scrolled=0)
        case "?" | "h" | "f1":
            return replace(choices, help=not choices.help)
        case "escape":
            if choices.help:
                return replace(choices, help=False)
            if choices.is_history:
                return replace(choices, is_history=False)
            return replace(choices, band=None, words="", scrolled=0)
        case "enter":
            return replace(choices, is_history=not choices.is_history)
        case "o":
            return replace(choices, form=turn(("auto", "down", "across"), choices.form))
        case "t" | "T":
            step = 1 if key == "t" else -1
            return replace(choices, pace=(choices.pace + step) % len(PACES), back=0)
        case "z":
            return replace(choices, zoom=choices.zoom + (bands >> (choices.zoom + 1) >= 4))
        case "Z":
            return replace(choices, zoom=max(0, choices.zoom - 1))
        case "p":
            return replace(choices, peaks=turn(PEAKS, choices.peaks))
        case "b":
            return replace(choices, bell=not choices.bell)
        case "d":
            return replace(choices, engine=not choices.engine)
        case "/":
            return replace(choices, is_typing=True, words="")
        case "c" | "C":
            step = 1 if key == "c" else -1
            return replace(choices, channel=(choices.channel + step) % channels)
        case "+" | "=" | "-" | "[" | "]":
            return _step_levels(choices, key)
    return choices


@dataclass(kw_only=True)
class State:
    """All that a screen is drawn from.

    While it is frozen, `shown` and `told` are copies; `live` and `book` go on recording: nothing is missing afterwards.
    """

    scene: Scene
    choices: Choices
    live: Picture
    shown: Picture
    book: Book = field(default_factory=Book)
    told: Book = field(default_factory=Book)
    clock: Clock = field(default_factory=Clock)
    snapshot: Snapshot | None = None
    lines: list[LineRow] | None = None  # of the newest second, where they are shown
    ended: deque[EventRow] = field(default_factory=lambda: deque(maxlen=KEPT_ENDED))  # of late, newest last
    stalled_s: float = 0.0  # how long no snapshot has come
    note: str = ""  # what a key did, such as where the picture went
    drawn_fps: float | None = None  # when the screen is slower than it was asked to be
    frame: int = 0  # counts what is drawn anew at the screen's pace
    tick: int = 0  # counts what is drawn anew four times a second
    label_width: int = 12  # of the list of events; it never shrinks
    is_down: bool = False  # whether bands lay as rows on the screen drawn last
    asks_bell: bool = False

    @classmethod
    def open(cls, scene: Scene) -> State:
        picture, book = Picture(scene), Book()
        choices = Choices(floor_dbfs=scene.floor_dbfs, ceiling_dbfs=scene.ceiling_dbfs)
        return cls(scene=scene, choices=choices, live=picture, shown=picture, book=book, told=book)

    def change_scene(self, scene: Scene) -> None:
        """Go on with another scene, whose time counts from 0 or goes on; what was heard stays."""
        goes_on = scene.goes_on
        self.scene = scene
        before_s = self.live.t_s if goes_on else 0.0
        self.live = self.shown = Picture(scene)
        self.live.t_s = before_s
        if not goes_on:
            self.book.begin_section()
            self.ended.clear()
        self.told = self.book
        self.choices = replace(self.choices, channel=0, band=None, zoom=0, frozen=False, back=0)
        self.tick += 1

    def add(self, snapshot: Snapshot, now_s: float) -> None:
        self.snapshot = snapshot
        self.live.add(snapshot, now_s)
        self.clock.set(snapshot.t_s, snapshot.unix_s)
        if snapshot.lines is not None and not self.choices.frozen:
            self.lines = snapshot.lines
        for event in snapshot.events:
            self.book.add(event)
            if event.phase == "end" and event.freqs_hz:
                self.ended.append(event)
            self.asks_bell |= self.choices.bell and event.phase == "begin"
        self.book.go_on(snapshot.t_s)
        self.frame += 1

    # --- what is so ------------------------------------------------------------------------------------------

    @property
    def word(self) -> Word:
        """The state that matters most."""
        snapshot = self.snapshot
        if self.stalled_s:
            return Word.STALLED
        if snapshot is None or snapshot.state == "starting":
            return Word.STARTING
        if snapshot.state == "waiting":
            return Word.WAITING
        if snapshot.state == "ended":
            return Word.ENDED
        if snapshot.lost_ago_s is not None and snapshot.lost_ago_s < LOSING_S:
            return Word.LOSING
        if snapshot.state == "silent":
            return Word.SILENT
        return {"FILE": Word.FILE, "DEMO": Word.DEMO}.get(self.scene.mode, Word.LIVE)

    @property
    def band(self) -> int | None:
        """The one that is read out: selected, else the loudest; None without samples."""
        if self.choices.band is not None:
            return self.choices.band
        return self.shown.loudest

    @property
    def watched(self) -> int | None:
        """The channel whose lines are shown, from 1."""
        return self.choices.channel + 1 if self.choices.view == TUNER else None

    def list_heard(self) -> list[tuple[str, float]]:
        """Names and frequencies of what has sounded in the time of the lines."""
        since_s = self.live.t_s - LINES_S
        late = [each for each in self.ended if each.t_s + (each.duration_ms or 0) / 1e3 >= since_s]
        heard = [row.newest for row in self.book.find_sounding()] + late[::-1]
        return [
            (f"{event.type} {event.label}" if event.is_digit else event.name, freq_hz)
            for event in heard
            for freq_hz in event.freqs_hz
        ]

    @property
    def past_band(self) -> int:
        """Whose past is shown: also while there are no samples, and none is read out."""
        return self.shown.loudest_before if self.band is None else self.band

    @property
    def bands_shown(self) -> tuple[int, int]:
        """All of them, or those around the selected one."""
        bands = len(self.scene.band_labels)
        size = max(1, bands >> self.choices.zoom)
        middle = self.band if self.band is not None else bands // 2
        first = max(0, min(bands - size, middle - size // 2))
        return first, first + size

    # --- keys ------------------------------------------------------------------------------------------------

    def press(self, key: str) -> Act | None:
        """Do what a key means; what it asks of others."""
        self.frame += 1
        self.tick += 1
        if self.word is Word.ENDED:
            return Act.QUIT
        if self.choices.is_typing:
            self._type(key)
            return None
        if key == "q":
            return Act.QUIT
        if key == "s":
            return Act.SAVE
        if key == "R":
            self.note = "settings and plans are read again"
            return Act.RELOAD
        before = self.choices
        bands = len(self.scene.band_labels)
        self.choices = press(before, key, channels=self.scene.channels, bands=bands)
        if key in {"up", "down", "left", "right", "j", "k"}:
            self._move(key)
        elif key in {"pgup", "pgdn", "home", "end"}:
            self._scroll(key)
        elif key == "n" and self.choices.words:
            self._find_next()
        elif key == "r":
            self.live.reset()
            self.book.reset()
            self.note = "peaks, means, tallies and the loss notice begin anew"
        elif key == "m":
            self._mark()
            return Act.MARK
        elif key == "a":
            self._fit()
        self._note_choice(before)
        self.live.peaks_stay = self.choices.peaks == "hold"
        if self.choices.frozen != before.frozen:
            self.shown = copy.deepcopy(self.live) if self.choices.frozen else self.live
            self.told = copy.deepcopy(self.book) if self.choices.frozen else self.book
            if self.choices.frozen:
                self.shown.reach_into_the_past()
        if self.choices.channel != before.channel:
            self.live.watch_channel(self.choices.channel)
        return None

    def _note_choice(self, before: Choices) -> None:
        now = self.choices
        if now.peaks != before.peaks:
            self.note = f"peaks: {now.peaks}"
        if now.pace != before.pace:
            self.note = f"{PACES[now.pace][0]:g} s a line"
        if now.bell != before.bell:
            self.note = f"bell at events: {'on' if now.bell else 'off'}"
        if now.form != before.form:
            self.note = f"levels: {now.form}"
        if now.view != before.view:
            self.note = f"view: {now.view}"

    def _move(self, key: str) -> None:
        """Along the bands, as they lie; across them a frozen picture is read at another time."""
        forward = key in ({"up", "k"} if self.is_down else {"right", "k"})
        if key in {"j", "k"} or key in ({"up", "down"} if self.is_down else {"left", "right"}):
            start = self.band if self.band is not None else -1
            band = max(0, min(len(self.scene.band_labels) - 1, start + (1 if forward else -1)))
            self.choices = replace(self.choices, band=band)
        elif self.choices.frozen:
            back = self.choices.back + (1 if key in {"left", "down"} else -1)
            self.choices = replace(self.choices, back=max(0, min(back, self._farthest_back)))
        elif self.band is not None:  # the other pair of arrows selects too, where nothing is to be read
            step = 1 if key in {"up", "right"} else -1
            band = max(0, min(len(self.scene.band_labels) - 1, self.band + step))
            self.choices = replace(self.choices, band=band)
        if self.choices.frozen:
            self.note = self._read_cursor()

    def _read_cursor(self) -> str:
        """Time and level under the cursor of a frozen picture."""
        band = self.band
        if band is None:
            return ""
        pace = self.choices.pace
        group = self.shown.newest_group(pace) - self.choices.back
        code = int(self.shown.read(pace, group, 1)[0, band])
        t_s = group * PACES[pace][0]
        dbfs = code - CODE_OF_0_DBFS + self.scene.offset_db
        level = "not measured" if code == NOT_MEASURED else f"{dbfs:.0f} {printable(self.scene.unit)}"
        tenths = f"{(self.clock.day_second(t_s) % 1):.1f}"[1:]
        day = self.clock.tell_day(t_s, self.live.t_s)
        return f"{day}{self.clock.at(t_s).strip()}{tenths}  {self.scene.name_band(band)}  {level}"

    def _scroll(self, key: str) -> None:
        last = max(0, len(self.told.rows) - 1)
        steps = {"pgup": SCROLLED_ROWS, "pgdn": -SCROLLED_ROWS, "home": last, "end": -last - 1}
        if key == "end" and self.choices.frozen:
            self.told = copy.deepcopy(self.book)
        scrolled = max(0, min(last, self.choices.scrolled + steps[key]))
        back = self.choices.back
        if self.choices.frozen:
            farthest = self._farthest_back  # which is looked up on the disk
            lines = {"pgup": 20, "pgdn": -20, "home": farthest, "end": -back}
            back = max(0, min(farthest, back + lines[key]))
        self.choices = replace(self.choices, scrolled=scrolled, back=back)
        if self.choices.frozen and self.shown.past is not None:
            self.note = self._read_cursor()

    @property
    def _farthest_back(self) -> int:
        """Lines before the newest, as far as memory and, where a history is kept, the disk reach."""
        pace = self.choices.pace
        return self.shown.newest_group(pace) + self.shown.count_older(pace)

    def _type(self, key: str) -> None:
        words = self.choices.words
        if key == "enter":
            self.choices = replace(self.choices, is_typing=False)
            self._find_next(is_first=True)
        elif key == "escape":
            self.choices = replace(self.choices, is_typing=False, words="")
        elif key == "backspace":
            self.choices = replace(self.choices, words=words[:-1])
        elif len(key) == 1 or key == "space":
            self.choices = replace(self.choices, words=(words + (" " if key == "space" else key))[:40])

    def _find_next(self, *, is_first: bool = False) -> None:
        found = self.told.search(self.choices.words)
        later = [number for number in found if number > self.choices.scrolled or is_first]
        if found:
            at = (later or found)[0]
            self.choices = replace(self.choices, scrolled=at)
            self.note = (
                f"{found.index(at) + 1} of {len(found)} with {self.choices.words}; n next, Esc ends it"
            )
        else:
            self.note = f"nothing has {self.choices.words}"

    def _mark(self) -> None:
        t_s = self.live.t_s
        time = self.clock.at(t_s) + f"{self.clock.day_second(t_s) % 1:.3f}"[1:]
        self.book.add(EventRow(id=0, phase="", type="mark", label="", time=time, t_s=t_s))
        self.note = f"marked {time.strip()}"

    def _fit(self) -> None:
        """Floor and ceiling to what the last minute held."""
        groups = int(FITTED_S)
        codes = self.live.read(2, self.live.newest_group(2) - groups + 1, groups)
        measured = codes[codes != NOT_MEASURED]
        if measured.size:
            floor = (int(measured.min()) - 201) // 10 * 10
            ceiling = -((200 - int(measured.max())) // 10 * 10)
            floor_dbfs = max(LOWEST_FLOOR_DBFS, min(floor, ceiling - SMALLEST_RANGE_DB))
            self.choices = replace(
                self.choices,
                floor_dbfs=float(floor_dbfs),
                ceiling_dbfs=float(max(floor_dbfs + SMALLEST_RANGE_DB, min(ceiling, HIGHEST_CEILING_DBFS))),
            )

    def tell_last_sample(self) -> str:
        """When the newest sample came, or its place in the stream."""
        snapshot = self.snapshot
        if snapshot is None:
            return ""
        if snapshot.unix_s is not None:
            return format_time_of_day(snapshot.unix_s)
        return self.clock.at(snapshot.t_s).strip()
