"""Which clip an event gets: decided when it is told, so that whoever is told of it knows the clip's name.

            event begins             event ends               its audio is there
    (none) ──────────────▶ lasting ──────────────▶ ended ─────────────────────▶ closed: it is written
                              └───── it is as long as any may be ───────────────▲

From its first event on a clip's name and first sample stay as they are; its end follows its events. What begins before
it ends, in the same channel, is in it too, as long as it is not closed and has room.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

import msgspec

from streamer.events import Event

ROOM = 0.5  # of the longest: what has only begun joins a clip that has so much left


@dataclass(slots=True, eq=False)
class Clip:
    """Samples [start, stop) of a channel; nobody knows where it stops while an event of it lasts.

    first: where its first event begins   most: it is over before this sample, whatever lasts
    written: samples, or why there are none; None until then
    """

    run: str
    channel: int
    name: str
    start: int
    first: int
    stop: int
    most: int
    lasting: set[int] = field(default_factory=set)  # ids of events
    is_closed: bool = False
    written: int | str | None = None

    @property
    def end(self) -> int:
        """Once what was heard reaches this far, it can be written."""
        return self.most if self.lasting else self.stop


class ClipPlans:
    """Asked by who tells events, and by who writes clips, in threads of their own; neither waits for the other."""

    def __init__(self, *, pre_s: float, post_s: float, longest_s: float, suffix: str) -> None:
        self._pre_s, self._post_s, self._longest_s, self._suffix = pre_s, post_s, longest_s, suffix
        self._lock = threading.Lock()  # held for as long as a list is looked through
        self._run, self._fs_hz = "", 1.0
        self._open: list[Clip] = []
        self._closed: list[Clip] = []  # and not written yet
        self._newest: dict[int, Clip] = {}  # of each channel
        self._begun: dict[int, Clip] = {}  # by the id of what lasts
        self.heard_from = 0  # nothing before this sample will be there

    def begin(self, run: str, fs_hz: float) -> None:
        """A section: ids and samples are counted anew. Harmless for the one that goes on."""
        if run != self._run:
            with self._lock:
                self._run, self._fs_hz = run, fs_hz
                self._begun, self.heard_from = {}, 0

    def place(self, event: Event) -> tuple[Event, Clip]:
        """The event with its clip, and where in it it begins."""
        with self._lock:
            clip = self._begun.get(event.id)
            if clip is None or clip.run != self._run:
                clip = self._find_room(event) or self._add(event)
            if event.phase == "begin":
                self._begun[event.id] = clip
                clip.lasting.add(event.id)
            else:
                self._begun.pop(event.id, None)
                clip.lasting.discard(event.id)
                clip.stop = min(max(clip.stop, self._find_stop(event)), clip.most)
        offset_s = round(event.t_s - clip.start / self._fs_hz, 6)
        return msgspec.structs.replace(event, clip=clip.name, clip_offset_s=offset_s), clip

    def close(self, run: str, *, heard: float) -> list[Clip]:
        """Those of a run to which nothing is added any more, as all that was heard up to there is kept."""
        with self._lock:
            for clip in self._open:
                clip.is_closed = clip.run == run and clip.end <= heard
            closed = [clip for clip in self._open if clip.is_closed]
            self._open = [clip for clip in self._open if not clip.is_closed]
            self._closed = [clip for clip in (*self._closed, *closed) if clip.written is None]
        return closed

    def find_oldest(self, *, heard: float) -> int | None:
        """The first sample of those that can be written now, or are about to be; None: there is none."""
        with self._lock:
            about_to_be = [clip for clip in self._closed if clip.written is None]
            ready = [clip for clip in self._open if clip.end <= heard]
            return min((clip.start for clip in (*about_to_be, *ready)), default=None)

    def _find_stop(self, event: Event) -> int:
        return round((event.t_s + (event.duration_s or 0.0) + self._post_s) * self._fs_hz)

    def _find_room(self, event: Event) -> Clip | None:
        """The channel's newest clip, if it goes on where the event's would begin, and has enough room."""
        clip = self._newest.get(event.channel)
        if clip is None or clip.is_closed or clip.run != self._run:
            return None
        needed = round(ROOM * self._longest_s * self._fs_hz)
        stop = event.sample + needed if event.phase == "begin" else self._find_stop(event)
        is_within = clip.start <= event.sample - self._pre_samples(event) <= clip.end
        return clip if is_within and stop <= clip.most else None

    def _pre_samples(self, event: Event) -> int:
        """As much as there is before it."""
        return max(0, min(event.sample - self.heard_from, round(self._pre_s * self._fs_hz)))

    def _add(self, event: Event) -> Clip:
        start = event.sample - self._pre_samples(event)
        most = start + round(self._longest_s * self._fs_hz)
        stop = min(self._find_stop(event), most)
        clip = Clip(self._run, event.channel, self._name(event), start, event.sample, stop, most)
        self._open.append(clip)
        self._newest[event.channel] = clip
        return clip

    def _name(self, event: Event) -> str:
        """When, what, of which run, and its number there: names sort by time."""
        when = (event.time or "").replace("-", "").replace(":", "")
        ms = round(event.t_s * 1e3)
        when = (
            f"{when[:19]}Z"
            if when
            else f"00000000T{ms // 3_600_000:02}{ms // 60_000 % 60:02}{ms // 1000 % 60:02}.{ms % 1000:03}"
        )
        label = re.sub(r"[^\w-]", "_", event.label, flags=re.ASCII)[:40]
        return f"{when}-{label}-{self._run[:8]}-{event.id}.{self._suffix}"
