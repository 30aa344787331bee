"""A running stream: capture, ring, pool and decoder, put together, watched, and taken down again.

Source to events, without a screen or an output: the monitor adds those, and open_stream gives it to programs.
"""

from __future__ import annotations

import math
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Batch
from streamer.base.errors import SourceError, StreamerError
from streamer.base.processes import cpu_count
from streamer.detectors.decoder import Decoder
from streamer.events import ErrorRecord, GapRecord, Record, Stats, WorkerRecord
from streamer.events.clocks import Reservoir, SampleClock, WallClock
from streamer.live.capture_messages import Ended, Opened, Run
from streamer.live.capture_process import CaptureProcess
from streamer.live.dispatcher import Dispatcher
from streamer.live.pool import Pool
from streamer.live.results import choose_slots
from streamer.live.ring import Ring, RingOwner, RingSpec
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.spans import IndexPipe, Work, choose_span_samples
from streamer.plans.listening import Listening, SetUp
from streamer.sources import SourceInfo, SourceSpec

RING_S = 4.0  # how long the analysis may stall before samples are lost
MIN_RING_SAMPLES = 1 << 16  # room for a source that is read as fast as it goes
MAX_WORKERS = 4
LIVE_SPANS_PER_MESSAGE = 8
REPLAY_SPANS_PER_MESSAGE = 64
SUPERVISE_S = 0.1
STOP_S = 1.0  # how long the source may take to stop before it is made to
SILENT_S = 0.5  # a live source from which nothing came for so long is gone
FIRST_BLOCK_S = 2.0  # but its first block may take longer
OPEN_S = 3.0  # opening a device that is there takes less; PortAudio may hang in it for ever
RETRY_S = 0.25  # between attempts to have a source back, doubled after each
MAX_RETRY_S = 1.0  # it is to be back within two seconds of its return

Item = Batch | Record


@dataclass(slots=True, kw_only=True)
class _Loss:
    """A live source that is gone, and the attempts to have it back."""

    since_s: float
    retry_s: float
    wait_s: float = RETRY_S
    opening_by_s: float | None = None  # an attempt is under way and must have succeeded by then
    is_told: bool = False
    refusals: set[str] = field(default_factory=set)  # told already


class Stream:
    """Use with `with`, and call `step` until it is `finished`.

    A lost live source that comes back with another rate or channel count begins a new section: `info`, what is
    listened to, sample count and books begin anew, between two steps. Each section is an `info` object of its own.
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
        self._spec, self._set_up, self._speed, self._n_workers = source, set_up, speed, n_workers
        self._duration_s = duration_s
        self.info: SourceInfo | None = None
        self.listening: Listening | None = None
        self.finished = False
        self.stopping = False
        self.latency_ms = Reservoir()
        self.gap_count = 0
        self._capture: CaptureProcess | None = None
        self._ended: Ended | None = None
        self._loss: _Loss | None = None
        self._selector = selectors.DefaultSelector()
        self._supervised_s = 0.0
        self._stop_by_s: float | None = None
        self._log_entry = 0
        self._opened_s = 0.0
        self._lost_blocks = 0  # how many had come when the source was lost
        self._run: Run
        self._news: list[Record] = []  # for the next step to tell
        self._next_info: SourceInfo | None = None  # the section to come, while this one is ended
        self._is_section_over = False
        self._missed_samples = 0  # between the last sample of this section and the next section
        self._earlier_s = 0.0

    def __enter__(self) -> Self:
        self._index = IndexPipe()
        self._open()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._capture is not None:
            self._capture.ask_to_stop()
            self._close_capture(grace_s=STOP_S)
        if self.info is not None:
            self.pool.close()
        else:
            self._index.close()
        self._selector.close()

    def watch(self, file: int, on_ready: Callable[[], None]) -> None:
        """Call on_ready from step when the descriptor can be read."""
        self._selector.register(file, selectors.EVENT_READ, on_ready)

    def unwatch(self, file: int) -> None:
        self._selector.unregister(file)

    def step(self, timeout_s: float, *, may_take: bool = True) -> list[Item]:
        """Wait for news at most so long; what has become known, in the order of the stream.

        may_take: if not, nothing is taken from the workers, and so a source that can wait is made to.
        Raises StreamerError when the source cannot be opened; one that fails later ends it: see error. A live
        source that is lost does not end it: it is opened again until it is back.
        """
        if self._is_section_over and not self.stopping:
            self._begin_section()
            if self.finished:
                return []
        for key, _ in self._selector.select(min(timeout_s, SUPERVISE_S)):
            key.data()
        items: list[Item] = [*self._news]
        self._news.clear()
        if self.info is None:
            if self._ended is not None:
                raise self._make_error()
            return items
        now = time.monotonic()
        if may_take:
            items += self._collect()
        if now - self._supervised_s >= SUPERVISE_S:
            self._supervised_s = now
            items += self._supervise(now)
        if self._ended is not None and not self.finished and not self._is_section_over:
            items += self._finish_when_drained()
        return items

    def stop(self) -> None:
        """No more samples; what is in the ring is still analysed. The stream is finished soon after."""
        if self.stopping:
            return
        self.stopping = True
        self._stop_by_s = time.monotonic() + STOP_S
        if self.info is None or self._is_section_over:
            self.finished = True
        if self._capture is not None and self._loss is None:
            self._capture.ask_to_stop()
        else:
            self._ended = Ended()

    @property
    def error(self) -> StreamerError | None:
        """Why the source ended before its end, if it did."""
        return self._make_error() if self._ended is not None and self._ended.error else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the source has to say at its end, and is no error."""
        return self._ended.remarks if self._ended is not None else ()

    @property
    def waiting_s(self) -> float | None:
        """For how long the source has been gone; None while it is there."""
        return None if self._loss is None else time.monotonic() - self._loss.since_s

    @property
    def is_ready(self) -> bool:
        """Whether the workers are up and the source runs."""
        return self.info is not None and self._is_running

    @property
    def may_rest(self) -> bool:
        """Whether nothing need happen: a lost source is waited for, or a pipe has sent nothing to analyse."""
        if self._loss is not None or self.info is None:
            return True
        waiting = self.ring.written_samples - self.pool.collector.analysed_end
        return not self.info.is_live and waiting < self._run.span_samples

    @property
    def stats(self) -> Stats:
        ring, collector = self.ring, self.pool.collector
        return Stats(
            captured=ring.written_samples + self._missed_samples,
            analysed=collector.analysed_samples,
            dropped=collector.dropped_samples + self._missed_samples,
            pending=ring.written_samples - collector.analysed_end,
            latency_ms_p50=_round(self.latency_ms.percentile(50)),
            latency_ms_p99=_round(self.latency_ms.percentile(99)),
            realtime_factor=_round(self._realtime_factor()),
            nonfinite=ring.nonfinite_samples,
            rejections=dict(self.decoder.rejections),
        )

    @property
    def lasted_s(self) -> float:
        """Length of what was captured, in all sections."""
        return self._earlier_s + self.ring.written_samples / self.ring.spec.fs_hz

    @property
    def capture_pid(self) -> int | None:
        return self._capture.pid if self._capture is not None else None

    @property
    def ring_fill(self) -> float:
        """How much of the ring waits for the analysis, 0 to 1."""
        waiting = self.ring.written_samples - self.pool.collector.analysed_end
        return min(1.0, waiting / self.ring.spec.capacity_samples)

    @property
    def name(self) -> str:
        return self.info.name if self.info else str(self._spec)

    # --- the source ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._capture = CaptureProcess(self._spec, self._index.writer, before=self.info)
        self._selector.register(self._capture.connection, selectors.EVENT_READ, self._on_capture)

    def _close_capture(self, *, grace_s: float = 0.0) -> None:
        if self._capture is not None:
            self._selector.unregister(self._capture.connection)
            self._capture.close(grace_s=grace_s)
            self._capture = None

    def _on_capture(self) -> None:
        assert self._capture is not None
        message = self._capture.receive()
        if isinstance(message, Opened):
            if not self.stopping and self.info is None:
                self._build(message.info)
            elif not self.stopping:
                self._go_on(message.info)
            return
        if message is None:
            message = Ended(error=f"the capture process of {self.name} died", exit_code=70)
        if self.info is not None and self.info.is_live and not self.stopping:
            self._lose(time.monotonic())
            self._tell_refusal(message)
            return
        self._close_capture(grace_s=STOP_S)
        if self.stopping:
            self._ended = self._ended or Ended()
        else:
            self._ended = message

    def _tell_refusal(self, message: Ended) -> None:
        assert self._loss is not None
        if message.is_refusal and message.error and message.error not in self._loss.refusals:
            self._loss.refusals.add(message.error)
            self._news.append(ErrorRecord(message=f"{self.name} is back, but {message.error}"))

    def _lose(self, now: float) -> None:
        """The source is gone. PortAudio may hang in whatever it is asked now, so its process is not asked."""
        self._close_capture()
        if self._loss is None:
            self._loss = _Loss(since_s=now, retry_s=now)
        else:  # one more attempt that failed
            self._loss.opening_by_s = None
            self._loss.retry_s = now + self._loss.wait_s
            self._loss.wait_s = min(2 * self._loss.wait_s, MAX_RETRY_S)

    def _go_on(self, info: SourceInfo) -> None:
        """A source that was lost is back: the ring goes on where it was, after a gap as long as the clock says."""
        assert self.info is not None
        assert self._loss is not None
        assert self._capture is not None
        if (info.fs_hz, info.channels) != (self.info.fs_hz, self.info.channels):
            is_now, was = _describe_shape(info), _describe_shape(self.info)
            message = f"{info.name} came back with {is_now} instead of {was}; samples are counted from 0 anew"
            self._news.append(ErrorRecord(message=message))
            self._next_info, self._ended = info, Ended()
            return
        if not self._is_running:
            self._loss = None
            self._run_when_ready()
            return
        self._run = replace(self._run, clock_offset_s=self._sample_0_s)
        self._loss.opening_by_s = time.monotonic() + OPEN_S
        self._capture.give(self._run, self.ring.block)

    def _watch_source(self, now: float) -> list[Item]:
        """Notice that a live source is gone, whatever it says itself; have it back."""
        assert self.info is not None
        blocks = self.ring.block_count
        if self._loss is None:
            newest_s = self.ring.newest_arrival_ns * 1e-9
            since_s = newest_s if blocks > self._lost_blocks else self._opened_s
            if self._is_running and now - since_s > SILENT_S:
                self._lose(now)
        if self._loss is None or self._next_info is not None:
            return []
        items: list[Item] = []
        if not self._loss.is_told:
            self._loss.is_told = True
            self._lost_blocks = blocks
            message = f"{self.info.name} is gone; waiting for it to come back"
            items = [*self._collect(), *self.decoder.flush(), ErrorRecord(message=message)]
        elif blocks > self._lost_blocks:
            self._loss = None
            return []
        if self._loss.opening_by_s is not None:
            if now > self._loss.opening_by_s:
                self._lose(now)
        elif now >= self._loss.retry_s:
            # By its name, as the numbers of devices move.
            self._spec = replace(self._spec, target=self.info.name.partition(":")[2])
            self._loss.opening_by_s = now + OPEN_S
            self._open()
        return items

    def _make_error(self) -> StreamerError:
        assert self._ended is not None
        kind = SourceError if self._ended.exit_code == SourceError.exit_code else StreamerError
        error = kind(self._ended.error or f"{self.name} has no samples")
        error.exit_code = self._ended.exit_code
        if self._ended.trace:
            error.add_note(self._ended.trace)
        return error

    # --- from the source to the events -------------------------------------------------------------------------

    def _build(self, info: SourceInfo) -> None:
        """The source is open: everything else follows from its rate and channels."""
        listening = self._set_up(info)
        self.clock = WallClock(info.fs_hz, start=info.start_time)
        self._sample_clock = SampleClock(info.fs_hz)
        self.decoder = Decoder(
            listening.detectors,
            analyses=[listening.display],
            read_audio=self._read_audio,
            clock=self.clock,
        )
        analyses = self.decoder.analyses
        span_samples = choose_span_samples(analyses, info.fs_hz)
        work = Work(analyses=analyses, channels=info.channels, span_samples=span_samples)
        reach = work.longest_frame_samples + span_samples + self.decoder.history_samples
        spec = RingSpec(
            channels=info.channels,
            capacity_samples=max(round(RING_S * info.fs_hz), MIN_RING_SAMPLES, 4 * reach),
            fs_hz=info.fs_hz,
        )
        self.ring = Ring(spec)
        n_slots = choose_slots(work, info.fs_hz, seconds=spec.capacity_samples / info.fs_hz)
        is_paced = info.is_live or self._speed is not None
        n_workers = self._n_workers or min(MAX_WORKERS, max(1, cpu_count() - is_paced))
        spans_per_message = (
            LIVE_SPANS_PER_MESSAGE
            if is_paced
            else max(1, min(REPLAY_SPANS_PER_MESSAGE, n_slots // (4 * n_workers)))
        )
        self.pool = Pool(work, self.ring, n_workers=n_workers, n_slots=n_slots, index=self._index)
        self._owner = RingOwner(self.ring)
        self._dispatcher = Dispatcher(
            self._owner,
            span_samples=span_samples,
            n_slots=n_slots,
            index_fd=self._index.writer.fileno(),
            spans_per_message=spans_per_message,
        )
        self.info, self.listening, self.is_paced = info, listening, is_paced
        self._is_running = False
        self.pool.__enter__()
        self._selector.register(self.pool.done_reader, selectors.EVENT_READ, self._on_worker)
        self._run = Run(
            ring=spec,
            speed=None if info.is_live else self._speed,
            span_samples=span_samples,
            n_slots=n_slots,
            spans_per_message=spans_per_message,
            room_samples=spec.capacity_samples - reach,
            limit_samples=None if self._duration_s is None else math.ceil(self._duration_s * info.fs_hz),
        )

    def _begin_section(self) -> None:
        """What was lost is back as something else, and all that was before is analysed and told."""
        assert self._next_info is not None
        info, self._next_info, self._is_section_over = self._next_info, None, False
        self._selector.unregister(self.pool.done_reader)
        self.pool.make_way()
        earlier_s = self._earlier_s + self.stats.captured / self.ring.spec.fs_hz
        try:
            self._build(info)
        except StreamerError as error:
            self._ended = Ended(error=str(error), exit_code=SourceError.exit_code)
            self.finished = True
            return
        # Sample 0 is now: what is missed until the workers are ready is a gap, too.
        self._run = replace(self._run, clock_offset_s=time.monotonic())
        self._earlier_s, self._missed_samples, self._log_entry, self._lost_blocks = earlier_s, 0, 0, 0
        self._ended = None
        if self._capture is not None:  # or else it was lost again meanwhile
            self._loss = None

    def _on_worker(self) -> None:
        self.pool.read_messages()
        self._run_when_ready()

    def _run_when_ready(self) -> None:
        if (
            not self._is_running
            and self.pool.ready_count == self.pool.n_workers
            and self._capture is not None
            and self._loss is None
        ):
            # Only now: samples that come while the workers are starting would be old before they are looked at.
            self._is_running = True
            self._opened_s = time.monotonic() + FIRST_BLOCK_S
            self._capture.give(self._run, self.ring.block)

    def _read_audio(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        return self.ring.read(channel, start, stop)  # the ring is made after the decoder

    def _collect(self) -> list[Item]:
        items: list[Item] = []
        for item in self.pool.collector.take():
            if isinstance(item, Gap):
                items += self._report_gap(item)
                continue
            arrived_ns = self._find_arrival(item.stop_sample)
            if arrived_ns is not None and self.is_paced:
                self.latency_ms.add((time.monotonic_ns() - arrived_ns) * 1e-6)
            items.append(item)
            items += self.decoder.feed(item)
        return items

    def _report_gap(self, gap: Gap) -> list[Item]:
        self.gap_count += 1
        record = GapRecord(
            sample=gap.sample,
            t_s=gap.sample / self.ring.spec.fs_hz,
            lost_samples=gap.lost_samples,
            reason=gap.reason.name.lower(),
            time=self.clock.text(gap.sample),
        )
        return [*self.decoder.flush(), record]

    def _find_arrival(self, sample: int) -> int | None:
        """When the block with this sample arrived; on the way the wall clock learns from each block."""
        for block in self.ring.read_log(self._log_entry):
            self._log_entry = block.number  # looked at again, if it reaches beyond the sample
            if self.info is not None and self.info.is_live:
                self._sample_clock.observe(block.end_sample, block.arrived_ns * 1e-9)
                self.clock.observe(
                    block.end_sample, time.time() - (time.monotonic_ns() - block.arrived_ns) * 1e-9
                )
            if block.end_sample >= sample:
                return block.arrived_ns
            self._log_entry += 1
        return None

    def _supervise(self, now: float) -> list[Item]:
        exit_codes = self.pool.supervise()
        items: list[Item] = [
            WorkerRecord(reason=f"exit code {code}", restarts=self.pool.restarts) for code in exit_codes
        ]
        if self.pool.is_hopeless:
            raise StreamerError(
                f"the worker processes end as soon as they have started, with exit code {exit_codes}: "
                "`streamer detect` works without them; please report this with what `streamer --version` prints"
            )
        assert self.info is not None
        if self.info.is_live and not self.stopping:
            items += self._watch_source(now)
        if self._stop_by_s is not None and self._ended is None and now > self._stop_by_s:
            self._close_capture()
            self._ended = Ended()
        return items

    def _finish_when_drained(self) -> list[Item]:
        if self.ring.total_samples is None:
            # Capture was ended before it could say so; nobody else writes any more.
            if self._next_info is None:
                self._close_capture()
            self._owner.end()
        self._dispatcher.advance()
        total = self.ring.total_samples
        assert total is not None
        if self.pool.collector.analysed_end < total:
            return []
        items: list[Item] = [*self.decoder.flush()]
        if self._next_info is None or self.stopping:
            self.finished = True
        else:
            self._is_section_over = True
            items += [*self._report_missed(total), self.stats]
        return items

    def _report_missed(self, total: int) -> list[Item]:
        """The gap after a section, up to now, which is when the next one begins."""
        if self._sample_0_s is None:
            return []  # there was not one sample
        elapsed_s = time.monotonic() - self._sample_0_s
        self._missed_samples = max(0, round(elapsed_s * self.ring.spec.fs_hz) - total)
        return self._report_gap(Gap(total, self._missed_samples, GapReason.DEVICE_LOST))

    @property
    def _sample_0_s(self) -> float | None:
        """The monotonic time of sample 0, as soon as it is known."""
        found_s = self._sample_clock.offset_s
        return self._run.clock_offset_s if found_s is None else found_s

    def _realtime_factor(self) -> float | None:
        """How many times real time the workers could do, from the time they were busy."""
        busy_ns, analysed = self.pool.busy_ns, self.pool.collector.analysed_samples
        if busy_ns == 0 or analysed == 0:
            return None
        return analysed / self.ring.spec.fs_hz / (busy_ns * 1e-9) * self.pool.n_workers


def _describe_shape(info: SourceInfo) -> str:
    return f"{info.fs_hz:g} Hz, {info.channels} channel{'s' if info.channels > 1 else ''}"


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def count_frames(batch: Batch) -> int:
    """Windows analysed for the display, all channels together."""
    return sum(len(levels) for levels in batch.levels[0])
