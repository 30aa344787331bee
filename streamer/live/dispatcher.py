"""Samples that have arrived, turned into messages for the workers."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from streamer.live.capture_messages import Lane
from streamer.live.ring import RingOwner, RingWriter
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.spans import (
    MAX_SPANS_PER_MESSAGE,
    GapQueue,
    find_span_after,
    to_message,
    write_messages,
)

MESSAGES_AT_ONCE = 256


class Dispatcher:
    """Hands out spans. Lives beside the source and never waits; once capture is gone, the main process has one."""

    def __init__(self, end: RingWriter | RingOwner, lane: Lane, index_fd: int) -> None:
        """end: the end of the ring, on the lane, that this process has"""
        self._end, self._ring, self.lane = end, end.ring, lane
        self.span_samples, self._n_slots, self._fd = lane.span_samples, lane.n_slots, index_fd
        self._spans_per_message = min(lane.spans_per_message, MAX_SPANS_PER_MESSAGE)
        self._gaps = GapQueue(self._ring.read_gaps, but=GapReason.DAMAGED)

    @property
    def lag_samples(self) -> int:
        """How much has arrived and was not handed out yet."""
        return self._ring.written_samples - self.next_sample

    def has_room_for(self, end_sample: int) -> bool:
        """Whether samples up to this one are not too far ahead of what has been collected."""
        return end_sample - self._ring.collected_spans * self.span_samples <= self.lane.room_samples

    @property
    def next_sample(self) -> int:
        """The first sample of the next span to hand out."""
        return self._ring.dispatched_spans * self.span_samples

    def advance(self) -> bool:
        """Hand out every span that is complete. True when none is left, False when the workers are behind."""
        ring, size = self._ring, self.span_samples
        total = ring.total_samples
        # The last span may be short.
        ready = ring.written_samples // size if total is None else -(-total // size)
        self._gaps.update()
        while (span := self._leap(ring.dispatched_spans, ready)) < ready:
            # A slot is free once the collector has emptied it, and nothing in a gap is worth a slot.
            limit = min(ready, ring.collected_spans + self._n_slots)
            if (gap_sample := self._gaps.next_sample) is not None:
                limit = min(limit, -(-gap_sample // size))
            messages: list[int] = []
            at = span
            while at < limit and len(messages) < MESSAGES_AT_ONCE:
                count = min(self._spans_per_message, limit - at)
                messages.append(to_message(at, count))
                at += count
            written = write_messages(self._fd, messages)
            if written < len(messages):
                at = span + written * self._spans_per_message
            self._end.note_dispatched(at)
            if not messages or written < len(messages):
                return False
        return True

    def _leap(self, span: int, ready: int) -> int:
        """The first span from here on that is not wholly inside a gap."""
        size = self.span_samples
        while gap := self._gaps.take(upto=span * size):
            span = max(span, find_span_after(gap, size, self._ring.total_samples))
        span = min(span, ready)
        self._end.note_dispatched(span)
        return span


class Dispatchers:
    """Capture's: one for each lane that it serves. Spans are handed out by whoever has just written samples.

    That may be the audio thread, while another asks for other lanes; one of them at a time is at it, and nobody waits:
    who comes meanwhile leaves word, and that one goes on.
    """

    def __init__(self, writer: RingWriter, index_fds: Sequence[int]) -> None:
        """index_fds: of each lane's pipe"""
        self._writer, self._index_fds = writer, index_fds
        self.sheds = False  # whether what the workers cannot keep up with is given up
        self._all: list[Dispatcher] = []
        self._wanted: deque[Sequence[Lane]] = deque()
        self._busy = threading.Lock()
        self._has_more = False

    def serve(self, lanes: Sequence[Lane]) -> None:
        """These and no others; the ring says so once no more is handed to those that are left out."""
        self._wanted.append(lanes)
        self.advance()

    def advance(self) -> bool:
        """As a dispatcher's, of all of them; False too when another is at it."""
        is_done = False
        self._has_more = True
        while self._has_more and self._busy.acquire(blocking=False):
            try:
                self._has_more = False
                self._change_lanes()
                is_done = all([each.advance() for each in self._all])  # noqa: C419  none waits for another
                if self.sheds:
                    self._shed()
            finally:
                self._busy.release()
        return is_done

    def _change_lanes(self) -> None:
        while self._wanted:
            lanes = self._wanted.popleft()
            self._all = [
                Dispatcher(self._writer.on_lane(lane.number), lane, self._index_fds[lane.number])
                for lane in lanes
            ]
            self._writer.note_lanes(sum(1 << lane.number for lane in lanes))

    def has_room_for(self, end_sample: int) -> bool:
        """As a dispatcher's, of all of them."""
        return all(each.has_room_for(end_sample) for each in self._all)

    def _shed(self) -> None:
        """Where the analysis is three quarters of a ring behind, it gives up the older half of that, in one piece."""
        capacity = self._writer.ring.spec.capacity_samples
        for each in self._all:
            if each.lag_samples > capacity * 3 // 4:
                spans = capacity // 2 // each.span_samples
                gap = Gap(each.next_sample, spans * each.span_samples, GapReason.OVERLOAD)
                self._writer.note_gap(gap)
                each.advance()
