"""Samples that have arrived, turned into messages for the workers."""

from __future__ import annotations

from streamer.live.ring import RingOwner, RingWriter
from streamer.live.ring_fields import GapReason
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

    def __init__(
        self,
        end: RingWriter | RingOwner,
        *,
        span_samples: int,
        n_slots: int,
        index_fd: int,
        spans_per_message: int,
    ) -> None:
        """end: the end of the ring that this process has"""
        self._end, self._ring = end, end.ring
        self.span_samples, self._n_slots, self._fd = span_samples, n_slots, index_fd
        self._spans_per_message = min(spans_per_message, MAX_SPANS_PER_MESSAGE)
        self._gaps = GapQueue(self._ring.read_gaps, but=GapReason.DAMAGED)

    @property
    def lag_samples(self) -> int:
        """How much has arrived and was not handed out yet."""
        return self._ring.written_samples - self.next_sample

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
