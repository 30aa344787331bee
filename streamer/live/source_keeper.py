"""What becomes of a source: opened, run, lost, had again, ended. Decided here; what is decided, the stream does."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

from streamer.base.errors import INTERNAL_ERROR, SourceError, SpecError, StreamerError
from streamer.events import ErrorRecord, SourceRecord
from streamer.live.capture_messages import Ended, Opened
from streamer.sources import SourceInfo, SourceSpec

STOP_S = 1.0  # how long the source may take to stop before it is made to
SILENT_S = 0.5  # a live source from which nothing came for so long is gone
PAUSE_S = 2.0  # one that somebody sends pauses
FIRST_BLOCK_S = 2.0  # but its first block may take longer
OPEN_S = 3.0  # opening a device that is there takes less; PortAudio may hang in it for ever
RETRY_S = 0.25  # between attempts to have a source back, doubled after each
MAX_RETRY_S = 1.0  # it is to be back within two seconds of its return


class Order(Enum):
    """What is to be done about the source's process and the section that its samples go to."""

    BEGIN = auto()  # make the first section, now that its rate and channels are known
    GIVE_RING = auto()  # let the source run into the section's ring
    OPEN = auto()  # start a process that opens the source
    CLOSE = auto()  # its process ends by itself: take leave of it
    KILL = auto()  # PortAudio may hang in whatever it is asked now, so its process is not asked
    FLUSH = auto()  # what came before the loss is told before it


Orders = list[Order | ErrorRecord | SourceRecord]  # a record is to be told


@dataclass(frozen=True, slots=True)
class Opening:
    """It is being opened for the first time."""


@dataclass(frozen=True, slots=True)
class Open:
    """It is there, and runs as soon as the workers are ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Its samples come, or are about to: a live one is gone if they do not."""

    first_by_s: float  # silence counts from here on until a block has come
    blocks_before: int = 0  # came before it ran, and prove nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A live source is gone, and is opened again and again until it is back."""

    since_s: float
    had_run: bool  # then the section goes on where it was, after a gap as long as the clock says
    retry_s: float
    wait_s: float = RETRY_S
    opening_by_s: float | None = None  # an attempt is under way, and must have brought a block by then
    is_told: bool = False
    blocks_before: int = 0
    refusals: frozenset[str] = frozenset()  # told already

    def put_off(self, now_s: float) -> Lost:
        """An attempt has failed; the next one is later."""
        wait_s = min(2 * self.wait_s, MAX_RETRY_S)
        return replace(self, opening_by_s=None, retry_s=now_s + self.wait_s, wait_s=wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """It is back as something else, and waits until the section of now is analysed and told."""

    info: SourceInfo
    lost: Lost
    is_there: bool = True  # or lost again meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """It was asked to stop; its last samples may still come."""

    by_s: float
    was: Opening | Open | Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """There will be no more samples."""

    end: Ended
    was: Opening | Open | Running | Lost | Changed


State = Opening | Open | Running | Lost | Changed | Stopping | Over


class SourceKeeper:
    """A state machine: each method is an event, takes the time and returns what is to be done, in this order.

    state     event                                    next       orders
    --------  ---------------------------------------  ---------  --------------------------------------
    Opening   hear: open                               Open       BEGIN
              hear: ended (why it cannot be had)       Over       CLOSE
    Open      run (the workers are ready)              Running    GIVE_RING
    Open or   hear: ended, and can wait                Over       CLOSE
    Running   hear: ended, and is live                 Lost       KILL
    Running   look: live, and silent too long          Lost       KILL, and what Lost does at this look
    Running   look: of a sender, who pauses            Lost       what Lost does at this look
    Lost      look: the first                          Lost       FLUSH, lost, "is gone", and the next row
              look: time for an attempt                Lost       OPEN
              look: an attempt has taken too long      Lost       KILL; the next one twice as late
              hear: ended                              Lost       KILL; the same, and a refusal is told once
              hear: open, and it had run               Lost       GIVE_RING; the loss ends with a block:
              look: a block came                       Running    back
              hear: open, and it had not run           Open       back
              hear: open under another name            as above   "is back as", and as above
              hear: open with other rate or channels   Changed    "came back with"
    Changed   hear: ended                              Changed    KILL
              begin (the section before is told)       Open       back (Lost if it ended meanwhile)
              give_up (none can follow it)             Over
    Opening,  stop                                     Stopping   (Over if it has no process)
    Open or
    Running
    Stopping  hear: ended                              Over       CLOSE
              look: it has taken too long              Over       KILL
    Lost or   stop                                     Over
    Changed
    """

    def __init__(self, spec: SourceSpec) -> None:
        self.spec = spec  # what was asked for
        self.info: SourceInfo | None = None  # of the section of now
        self.state: State = Opening()
        self.remarks: tuple[str, ...] = ()  # what a listener should be told at the end, and no error

    # --- events ----------------------------------------------------------------------------------------------

    def hear(self, message: Opened | Ended | None, now_s: float) -> Orders:
        """Its process has said this, or None, which is that it died."""
        if isinstance(message, Opened):
            return self._note_opened(message.info, now_s)
        if message is None:
            message = Ended(error=f"the capture process of {self.name} died", exit_code=INTERNAL_ERROR)
        return self._note_ended(message, now_s)

    def run(self, now_s: float) -> Orders:
        """The workers are ready. Samples that came before would be old before they are looked at."""
        if not isinstance(self.state, Open):
            return []
        self.state = Running(first_by_s=now_s + FIRST_BLOCK_S)
        return [Order.GIVE_RING]

    def look(self, now_s: float, *, blocks: int, newest_s: float) -> Orders:
        """Time has passed. blocks: how many have come in this section, the last of them at newest_s"""
        orders: Orders = []
        state = self.state
        if isinstance(state, Stopping) and now_s > state.by_s:
            self.state = Over(end=Ended(), was=state.was)
            return [Order.KILL]
        if isinstance(state, Running) and self._is_live:
            heard_s = newest_s if blocks > state.blocks_before else state.first_by_s
            if now_s - heard_s > (PAUSE_S if self._is_sent else SILENT_S):
                orders += self._wait_for_sender(now_s) if self._is_sent else self._lose(now_s)
        if isinstance(self.state, Lost):
            orders += self._look_for_the_lost(self.state, now_s, blocks)
        return orders

    def begin(self, now_s: float) -> Orders:
        """The section before is over, and one has begun for what the source is now."""
        assert isinstance(self.state, Changed)
        self.info = self.state.info
        # The blocks of a section are counted from 0.
        lost = replace(self.state.lost, had_run=False, blocks_before=0)
        if not self.state.is_there:
            self.state = lost
            return []
        self.state = Open()
        return [_note_back(self.name, lost, now_s)]

    def give_up(self, error: StreamerError) -> None:
        """No section can be made for what the source is now."""
        assert isinstance(self.state, Changed)
        self.state = Over(end=Ended(error=str(error), exit_code=SourceError.exit_code), was=self.state)

    def stop(self, since_s: float, *, has_process: bool) -> None:
        """Since then no more samples are wanted. Its process, if it has one, was told and may still send some."""
        match self.state:
            case Opening() | Open() | Running() if has_process:
                self.state = Stopping(by_s=since_s + STOP_S, was=self.state)
            case Opening() | Open() | Running() | Lost() | Changed():
                self.state = Over(end=Ended(), was=self.state)

    # --- how it stands ---------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.info.name if self.info else str(self.spec)

    @property
    def next_info(self) -> SourceInfo | None:
        """What the source is now, if that needs a section of its own, even if nobody wants one any more."""
        state = self._state_before_the_end
        return state.info if isinstance(state, Changed) else None

    @property
    def is_over(self) -> bool:
        return isinstance(self.state, Over)

    @property
    def has_run(self) -> bool:
        """Whether the section of now was given to the source, be it lost since."""
        match self._state_before_the_end:
            case Running():
                return True
            case Lost(had_run=had_run) | Changed(lost=Lost(had_run=had_run)):
                return had_run
        return False

    @property
    def lost_since_s(self) -> float | None:
        """Since when the source has been gone, even if nobody waits any more; None while it is there."""
        match self._state_before_the_end:
            case Lost(since_s=since_s) | Changed(lost=Lost(since_s=since_s)):
                return since_s
        return None

    @property
    def error(self) -> StreamerError | None:
        """Why it ended before its end, if it did."""
        return self.make_error() if isinstance(self.state, Over) and self.state.end.error else None

    def make_error(self) -> StreamerError:
        """Of a source that is over: why."""
        assert isinstance(self.state, Over)
        end = self.state.end
        kinds: dict[int, type[StreamerError]] = {each.exit_code: each for each in (SourceError, SpecError)}
        kind = kinds.get(end.exit_code, StreamerError)
        error = kind(end.error or f"{self.name} has no samples")
        error.exit_code = end.exit_code
        if end.trace:
            error.add_note(end.trace)
        return error

    @property
    def _is_live(self) -> bool:
        return self.info is not None and self.info.is_live

    @property
    def _state_before_the_end(self) -> Opening | Open | Running | Lost | Changed:
        return self.state.was if isinstance(self.state, Stopping | Over) else self.state

    # --- decisions -------------------------------------------------------------------------------------------

    def _note_opened(self, info: SourceInfo, now_s: float) -> Orders:
        match self.state:
            case Opening():
                self.info, self.state = info, Open()
                return [Order.BEGIN]
            case Lost() as lost:
                return self._have_back(lost, info, now_s)
        return []  # nobody wants it any more

    def _have_back(self, lost: Lost, info: SourceInfo, now_s: float) -> Orders:
        assert self.info is not None
        if (info.fs_hz, info.channels) != (self.info.fs_hz, self.info.channels):
            self.state = Changed(info=info, lost=lost)
            is_now, was = _describe_shape(info), _describe_shape(self.info)
            message = f"{info.name} came back with {is_now} instead of {was}; samples are counted from 0 anew"
            return [ErrorRecord(message=message)]
        orders: Orders = []
        if info.name != self.info.name:
            orders.append(ErrorRecord(message=f"{self.name} is back as {info.name}"))
            self.info = replace(self.info, name=info.name)
        if not lost.had_run:
            self.state = Open()
            return [*orders, _note_back(self.name, lost, now_s)]
        self.state = replace(lost, opening_by_s=now_s + OPEN_S)
        return [*orders, Order.GIVE_RING]

    def _note_ended(self, end: Ended, now_s: float) -> Orders:
        self.remarks = end.remarks
        match self.state:
            case Open() | Running() if self._is_live:
                return self._lose(now_s)
            case Lost() as lost:
                return self._try_later(lost, end, now_s)
            case Changed(lost=lost) as changed:
                self.state = replace(changed, lost=lost.put_off(now_s), is_there=False)
                return [Order.KILL]
            case Opening() | Open() | Running():
                self.state = Over(end=end, was=self.state)
            case Stopping(was=was):
                self.state = Over(end=Ended(), was=was)
        return [Order.CLOSE]

    @property
    def _is_sent(self) -> bool:
        return self.info is not None and self.info.is_sent

    def _lose(self, now_s: float) -> Orders:
        self.state = Lost(since_s=now_s, had_run=isinstance(self.state, Running), retry_s=now_s)
        return [Order.KILL]

    def _wait_for_sender(self, now_s: float) -> Orders:
        """Our end is as good as ever, so that nothing is gained by opening it again."""
        self.state = Lost(since_s=now_s, had_run=True, retry_s=math.inf, opening_by_s=math.inf)
        return []

    def _try_later(self, lost: Lost, end: Ended, now_s: float) -> Orders:
        """An attempt has failed; why is told, once, if the device is there and only not as it was asked for."""
        self.state = lost = lost.put_off(now_s)
        if not end.is_refusal or not end.error or end.error in lost.refusals:
            return [Order.KILL]
        self.state = replace(lost, refusals=lost.refusals | {end.error})
        return [Order.KILL, ErrorRecord(message=f"{self.name} is back, but {end.error}")]

    def _look_for_the_lost(self, lost: Lost, now_s: float, blocks: int) -> Orders:
        orders: Orders = []
        if not lost.is_told:
            lost = replace(lost, is_told=True, blocks_before=blocks)
            message = f"{self.name} is gone; waiting for it to come back"
            if self._is_sent:
                message = f"nothing comes to {self.name}; waiting for a sender"
            lost_record = SourceRecord(state="lost", source=self.name)
            orders = [Order.FLUSH, lost_record, ErrorRecord(message=message)]
        elif blocks > lost.blocks_before:
            self.state = Running(first_by_s=now_s, blocks_before=lost.blocks_before)
            return [_note_back(self.name, lost, now_s)]
        if lost.opening_by_s is not None:
            if now_s > lost.opening_by_s:
                lost = lost.put_off(now_s)
                orders.append(Order.KILL)
        elif now_s >= lost.retry_s:
            lost = replace(lost, opening_by_s=now_s + OPEN_S)
            orders.append(Order.OPEN)
        self.state = lost
        return orders


def _note_back(name: str, lost: Lost, now_s: float) -> SourceRecord:
    return SourceRecord(state="back", source=name, lost_s=round(now_s - lost.since_s, 1))


def _describe_shape(info: SourceInfo) -> str:
    return f"{info.fs_hz:g} Hz, {info.channels} channel{'s' if info.channels > 1 else ''}"
