"""The worker processes: started, watched, replaced."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass

from streamer.base.processes import Child, get_context, start_process
from streamer.live.collector import Collector
from streamer.live.results import Lease, Results
from streamer.live.ring import Ring
from streamer.live.spans import (
    GETTING_READY,
    MESSAGE,
    IndexPipe,
    Work,
    from_message,
    to_message,
    write_messages,
)
from streamer.live.worker import run_worker

EARLY_DEATH_NS = 1_000_000_000  # a worker that lives no longer than this is in a crash loop
BACK_OFF_AFTER_DEATHS = 3
MAX_BACK_OFF_NS = 5_000_000_000
HOPELESS_DEATHS = 5
STALL_NS, LEASE_NS, READY_NS = 500_000_000, 3_000_000_000, 10_000_000_000
HANG_COUNTS_AS_DEATHS = 3  # while it gets ready: so that nobody waits a minute for what will never be
MAX_DEATHS_PER_MESSAGE = 5


@dataclass(slots=True, kw_only=True)
class _Place:
    """One worker's place in the pool, and the workers that have it, one after the other.

    state      worker  is_ready  becomes
    starting   yes     no        ready, when it says so; it dies, or gets ready for too long and is killed: starting at
                                 once, waiting if it keeps dying early
    ready      yes     yes       it dies, or holds a lease for too long and is killed: as above
    waiting    None    no        starting, when start_at_ns has come

    An early death is one before it was ready, or within a second of its start. Any other ends the row of early ones.
    """

    number: int
    lease: Lease
    worker: Child | None = None
    is_ready: bool = False
    was_ready: bool = False  # any of its workers
    started_ns: int = 0
    start_at_ns: int = 0
    early_deaths: int = 0  # in a row

    def begin(self, worker: Child, now: int) -> None:
        self.worker, self.is_ready, self.started_ns = worker, False, now

    def note_ready(self) -> None:
        self.is_ready = self.was_ready = True

    def note_death(self, now: int, *, has_hung: bool = False) -> None:
        """The worker is gone: another one may start at start_at_ns. has_hung: while it got ready"""
        is_early = not self.is_ready or now - self.started_ns < EARLY_DEATH_NS
        counts_as = HANG_COUNTS_AS_DEATHS if has_hung else 1
        self.early_deaths = self.early_deaths + counts_as if is_early else 0
        wait_ns = 0
        if self.early_deaths > BACK_OFF_AFTER_DEATHS:
            wait_ns = min(MAX_BACK_OFF_NS, 50_000_000 << min(self.early_deaths, 10))
        self.worker, self.is_ready, self.start_at_ns = None, False, now + wait_ns


class Pool:
    """The worker processes. Use with `with`; whatever way it is left, none stays behind."""

    def __init__(self, work: Work, ring: Ring, *, n_workers: int, n_slots: int, index: IndexPipe) -> None:
        self.work, self.ring, self.n_workers = work, ring, n_workers
        self.results = Results(work, n_slots=n_slots, n_workers=n_workers)
        self.collector = Collector(work, ring, self.results)
        self._index = index
        self.done_reader, self._done_writer = get_context().Pipe(duplex=False)
        self._done_fd = self.done_reader.fileno()
        os.set_blocking(self._done_fd, False)
        self._places = [_Place(number=i, lease=self.results.lease(i)) for i in range(n_workers)]
        self._deadly: Counter[int] = Counter()  # message -> workers that died at it
        self._requeue: list[int] = []
        self._moved_ns = time.monotonic_ns()
        self._seen_span = 0
        self.restarts = 0

    def __enter__(self) -> Pool:
        for place in self._places:
            self._start(place)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _start(self, place: _Place) -> None:
        now = time.monotonic_ns()
        place.lease.clear()
        worker = start_process(
            run_worker,
            self.work,
            self.ring,
            self.results,
            place.number,
            self._index.reader,
            self._done_writer,
            name=f"worker {place.number + 1}",
        )
        place.begin(worker, now)

    @property
    def ready_count(self) -> int:
        return sum(place.is_ready for place in self._places)

    @property
    def pids(self) -> list[int]:
        workers = [place.worker for place in self._places]
        return [worker.pid for worker in workers if worker is not None and worker.pid]

    @property
    def busy_ns(self) -> int:
        """Time the workers have spent on spans, all together."""
        return self.results.busy_ns

    def read_messages(self) -> bool:
        """Whether a worker has become ready, of which note is taken; that spans are done shows in the results."""
        try:
            messages = os.read(self._done_fd, 4096)
        except BlockingIOError:
            return False
        has_news = False
        for (message,) in MESSAGE.iter_unpack(messages):
            number, count = from_message(message)
            if count == 0:
                self._places[number].note_ready()
                has_news = True
        return has_news

    def supervise(
        self, *, stall_ns: int = STALL_NS, lease_ns: int = LEASE_NS, ready_ns: int = READY_NS
    ) -> list[int | None]:
        """Replace workers that died or hang, and hand out their work again.

        Returns the exit codes of the dead: None where the process server, which would know, is stopped or dead.
        """
        now = time.monotonic_ns()
        died = []
        for place in self._places:
            if (worker := place.worker) is not None:
                if self._is_at_work(place, worker, now=now, lease_ns=lease_ns, ready_ns=ready_ns):
                    continue
                died.append(worker.exitcode)
            if now >= place.start_at_ns:
                self._start(place)
        if self.collector.next_span != self._seen_span:
            self._seen_span, self._moved_ns = self.collector.next_span, now
        elif now - self._moved_ns > stall_ns and self.ready_count:
            # A worker killed, or stopped, between taking a message and noting it leaves a hole that only shows so.
            self._requeue += self._find_missing()
            self._moved_ns = now
        del self._requeue[: write_messages(self._index.writer.fileno(), self._requeue)]
        return died

    def _is_at_work(self, place: _Place, worker: Child, *, now: int, lease_ns: int, ready_ns: int) -> bool:
        """One that hangs is ended; what one that is dead by now was at is handed out again."""
        message = place.lease.message
        may_take_ns = ready_ns if message == GETTING_READY else lease_ns
        has_hung = bool(message) and now - place.lease.since_ns > may_take_ns
        if has_hung:
            worker.kill()
            worker.join(1)
        if worker.is_alive():
            return True
        self.restarts += 1
        if message and message != GETTING_READY:
            self._hand_out_again(message)
        place.note_death(now, has_hung=has_hung)
        return False

    @property
    def is_hopeless(self) -> bool:
        """No worker has ever become ready, and all have died again and again."""
        return all(not place.was_ready and place.early_deaths >= HOPELESS_DEATHS for place in self._places)

    def _hand_out_again(self, message: int) -> None:
        """What a dead worker was at; spans that have killed several workers are given up."""
        self._deadly[message] += 1
        if self._deadly[message] < MAX_DEATHS_PER_MESSAGE:
            self._requeue.append(message)
            return
        first, count = from_message(message)
        for span in range(max(first, self.collector.next_span), first + count):
            self.results.give_up(span)

    def _find_missing(self) -> list[int]:
        """Spans that were handed out, are not done, and no worker is at."""
        leased: set[int] = set()
        for place in self._places:
            first, count = from_message(place.lease.message)
            leased.update(range(first, first + count))
        return [
            to_message(span, 1)
            for span in range(self.collector.next_span, self.ring.dispatched_spans)
            if span not in leased and not self.results.is_done(span)
        ]

    def close(self) -> None:
        """End the workers: at once if they are idle, by force if they do not end."""
        self._index.close()
        self._end_workers(grace_s=0.5)

    def make_way(self) -> None:
        """End the workers by force, and leave the index pipe to another pool."""
        self._end_workers(grace_s=0.0)
        self._index.drain()

    def _end_workers(self, *, grace_s: float) -> None:
        self.done_reader.close()
        self._done_writer.close()
        deadline = time.monotonic() + grace_s
        for place in self._places:
            if place.worker is not None:
                if place.worker.has_begun():
                    place.worker.join(max(0.0, deadline - time.monotonic()))
                if place.worker.is_alive():
                    place.worker.kill()
                    place.worker.join(1.0)
                place.worker = None
