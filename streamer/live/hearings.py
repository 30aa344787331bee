"""The hearing of a section, and while it changes the one that comes and the one that leaves; no sample is lost by it.

now  coming  leaving  event                                                   then
---  ------  -------  ------------------------------------------------------  ----------------------
A                     change                                                  A, B comes
A    B                B's workers are up: it begins half a ring back          (capture serves both)
A    B                B has been fed as far as A                              B tells, A leaves
A    B                B's workers cannot be kept alive, or the stream ends    A, B is gone
B            A        A has nothing in progress from before, or takes long    B, A is gone
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamer.base.errors import SpecError, StreamerError
from streamer.base.processes import find_free_bytes
from streamer.detectors.numbers import Counted
from streamer.events import Event, ReloadRecord
from streamer.events.clocks import WallClock
from streamer.live.capture_messages import Lane
from streamer.live.handover import Handover
from streamer.live.hearing import Hearing
from streamer.live.ring import Ring
from streamer.live.spans import IndexPipe
from streamer.plans.listening import Listening
from streamer.sources import SourceInfo

LISTEN_BACK_RINGS = 0.5  # so much of the ring it has heard before it takes over
LEAVE_S = 12.0  # so long the one before goes on at most with what it has begun
SURE_S = 0.3  # what begins is known so soon
LATE_S = 1.0  # the one that takes over waits no longer for the other


class Hearings:
    """See above. A section makes the first, its ring, and then these."""

    def __init__(
        self,
        first: Hearing,
        ring: Ring,
        indices: Sequence[IndexPipe],
        *,
        clock: WallClock,
        counter: Counted,
        n_workers: int,
        is_paced: bool,
    ) -> None:
        """Start the first one's workers. indices: of each lane   counter: all of them number events by it"""
        self._ring, self._indices, self._clock, self._counter = ring, indices, clock, counter
        self._n_workers, self._is_paced = n_workers, is_paced
        self.now = first
        self.coming: Hearing | None = None
        self.leaving: Hearing | None = None
        self._gone: list[Hearing] = []
        self._handover: Handover | None = None
        self._start(first, lane=0)

    def _start(self, hearing: Hearing, *, lane: int) -> None:
        ring, index = self._ring.on_lane(lane), self._indices[lane]
        hearing.start(ring, index, n_workers=self._n_workers, is_paced=self._is_paced)

    def __iter__(self) -> Iterator[Hearing]:
        """All that listen or are about to, the one that tells first."""
        return iter([self.now, *(each for each in (self.leaving, self.coming) if each)])

    @property
    def with_processes(self) -> list[Hearing]:
        """Those that are gone and not closed too."""
        return [*self, *self._gone]

    def close(self) -> None:
        """No process of them stays behind, and the indices are closed."""
        for hearing in self.with_processes:
            hearing.close()
        for index in self._indices:
            index.close()

    def make_way(self) -> None:
        """Close them, and leave the indices to others."""
        for hearing in self.with_processes:
            hearing.make_way()

    # --- the change --------------------------------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether one listens, and no other comes, leaves or is gone."""
        return self.coming is None and self.leaving is None and not self._gone

    def change(self, listening: Listening, info: SourceInfo) -> None:
        """Listen to this, as soon as its workers are up. Call when settled.

        Raises StreamerError where the ring or the memory are too small for that.
        """
        hearing = Hearing(listening, info, clock=self._clock, counter=self._counter)
        capacity = self._ring.spec.capacity_samples
        if 4 * hearing.reach_samples > capacity:
            raise SpecError(
                f"windows of {hearing.work.longest_frame_samples / info.fs_hz:.3g} s need a ring of four times that, "
                f"and the one that samples go to now holds {capacity / info.fs_hz:.3g} s: start anew, or ask for a "
                "shorter --window-length"
            )
        check_memory(info, hearing.find_size_bytes(capacity))
        self._start(hearing, lane=1 - self.now.lane.number)
        self.coming = hearing

    def look_after(self) -> list[Event | ReloadRecord]:
        """Begin, change over and take leave when it is time; what is to be told of it. Call often."""
        coming, leaving = self.coming, self.leaving
        if coming is not None and coming.pool.is_hopeless:
            self.drop_coming()
            message = "its worker processes end as soon as they have started"
            return [self._clock.date(ReloadRecord(state="refused", message=message), self.now.analysed_end)]
        if coming is not None and self._handover is None and coming.is_ready:
            back = round(LISTEN_BACK_RINGS * self._ring.spec.capacity_samples)
            coming.begin(max(0, min(self._ring.written_samples - back, self.now.analysed_end)))
            self._handover = Handover(
                self.now.decoder.numbers, coming.decoder.numbers, fs_hz=self._ring.spec.fs_hz
            )
        if coming is not None and self._handover is not None and self._is_level(coming):
            return [self._change_over(coming, self._handover)]
        if leaving is not None and self._handover is not None and self._may_leave(leaving, self._handover):
            events = [*self._handover.leave(), *leaving.decoder.flush()]
            self._gone.append(leaving)
            self.leaving = self._handover = None
            return [*events]
        return []

    def drop_coming(self) -> None:
        """All stays as it is."""
        if self.coming is not None:
            self._gone.append(self.coming)
            self.coming = self._handover = None

    def _is_level(self, coming: Hearing) -> bool:
        """Whether it has been fed as far as the one that tells, but for less than a span, and of gaps the same."""
        behind = self.now.analysed_end - coming.analysed_end
        has_gaps = coming.collector.has_gaps_ahead or self.now.collector.has_gaps_ahead
        return 0 <= behind < coming.lane.span_samples and not has_gaps

    def _change_over(self, coming: Hearing, handover: Handover) -> ReloadRecord:
        at_sample = self.now.analysed_end
        handover.change(at_sample)
        coming.go_on_from(self.now)
        self.now, self.leaving, self.coming = coming, self.now, None
        record = ReloadRecord(state="done", message="what is listened to was changed")
        return self._clock.date(record, at_sample)

    def _may_leave(self, leaving: Hearing, handover: Handover) -> bool:
        assert handover.at_sample is not None
        fs_hz = self._ring.spec.fs_hz
        since_s = (leaving.analysed_end - handover.at_sample) / fs_hz
        is_late = since_s > LEAVE_S or self._ring.written_samples - leaving.analysed_end > LATE_S * fs_hz
        return is_late or leaving.pool.is_hopeless or (since_s > SURE_S and leaving.decoder.is_at_rest)

    # --- who hands out -----------------------------------------------------------------------------------------

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """What capture is to serve."""
        begun = [self.now, self.leaving, self.coming if self._handover else None]
        return tuple(hearing.lane for hearing in begun if hearing)

    def hand_out(self) -> None:
        """What capture would, once it is gone and no other comes."""
        for hearing in (self.now, self.leaving):
            if hearing is not None:
                hearing.dispatcher.advance()

    def pop_gone(self, served: int) -> list[Hearing]:
        """Those that have taken leave and that nobody hands anything: to be closed. served: lanes, a bit each"""
        gone = [hearing for hearing in self._gone if not served >> hearing.lane.number & 1]
        self._gone = [hearing for hearing in self._gone if hearing not in gone]
        return gone


def check_memory(info: SourceInfo, needed_bytes: int) -> None:
    """StreamerError where ring and results would not fit: they are taken little by little, and at the end by force."""
    free_bytes = find_free_bytes()
    if free_bytes is not None and needed_bytes > free_bytes:
        raise StreamerError(
            f"{info.channels} channels at {info.fs_hz:.10g} Hz need {needed_bytes / 1e6:.0f} MB for samples and "
            f"levels, and {free_bytes / 1e6:.0f} MB are free: choose fewer with --channels, a lower rate or fewer bands"
        )
