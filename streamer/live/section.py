"""From samples to events: all that follows from one sample rate and one number of channels."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import msgspec

from streamer.analysis.bank import Batch
from streamer.analysis.meters import InputMeter
from streamer.base.errors import StreamerError
from streamer.base.processes import cpu_count
from streamer.detectors.decoder import Decoder
from streamer.detectors.numbers import Counted
from streamer.events import Event, GapRecord, Record, SilenceRecord, Stats, WorkerRecord
from streamer.events.clocks import Reservoir
from streamer.live.capture_messages import Run
from streamer.live.dates import Dates
from streamer.live.hearing import Hearing
from streamer.live.hearings import Hearings, check_memory
from streamer.live.pool import Pool
from streamer.live.ring import Ring, RingOwner, RingSpec
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.silence import Silences
from streamer.live.spans import IndexPipe, Work
from streamer.live.worker import OUT_OF_MEMORY
from streamer.plans.listening import Listening
from streamer.sources import SourceInfo

RING_S = (
    4.0  # how long the analysis may stall before samples are lost, and once more who collects its results
)
RING_BYTES = 128 << 20  # but no more than this, unless a few spans need more
MIN_RING_SAMPLES = 1 << 16  # room for a source that is read as fast as it goes
MAX_WORKERS = 4

Item = Batch | Record

REST_FROM_S = 0.005
MOST_REST_S = 0.1  # it may have taken so long because this process stood still
STUCK_S = 1.0  # twice what the pool takes to hand out again what a dead worker had


class Section:
    """Ring, hearing, clocks and books of one stretch of a stream. Whole once made, until it is closed.

    Its source is given `run` and the ring's block, and may be given them again after a loss. What has become known is
    collected; when the source is over, `end` says so, and the section goes on until it `is_drained`.

    What it listens to may change while samples come: see hearings.
    """

    def __init__(
        self,
        info: SourceInfo,
        listening: Listening,
        indices: Sequence[IndexPipe],
        *,
        speed: float | None,
        n_workers: int | None,
        duration_s: float | None,
        after: Section | None = None,
    ) -> None:
        """Start the workers.

        indices: of each lane, its own from here on: close closes them, make_way leaves them to the next section
        after: what this one follows. Then sample 0 is now, and gaps, latencies and lengths are counted on
        """
        self.info = info
        self.is_paced = info.is_live or speed is not None
        self.dates = Dates(info, speed=speed)
        self.clock = self.dates.clock
        counter = Counted()
        hearing = Hearing(listening, info, clock=self.clock, counter=counter)
        work = hearing.work
        spec = RingSpec(
            channels=info.channels,
            capacity_samples=_choose_capacity(work, info.fs_hz, least=4 * hearing.reach_samples),
            fs_hz=info.fs_hz,
            has_16_bits=info.has_16_bits,
        )
        check_memory(info, spec.size_bytes + hearing.find_size_bytes(spec.capacity_samples))
        self.ring = Ring(spec)
        self._owner = RingOwner(self.ring)
        self.hearings = Hearings(
            hearing,
            self.ring,
            indices,
            clock=self.clock,
            counter=counter,
            # One processor is the source's, if that has times to keep.
            n_workers=n_workers or min(MAX_WORKERS, max(1, cpu_count() - self.is_paced)),
            is_paced=self.is_paced,
        )
        self._run = Run(
            ring=spec,
            speed=None if info.is_live else speed,
            lanes=(),
            limit_samples=None if duration_s is None else math.ceil(duration_s * info.fs_hz),
            # What is missed until the workers are ready is a gap, too.
            clock_offset_s=None if after is None else time.monotonic(),
        )
        self._meter = InputMeter(info.channels)
        self._silences = self._make_silences(listening, work.span_samples)
        self._collected = (0.0, 0.0)  # when that was begun and done the last time
        self._moved = (-1, 0.0)  # up to where it had been collected, and since when
        self._restarts = 0  # of workers
        self._missed_samples = 0  # between the last sample and the section that follows
        self._latency_ms, self.gap_count, self._earlier_s = Reservoir(), 0, 0.0
        if after is not None:
            self._latency_ms, self.gap_count = after._latency_ms, after.gap_count
            self._earlier_s = after._earlier_s + after.stats.captured / after.info.fs_hz

    def _make_silences(self, listening: Listening, span_samples: int) -> Silences | None:
        """What notes them; None where nobody is told of any."""
        if listening.silence_s is None:
            return None
        return Silences(
            self.clock,
            fs_hz=self.info.fs_hz,
            span_samples=span_samples,
            lasts_s=listening.silence_s,
            may_pause=self.dates.are_of_arrival and not self.info.is_live,
        )

    def close(self) -> None:
        """No process of it stays behind."""
        self.hearings.close()

    def make_way(self) -> None:
        """Close it, and leave the indices to the section that follows."""
        self.hearings.make_way()

    # --- what it listens to ------------------------------------------------------------------------------------

    @property
    def hearing(self) -> Hearing:
        """The one that tells."""
        return self.hearings.now

    @property
    def listening(self) -> Listening:
        return self.hearing.listening

    @property
    def decoder(self) -> Decoder:
        return self.hearing.decoder

    @property
    def pool(self) -> Pool:
        return self.hearing.pool

    def look_after_hearings(self) -> list[Item]:
        """Change over and take leave when it is time. Call often while they are not settled."""
        before = self.hearing
        items: list[Item] = [*self.hearings.look_after()]
        if self.hearing is not before:
            items = [*self._change_silences(before.listening), *items]
        return items

    def _change_silences(self, before: Listening) -> list[SilenceRecord]:
        hearing, silences = self.hearing, self._silences
        found: list[SilenceRecord] = []
        if hearing.listening.silence_s != before.silence_s:
            found += silences.finish(hearing.analysed_end) if silences else []
            self._silences = self._make_silences(hearing.listening, hearing.lane.span_samples)
        if self._silences is not None:
            self._silences.go_on_from(hearing.analysed_end, span_samples=hearing.lane.span_samples)
        return found

    # --- its source --------------------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether all workers are up: samples that came before would be old before they are looked at."""
        return self.hearing.is_ready

    @property
    def run(self) -> Run:
        """How the source is to run, from now on: time goes on where it was."""
        return msgspec.structs.replace(self._run, lanes=self.hearings.lanes, clock_offset_s=self._sample_0_s)

    @property
    def blocks(self) -> tuple[int, float]:
        """How many the source has delivered, and when the newest of them came."""
        return self.ring.block_count, self.ring.newest_arrival_ns * 1e-9

    def end(self) -> None:
        """There are no more samples. Call when nobody writes them any more, if the source could not say so itself."""
        self._owner.end()

    def is_drained(self) -> bool:
        """Of a section that has ended: whether all of it has been collected. Hands out what nobody else does now."""
        total = self.ring.total_samples
        assert total is not None
        self.hearings.drop_coming()  # it comes too late
        self.hearings.hand_out()
        return all(hearing.analysed_end >= total for hearing in self.hearings)

    def is_stuck(self, now_s: float) -> bool:
        """Whether nothing has been collected for so long that nothing more will be. Ask again and again."""
        if self.analysed_end != self._moved[0]:
            self._moved = (self.analysed_end, now_s)
        return now_s - self._moved[1] > STUCK_S

    def note_missed(self, now_s: float) -> list[Item]:
        """The gap from the last sample of a drained section up to now, which is when the next one begins."""
        if self._sample_0_s is None:
            return []  # there was not one sample
        end, elapsed_s = self.ring.written_samples, now_s - self._sample_0_s
        self._missed_samples = max(0, round(elapsed_s * self.info.fs_hz) - end)
        return self._report_gap(Gap(end, self._missed_samples, GapReason.DEVICE_LOST))

    # --- what has become known ---------------------------------------------------------------------------------

    @property
    def rest_s(self) -> float:
        """For how long to leave collecting: where it takes long, it costs less to collect more at a time."""
        began_s, ended_s = self._collected
        took_s = ended_s - began_s
        if took_s < REST_FROM_S:
            return 0.0
        return max(0.0, ended_s + min(took_s, MOST_REST_S) - time.monotonic())

    def collect(self, *, upto: int | None = None) -> list[Item]:
        """What the workers have done, and what that tells, in the order of the stream. upto: no sample after this"""
        began_s = time.monotonic()
        items = self._collect(upto)
        self._collected = began_s, time.monotonic()
        return items

    def _collect(self, upto: int | None) -> list[Item]:
        leaving, coming = self.hearings.leaving, self.hearings.coming
        items: list[Item] = []
        if leaving is not None:  # what it has begun is over for it when it is for the one that tells
            items += self._collect_beside(leaving, upto=upto)
            upto = leaving.analysed_end
        for item in self.hearing.collector.take(upto=upto):
            self.dates.learn(self.ring)  # its blocks are there now: nothing is told before its time
            if isinstance(item, Gap) and item.reason is GapReason.DAMAGED:
                items.append(self._note_gap(item))
                continue
            if isinstance(item, Gap):
                items += self._report_gap(item)
                continue
            self._meter.add(item.meters)
            arrived_ns = self.dates.find_arrival_ns(self.ring, item.stop_sample)
            if arrived_ns is not None and self.is_paced:
                self._latency_ms.add((time.monotonic_ns() - arrived_ns) * 1e-6)
            if self.listening.is_shown:
                items.append(item.copy_display())
            items += self._tell(self.decoder.feed(item))
            if self._silences is not None:
                items += self._silences.add(item.meters)
        if coming is not None:
            items += self._collect_beside(coming, upto=self.analysed_end)
        return items

    def _collect_beside(self, hearing: Hearing, *, upto: int | None = None) -> list[Event]:
        """What one that does not keep the books has to tell. upto: it is fed no further"""
        events: list[Event] = []
        for item in hearing.collector.take(upto=upto):
            if isinstance(item, Batch):
                events += hearing.decoder.feed(item)
            elif item.reason is not GapReason.DAMAGED:
                events += hearing.decoder.flush()
        hearing.decoder.take_unheard()
        return events

    def flush(self) -> list[Item]:
        """The stream ends here, or breaks."""
        beside = [event for each in list(self.hearings)[1:] for event in each.decoder.flush()]
        events = [*beside, *self._tell(self.decoder.flush())]
        if self._silences is None:
            return events
        pauses = self._silences.look(self.ring, time.monotonic(), is_over=True)
        return [*events, *pauses, *self._silences.finish(self.analysed_end)]

    def supervise(self) -> list[Item]:
        """Replace workers that died or hang. Raises StreamerError when none can be kept alive."""
        exit_codes = [code for hearing in self.hearings for code in hearing.pool.supervise()]
        if self.pool.is_hopeless and OUT_OF_MEMORY in exit_codes:
            raise StreamerError(
                "there is not enough memory for the worker processes: allow more (see `ulimit -v`), or ask for fewer "
                "--workers, a shorter --window-length or a lower rate"
            )
        if self.pool.is_hopeless:
            raise StreamerError(
                f"the worker processes end as soon as they have started ({', '.join(map(_describe_end, exit_codes))}): "
                "`streamer detect` works without them; allow more memory if it is limited (see `ulimit -v`), and else "
                "report this with what `streamer --version` prints"
            )
        self.dates.learn(self.ring)  # when nothing is collected
        self._restarts += len(exit_codes)
        replaced = [
            self.clock.date(
                WorkerRecord(reason=_describe_end(code), restarts=self._restarts), self.analysed_end
            )
            for code in exit_codes
        ]
        pauses = [] if self._silences is None else self._silences.look(self.ring, time.monotonic())
        return [*replaced, *pauses, *self.dates.follow_wall_clock(self.ring.written_samples)]

    def _tell(self, events: list[Event]) -> list[Item]:
        """What the decoder has heard, after what it could not hear."""
        unheard = [Gap(at, n, GapReason.UNHEARD) for at, n in self.decoder.take_unheard()]
        return [*map(self._note_gap, unheard), *events]

    def _report_gap(self, gap: Gap) -> list[Item]:
        events = self._tell(self.decoder.flush())
        silences = self._silences.finish(gap.sample, next_sample=gap.end_sample) if self._silences else []
        told = [] if gap.reason is GapReason.SENDER_PAUSED else [self._note_gap(gap)]
        return [*events, *silences, *told]

    def _note_gap(self, gap: Gap) -> GapRecord:
        self.gap_count += 1
        place = self.clock.place(gap.sample)
        return GapRecord(**place, lost_samples=gap.lost_samples, reason=gap.reason.name.lower())

    @property
    def _sample_0_s(self) -> float | None:
        """The monotonic time of sample 0, as soon as it is known."""
        found_ns = self.ring.sample_0_ns
        return self._run.clock_offset_s if found_ns is None else found_ns * 1e-9

    # --- the books ---------------------------------------------------------------------------------------------

    @property
    def analysed_end(self) -> int:
        """The sample after the last one that has been collected."""
        return self.hearing.analysed_end

    @property
    def pending_samples(self) -> int:
        """Captured, and not collected yet."""
        return self.ring.written_samples - self.analysed_end

    @property
    def ring_fill(self) -> float:
        """How much of the ring waits for the analysis, 0 to 1."""
        return min(1.0, self.pending_samples / self.ring.spec.capacity_samples)

    @property
    def is_starved(self) -> bool:
        """Whether a source that may be silent, such as a pipe, has sent nothing to analyse."""
        return not self.info.is_live and self.pending_samples < self.hearing.lane.span_samples

    @property
    def lasted_s(self) -> float:
        """Length of what was captured, in this section and all before it."""
        return self._earlier_s + self.ring.written_samples / self.info.fs_hz

    @property
    def stats(self) -> Stats:
        collector = self.hearing.collector
        written = self.ring.written_samples  # looked at once, as more may come at any moment
        stats = Stats(
            captured=written + self._missed_samples,
            analysed=collector.analysed_samples,
            dropped=collector.dropped_samples + self._missed_samples,
            pending=written - collector.analysed_end,
            latency_ms_p50=_round(self._latency_ms.percentile(50)),
            latency_ms_p99=_round(self._latency_ms.percentile(99)),
            realtime_factor=_round(self.hearing.realtime_factor),
            nonfinite=self.ring.nonfinite_samples,
            unheard=self.hearing.unheard_samples,
            rejections=self.hearing.rejections,
            input_dbfs=self._meter.input_dbfs,
            peak_dbfs=self._meter.peak_dbfs,
            clipped=self._meter.clipped,
        )
        return self.clock.date(stats, written)

    def take_stats(self) -> Stats:
        """They are told: levels are measured anew from here on."""
        stats = self.stats
        self._meter.begin()
        return stats


def _choose_capacity(work: Work, fs_hz: float, *, least: int) -> int:
    """Samples of each channel: RING_S of them, fewer where those of thousands of channels would fill the memory."""
    wanted = max(round(RING_S * fs_hz), MIN_RING_SAMPLES)
    return max(least, min(wanted, RING_BYTES // (work.sample_dtype.itemsize * work.channels)))


def _describe_end(exit_code: int | None) -> str:
    """Of a worker, for people; None: whoever knew how it ended is stopped or dead."""
    return "ended, how is not known" if exit_code is None else f"exit code {exit_code}"


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
