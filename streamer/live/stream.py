"""A running stream: the loop over a source, kept in sight, and the section of now that its samples go to.

Source to events, without a screen or an output: the monitor adds those, and open_stream gives it to programs.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from streamer.analysis.bank import Batch
from streamer.base.errors import StreamerError
from streamer.events import ErrorRecord, ReloadRecord, SourceRecord, Stats
from streamer.events.clocks import D
from streamer.live.capture_messages import Lane
from streamer.live.capture_process import CaptureProcess
from streamer.live.hearing import Hearing
from streamer.live.pool import Pool
from streamer.live.ring_fields import N_LANES
from streamer.live.section import Item, Section
from streamer.live.source_keeper import STOP_S, Order, Orders, SourceKeeper
from streamer.live.spans import IndexPipe
from streamer.plans.listening import Listening, SetUp
from streamer.sources import SourceInfo, SourceSpec

SUPERVISE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a stream stands, for a screen or a service manager. Cheap; what has been counted is in the stats."""

    name: str  # of the source: its own, once that is known
    is_ready: bool = False  # the workers are up and the source runs, or is to be had back
    may_rest: bool = True  # nothing need happen: the source is waited for, or has sent nothing to analyse
    waiting_s: float | None = None  # for how long the source has been gone; None while it is there
    workers_ready: int = 0
    workers_total: int = 0
    ring_fill: float = 0.0  # how much of the ring waits for the analysis, 0 to 1
    analysed_end: int = 0  # the sample up to which all is known
    analysed_end_unix_s: float | None = None  # its wall time, where there is one
    gap_count: int = 0
    lasted_s: float = 0.0  # length of what was captured, in all sections


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be listened to, and what that is for the section of when it was asked for."""

    set_up: SetUp
    section: Section
    listening: Listening


class Stream:
    """Use with `with`, and call `step` until it is `finished`.

    A lost live source that comes back with another rate or channel count begins a new section, between two steps:
    what is listened to, sample count and books begin anew. Before the source is open there is no section.
    """

    def __init__(
        self,
        source: SourceSpec,
        set_up: SetUp,
        *,
        speed: float | None = 1.0,
        n_workers: int | None = None,
        duration_s: float | None = None,
    ) -> None:
        """speed: times real time for sources that can wait, None: as fast as it goes   n_workers: None is auto
        duration_s: where a source that can wait is cut off, to the sample; one that cannot, its listener stops
        """
        self._set_up, self._speed, self._n_workers, self._duration_s = set_up, speed, n_workers, duration_s
        self.section: Section | None = None
        self.finished = False
        self._keeper = SourceKeeper(source)
        self._capture: CaptureProcess | None = None
        self._indices = [IndexPipe() for _ in range(N_LANES)]
        self._selector = selectors.DefaultSelector()
        self._supervised_s = 0.0
        self._stop_s: float | None = None  # when it was asked for
        self._is_section_over = False  # all of it has been told, and another is to begin
        self._news: list[Item] = []  # for this step to tell
        self._served: tuple[Lane, ...] = ()  # as capture was told
        self._wish: _Wish | None = None  # what is to be listened to, as soon as that can be changed

    def __enter__(self) -> Self:
        self._open_source()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._capture is not None:
            self._capture.ask_to_stop()
            self._close_capture(grace_s=STOP_S)
        if self.section is not None:
            self.section.close()
        else:
            for index in self._indices:
                index.close()
        self._selector.close()

    def watch(self, file: int, on_ready: Callable[[], None]) -> None:
        """Call on_ready from step when the descriptor can be read."""
        self._selector.register(file, selectors.EVENT_READ, on_ready)

    def unwatch(self, file: int) -> None:
        self._selector.unregister(file)

    def step(self, timeout_s: float, *, find_limit: Callable[[], int | None] = lambda: None) -> list[Item]:
        """Wait for news at most so long; what has become known, in the order of the stream.

        find_limit: asked after the wait; nothing after this sample is collected from the workers, and so a source that
        can wait is made to. None: all may be
        Raises StreamerError when the source cannot be opened; one that fails later ends it: see error. A live
        source that is lost does not end it: it is opened again until it is back.
        """
        if self._is_section_over and self._stop_s is None:
            self._begin_next_section()
            if self.finished:
                return []
        rest_s = 0.0 if self.section is None else self.section.rest_s
        ready = self._selector.select(min(timeout_s, SUPERVISE_S, rest_s or timeout_s))
        if self._stop_s is not None:
            # Here, as stop may be called by another thread.
            self._keeper.stop(self._stop_s, has_process=self._capture is not None)
        for key, _ in ready:
            key.data()
        items = self._pop_news()
        section = self.section
        if section is None:
            if self._keeper.is_over:
                raise self._keeper.make_error()
            return items
        now = time.monotonic()
        if not section.rest_s and (limit := find_limit()) != 0:
            items += section.collect(upto=limit)
        if not section.hearings.is_settled:
            items += section.look_after_hearings()
            self._look_after_lanes(section)
        if now - self._supervised_s >= SUPERVISE_S:
            self._supervised_s = now
            items += section.supervise()
            self._retune(section)
            blocks, newest_s = section.blocks
            self._do(self._keeper.look(now, blocks=blocks, newest_s=newest_s))
            items += self._pop_news()
        if not self.finished and not self._is_section_over:
            items += self._end_section(section)
        return items

    def reload(self, set_up: SetUp) -> None:
        """Listen to something else, with all samples, from a moment on that a ReloadRecord tells.

        Where one change is under way the next one is put off until it is done. Raises StreamerError for what cannot be
        had of this source; then all stays as it is.
        """
        section = self.section
        if section is None:
            self._set_up = set_up
            return
        self._wish = _Wish(set_up, section, set_up(section.info))
        self._retune(section)

    def stop(self) -> None:
        """No more samples; what is in the ring is still analysed. The stream is finished soon after."""
        if self._stop_s is not None:
            return
        self._stop_s = time.monotonic()
        if self.section is None or self._is_section_over:
            self.finished = True
        if (capture := self._capture) is not None:
            capture.ask_to_stop()

    @property
    def info(self) -> SourceInfo | None:
        """Of the section of now; each has an object of its own."""
        return self.section.info if self.section is not None else None

    @property
    def error(self) -> StreamerError | None:
        """Why the source ended before its end, if it did: not once it was to stop, which may end it in any way."""
        return None if self._stop_s is not None else self._keeper.error

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the source had to say at its end, and is no error."""
        return self._keeper.remarks

    @property
    def stats(self) -> Stats:
        """The books of the section of now."""
        if self.section is None:
            return Stats(captured=0, analysed=0, dropped=0, pending=0)
        return self.section.stats

    def take_stats(self) -> Stats:
        """The same, to be told: the levels in the next ones are of what comes from here on."""
        return self.stats if self.section is None else self.section.take_stats()

    def date(self, record: D) -> D:
        """Its place is the newest sample, where there is one."""
        section = self.section
        return record if section is None else section.clock.date(record, section.ring.written_samples)

    @property
    def status(self) -> Status:
        section, lost_since_s = self.section, self._keeper.lost_since_s
        if section is None:
            return Status(name=self._keeper.name)
        end = section.analysed_end
        return Status(
            name=self._keeper.name,
            is_ready=self._keeper.has_run,
            may_rest=lost_since_s is not None or section.is_starved,
            waiting_s=None if lost_since_s is None else time.monotonic() - lost_since_s,
            workers_ready=section.pool.ready_count,
            workers_total=section.pool.n_workers,
            ring_fill=section.ring_fill,
            analysed_end=end,
            analysed_end_unix_s=section.clock.at_s(end),
            gap_count=section.gap_count,
            lasted_s=section.lasted_s,
        )

    @property
    def capture_pid(self) -> int | None:
        return self._capture.pid if self._capture is not None else None

    # --- the source ------------------------------------------------------------------------------------------

    def _on_capture(self) -> None:
        assert self._capture is not None
        self._do(self._keeper.hear(self._capture.receive(), time.monotonic()))
        self._run_when_ready()

    def _on_worker(self, pool: Pool) -> None:
        if pool.read_messages():
            self._run_when_ready()

    def _run_when_ready(self) -> None:
        if self.section is not None and self.section.is_ready:
            self._do(self._keeper.run(time.monotonic()))

    def _do(self, orders: Orders) -> None:
        """What the keeper has decided."""
        for order in orders:
            match order:
                case Order.BEGIN:
                    self._begin_section()
                case Order.GIVE_RING:
                    assert self.section is not None
                    assert self._capture is not None
                    self._capture.give(self.section.run, self.section.ring.block)
                    self._served = self.section.hearings.lanes
                case Order.OPEN:
                    self._open_source()
                case Order.CLOSE:
                    self._close_capture(grace_s=STOP_S)
                case Order.KILL:
                    self._close_capture()
                case Order.FLUSH:
                    assert self.section is not None
                    self._news += [*self.section.collect(), *self.section.flush()]
                case ErrorRecord() | SourceRecord():
                    self._news.append(self.date(order))

    def _open_source(self) -> None:
        self._capture = CaptureProcess(self._keeper.spec, self._indices, before=self._keeper.info)
        self._selector.register(self._capture.connection, selectors.EVENT_READ, self._on_capture)

    def _close_capture(self, *, grace_s: float = 0.0) -> None:
        if self._capture is not None:
            self._selector.unregister(self._capture.connection)
            self._capture.close(grace_s=grace_s)
            self._capture = None

    def _pop_news(self) -> list[Item]:
        news, self._news = self._news, []
        return news

    # --- what is listened to ------------------------------------------------------------------------------------

    def _retune(self, section: Section) -> None:
        """Begin the change that is wanted, when its time has come."""
        if (
            self._wish is None
            or not section.hearings.is_settled
            or not self._keeper.has_run
            or self._stop_s is not None
        ):
            return
        wish, self._wish = self._wish, None
        try:
            listening = wish.listening if wish.section is section else wish.set_up(section.info)
            section.hearings.change(listening, section.info)
        except StreamerError as error:
            self._news.append(self.date(ReloadRecord(state="refused", message=str(error))))
            return
        self._set_up = wish.set_up
        self._news += [ErrorRecord(message=remark) for remark in listening.remarks]
        assert section.hearings.coming is not None
        self._watch_workers(section.hearings.coming)

    def _look_after_lanes(self, section: Section) -> None:
        """Let capture serve those that are listened on, and close what has taken leave once it does not any more."""
        capture = self._capture if self._capture is not None and self._capture.has_ring else None
        if capture is None:
            served = 0
        else:
            if section.hearings.lanes != self._served:
                self._served = section.hearings.lanes
                capture.serve(self._served)
            served = section.ring.served_lanes
        for hearing in section.hearings.pop_gone(served):
            self._selector.unregister(hearing.pool.done_reader)
            hearing.make_way()

    # --- sections ----------------------------------------------------------------------------------------------

    def _begin_section(self) -> None:
        """For what the source is now, after the section of before if there was one."""
        info = self._keeper.next_info or self._keeper.info
        assert info is not None
        listening = self._set_up(info)
        self.section = Section(
            info,
            listening,
            self._indices,
            speed=self._speed,
            n_workers=self._n_workers,
            duration_s=self._duration_s,
            after=self.section,
        )
        self._news += [ErrorRecord(message=remark) for remark in listening.remarks]
        self._watch_workers(self.section.hearing)

    def _watch_workers(self, hearing: Hearing) -> None:
        pool = hearing.pool
        self._selector.register(pool.done_reader, selectors.EVENT_READ, partial(self._on_worker, pool))

    def _begin_next_section(self) -> None:
        """What was lost is back as something else, and all that was before is analysed and told."""
        assert self.section is not None
        for hearing in self.section.hearings.with_processes:
            self._selector.unregister(hearing.pool.done_reader)
        self.section.make_way()
        self._is_section_over = False
        try:
            self._begin_section()
        except StreamerError as error:
            self._keeper.give_up(error)
            self.finished = True
            return
        self._do(self._keeper.begin(time.monotonic()))

    def _end_section(self, section: Section) -> list[Item]:
        """The rest of it, once no more samples come and all that came are analysed."""
        if self._keeper.next_info is None:  # or else its process waits for the next section
            if not self._keeper.is_over:
                return []
            self._close_capture()  # nobody else writes any more
        section.end()
        if not section.is_drained():
            return self._give_up_rest(section)
        if self._keeper.is_over:
            self.finished = True
            return section.flush()
        self._is_section_over = True
        return [*section.flush(), *section.note_missed(time.monotonic()), section.take_stats()]

    def _give_up_rest(self, section: Section) -> list[Item]:
        """Whoever wants it to stop does not wait for workers that cannot come back: what is left stays pending."""
        if self._stop_s is None or not section.is_stuck(time.monotonic()):
            return []
        self.finished = True
        message = (
            f"{section.pending_samples} samples were captured and not analysed: no worker process answers"
        )
        return [*section.flush(), self.date(ErrorRecord(message=message))]


def count_frames(batch: Batch) -> int:
    """Windows analysed for the display, all channels together."""
    return sum(len(levels) for levels in batch.levels[0])
