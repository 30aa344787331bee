"""Results back in the order of the signal, whatever order the workers finished in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Batch, ChannelLevels, Levels
from streamer.live.results import Results
from streamer.live.ring import Ring, RingOwner
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.spans import GapQueue, Work, find_span_after


class Collector:
    """Takes what the workers have found, and keeps the books of what was lost."""

    def __init__(self, work: Work, ring: Ring, results: Results) -> None:
        self._work, self._ring, self._results = work, ring, results
        self._owner = RingOwner(ring)
        self._gaps = GapQueue(ring.read_gaps)
        self._not_before = 0  # frames must start here or later: the end of the newest gap, or where it begins
        self._lost_samples = 0  # in all gaps begun so far, but for pauses, which took nothing
        self._is_lost = True  # what the newest of them has taken
        self._silent_samples = self._silent_end = 0  # where silence stands for what a recording has lost
        self.next_span = 0

    def begin(self, span: int) -> None:
        """Listen from this span on: to what came before there was no reason."""
        self.next_span = span
        self._not_before = span * self._work.span_samples
        self._owner.begin_lane(span)

    @property
    def has_gaps_ahead(self) -> bool:
        """Whether any is known that it has not come to."""
        self._gaps.update()
        return self._gaps.next_sample is not None

    def go_on_from(self, other: Collector) -> None:
        """Keep the books that another one of the same signal has kept so far; neither has gaps ahead."""
        self._lost_samples, self._not_before = other._lost_samples, max(self._not_before, other._not_before)
        self._is_lost = other._is_lost
        self._silent_samples, self._silent_end = other._silent_samples, other._silent_end

    @property
    def analysed_end(self) -> int:
        """All samples before this one are accounted for."""
        end = self.next_span * self._work.span_samples
        total = self._ring.total_samples
        return end if total is None else min(end, total)

    @property
    def dropped_samples(self) -> int:
        """Of the samples before analysed_end, those in gaps that took them."""
        end = self.analysed_end
        lost = self._lost_samples - (max(0, self._not_before - end) if self._is_lost else 0)
        return lost + self._silent_samples - max(0, self._silent_end - end)

    @property
    def analysed_samples(self) -> int:
        return self.analysed_end - self.dropped_samples

    def read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        """A copy of samples [start, stop), zeros before sample 0; None when they are not kept, or not there yet.

        While a run is taken, and until the next one is, they are kept for a detector's whole history. What a gap has
        taken was never analysed and reads as anything.
        """
        kept_from = (self._ring.collected_spans - self._work.history_spans) * self._work.span_samples
        if max(start, 0) < kept_from or stop > self.analysed_end:
            return None
        return self._results.read_samples(channel, start, stop)

    def take(self, *, max_spans: int = 512, upto: int | None = None) -> Iterator[Batch | Gap]:
        """What has become ready, a ring of it at most, as runs of frames, with the gaps between them.

        upto: spans that end after this sample are left for later
        """
        size, results = self._work.span_samples, self._results
        until = self.next_span + results.n_slots  # or a fast source would never let the caller go on
        if upto is not None and upto != self._ring.total_samples:
            until = min(until, upto // size)
        while self.next_span < until:
            self._gaps.update()
            if gap := self._gaps.take(upto=self.analysed_end):
                yield from self._begin_gap(gap)
            elif (beyond := self._find_span_after_gap()) > self.next_span:
                self._free(beyond)
            elif not (
                ready := results.count_ready(self.next_span, max_spans=min(max_spans, until - self.next_span))
            ):
                return
            elif results.is_lapped(self.next_span):
                # The ring lapped it: a gap too.
                start = self.analysed_end
                yield from self._begin_gap(Gap(start, ready * size, GapReason.OVERLOAD))
                self._free(self.next_span + ready)
            else:
                yield from self._take_run(self.next_span + ready)

    def _find_span_after_gap(self) -> int:
        if not self._not_before:
            return 0
        newest = Gap(0, self._not_before, GapReason.OVERLOAD)
        return find_span_after(newest, self._work.span_samples, self._ring.total_samples)

    def _begin_gap(self, gap: Gap) -> Iterator[Gap]:
        """What of it no earlier gap has covered."""
        if gap.reason is GapReason.DAMAGED:  # frames may lie across it
            self._silent_samples += gap.lost_samples
            self._silent_end = gap.end_sample
            yield gap
            return
        start = max(gap.sample, self._not_before)
        lost = gap.end_sample - start
        if lost > 0:
            self._is_lost = gap.reason is not GapReason.SENDER_PAUSED
            self._lost_samples += lost if self._is_lost else 0
            self._not_before = gap.end_sample
            yield Gap(start, lost, gap.reason)

    def _take_run(self, last: int) -> Iterator[Batch | Gap]:
        """Up to this span, cut at the gaps the source has noted."""
        start = max(self.analysed_end, self._not_before)
        self.next_span = last
        stop = self.analysed_end
        start = min(start, stop)
        items: list[Batch | Gap] = []
        while gap := self._gaps.take(upto=stop - 1):
            items.append(self._extract(start, max(start, gap.sample)))
            items += self._begin_gap(gap)
            start = min(max(start, gap.sample, self._not_before), stop)
        items.append(self._extract(start, stop))
        yield from items
        self._free(last)  # only now: detectors may have asked for the samples

    def _extract(self, start: int, stop: int) -> Batch:
        """Copy the frames that end in (start, stop] and do not touch the gap before."""
        work, results = self._work, self._results
        levels: list[ChannelLevels] = []
        for i, analysis in enumerate(work.analyses):
            spec = analysis.frames
            begin = max(spec.frames_within(start), -(-self._not_before // spec.hop_samples))
            levels.append(self._find_frames(i, begin, max(0, spec.frames_within(stop) - begin)))
        size = work.span_samples
        meters = results.read_meters(-(-start // size), -(-stop // size))  # of spans that begin within
        early: Sequence[Levels] = ()
        if not self._not_before and work.analyses and start < work.analyses[0].frames.length_samples:
            early = self._find_frames(0, *work.early_between(start, stop))
        return Batch(start_sample=start, stop_sample=stop, levels=tuple(levels), meters=meters, early=early)

    def _find_frames(self, analysis: int, first: int, count: int) -> ChannelLevels:
        """So many frames of each channel, in place: they stay there until the batch has been taken."""
        stored = self._results.values[analysis]
        return ChannelLevels(
            analysis=self._work.analyses[analysis],
            first_frame=first,
            n_frames=count,
            stored=stored,
            first_row=first % stored.shape[1],
            kept_frames=self._work.kept_frames(analysis),
            is_lent=True,
        )

    def _free(self, span: int) -> None:
        """Everything before this span has been taken."""
        self.next_span = span
        self._owner.note_collected(span)
