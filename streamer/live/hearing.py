"""One way of listening to a section's ring: what is measured, the workers that do it, and who makes events of it.

A section has one, and for a while two, when another takes over. Each has a lane of the ring and a pipe of its own.

    state      until                                                    then
    made       its ring is there: start                                 starting
    starting   its workers are up, and it is said where: begin          listening
    listening  another one has taken over, or the section is over       gone: close, or make_way
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.decoder import Decoder
from streamer.detectors.numbers import Counted
from streamer.events.clocks import WallClock
from streamer.live.capture_messages import Lane
from streamer.live.collector import Collector
from streamer.live.dispatcher import Dispatcher
from streamer.live.pool import Pool
from streamer.live.results import choose_slots, find_size_bytes
from streamer.live.ring import Ring, RingOwner
from streamer.live.spans import IndexPipe, Work, choose_span_samples
from streamer.plans.listening import Listening
from streamer.sources import SourceInfo

LIVE_SPANS_PER_MESSAGE = 16
REPLAY_SPANS_PER_MESSAGE = 64


class Hearing:
    """See above."""

    pool: Pool
    lane: Lane
    dispatcher: Dispatcher  # ours, for when capture does not hand out

    def __init__(
        self, listening: Listening, info: SourceInfo, *, clock: WallClock, counter: Counted | None = None
    ) -> None:
        """counter: events are counted on from there"""
        self.listening, self.info = listening, info
        self.decoder = Decoder(
            listening.detectors,
            analyses=[listening.display] if listening.is_shown else [],
            read_audio=self._read_audio,
            clock=clock,
            joins_copies=listening.joins_copies,
            counter=counter,
        )
        self.decoder.read_by(listening.reading)
        analyses = self.decoder.analyses
        self.work = Work(
            analyses=analyses,
            channels=info.channels,
            span_samples=choose_span_samples(analyses, info.fs_hz),
            history_samples=self.decoder.history_samples,
            history_frames=self.decoder.history_frames,
            has_16_bits=info.has_16_bits,
        )
        self.begin_sample = 0
        self._rejections_before: Counter[str] = Counter()
        self._unheard_before = 0

    # --- its life ----------------------------------------------------------------------------------------------

    @property
    def reach_samples(self) -> int:
        """How much of the ring it needs at a time, a span and all that its frames reach back."""
        return self.work.longest_frame_samples + self.work.span_samples

    def find_size_bytes(self, capacity_samples: int) -> int:
        """Of the memory that its results take, beside a ring of so many samples."""
        return find_size_bytes(self.work, self._choose_slots(capacity_samples))

    def _choose_slots(self, capacity_samples: int) -> int:
        return choose_slots(self.work, self.info.fs_hz, seconds=capacity_samples / self.info.fs_hz)

    def start(self, ring: Ring, index: IndexPipe, *, n_workers: int, is_paced: bool) -> None:
        """Start the workers. ring: on its lane   index: its own from here on, see close and make_way"""
        n_slots = self._choose_slots(ring.spec.capacity_samples)
        most_spans = max(1, min(REPLAY_SPANS_PER_MESSAGE, n_slots // (4 * n_workers)))
        self.lane = Lane(
            number=ring.lane,
            span_samples=self.work.span_samples,
            n_slots=n_slots,
            spans_per_message=LIVE_SPANS_PER_MESSAGE if is_paced else most_spans,
            room_samples=ring.spec.capacity_samples - self.reach_samples,
        )
        self.pool = Pool(self.work, ring, n_workers=n_workers, n_slots=n_slots, index=index)
        self.dispatcher = Dispatcher(RingOwner(ring), self.lane, index.writer.fileno())
        self.pool.__enter__()

    @property
    def is_ready(self) -> bool:
        """Whether all workers are up: samples that came before would be old before they are looked at."""
        return self.pool.ready_count == self.pool.n_workers

    def begin(self, at_sample: int) -> None:
        """Listen from the first span on that begins at this sample or later, and is not over yet."""
        span = -(-at_sample // self.work.span_samples)
        self.begin_sample = span * self.work.span_samples
        self.collector.begin(span)

    def close(self) -> None:
        """No process of it stays behind, and its index is closed."""
        self.pool.close()

    def make_way(self) -> None:
        """The same, in no time; the index is left to another. Call when nobody writes into it any more."""
        self.pool.make_way()

    # --- what it has found -------------------------------------------------------------------------------------

    @property
    def collector(self) -> Collector:
        return self.pool.collector

    @property
    def analysed_end(self) -> int:
        """The sample after the last one that has been collected."""
        return self.collector.analysed_end

    def go_on_from(self, other: Hearing) -> None:
        """Keep the books that another one has kept so far."""
        self.collector.go_on_from(other.collector)
        self._rejections_before = Counter(other.rejections)
        self._rejections_before.subtract(self.decoder.rejections)
        self._unheard_before = other.unheard_samples - self.decoder.unheard_samples

    @property
    def rejections(self) -> dict[str, int]:
        """How often which test refused a candidate, from the section's beginning on."""
        found = self.decoder.rejections
        found.update(self._rejections_before)
        return {word: count for word, count in found.items() if count}

    @property
    def unheard_samples(self) -> int:
        """How many of the section's samples a detector wanted to read and could not."""
        return self._unheard_before + self.decoder.unheard_samples

    @property
    def realtime_factor(self) -> float | None:
        """How many times real time the workers could do, from the time they were busy."""
        collector = self.collector
        busy_ns, analysed = self.pool.busy_ns, collector.analysed_end - self.begin_sample
        if busy_ns == 0 or analysed <= 0:
            return None
        return analysed / self.info.fs_hz / (busy_ns * 1e-9) * self.pool.n_workers

    def _read_audio(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        return self.collector.read(channel, start, stop)  # the pool is made after the decoder
