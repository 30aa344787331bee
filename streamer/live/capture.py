"""The capture process: reads the source, fills the ring, tells the workers. Nothing else shares its fate.

It opens the source first and says what it found; only then does it get a ring of the right shape. It ends when
the source does, when it is told to, or when the main process is gone.
"""

from __future__ import annotations

import os
import select
import threading
import time
import traceback
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

from streamer.base.errors import RefusedError, SourceError, SpecError, StreamerError
from streamer.base.processes import (
    InheritedFd,
    SharedBlock,
    get_context,
    receive_block,
    send_block,
    start_process,
)
from streamer.live.pool import Dispatcher
from streamer.live.ring import COLLECTED, NONFINITE, Gap, GapReason, Ring, RingSpec, RingWriter
from streamer.sources import PushedSource, Source, SourceInfo, SourceSpec, open_any_source

BLOCK_S = 0.005  # a paced source is read in blocks this long
BLOCK_SAMPLES = 1 << 15  # an unpaced one in blocks this long
WAIT_S = 0.0005  # between looks at whether there is room again
STOP_GRACE_S = 0.25
LAST_BLOCK_S = 0.1  # a device from which nothing came for so long will not push now


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The source is open; what comes back is a ring of this rate and width."""

    info: SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How to run the source; the ring's shared block follows."""

    ring: RingSpec
    speed: float | None  # times real time; None: as fast as it goes
    span_samples: int
    n_slots: int
    spans_per_message: int
    room_samples: int  # how far a source that can wait may be ahead of what has been collected
    limit_samples: int | None  # a source that can wait is read no further
    clock_offset_s: float | None = None  # monotonic time of sample 0, when this goes on after a loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The source has ended, or could not be opened or gone on with."""

    error: str | None = None
    exit_code: int = 0
    trace: str | None = None
    is_refusal: bool = False  # the device is there, but cannot be had as it was asked for
    remarks: tuple[str, ...] = ()  # what a listener should be told, and no error


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """No more samples, please; what is in the ring is still wanted."""


def run_capture(
    spec: SourceSpec,
    before: SourceInfo | None,
    control: Connection,
    index_pipe: Connection,
    stdin_fd: int | None,
) -> None:
    """The process. before: what a device that was lost had been

    stdin_fd: for the source `-`, a duplicate of the main process's descriptor 0
    """
    log_fd = _divert_stderr()
    threading.Thread(target=_guard, args=(control,), daemon=True).start()
    try:
        source = open_any_source(spec, stdin_fd=-1 if stdin_fd is None else stdin_fd, before=before)
    except StreamerError as error:
        is_refusal = isinstance(error, RefusedError | SpecError)
        control.send(Ended(error=str(error), exit_code=error.exit_code, is_refusal=is_refusal))
        return
    except Exception:
        control.send(Ended(error=f"cannot open {spec.target}", exit_code=70, trace=traceback.format_exc()))
        return
    control.send(Opened(info=source.info))
    try:
        run = control.recv()
        if isinstance(run, Stop):
            source.close()
            return
        ring = Ring(run.ring, receive_block(control))
    except EOFError:
        source.close()
        return
    stop = threading.Event()
    threading.Thread(target=_watch, args=(control, stop, source), daemon=True).start()
    dispatcher = Dispatcher(
        ring,
        span_samples=run.span_samples,
        n_slots=run.n_slots,
        index_fd=index_pipe.fileno(),
        spans_per_message=run.spans_per_message,
    )
    ended = Ended()
    try:
        if isinstance(source, PushedSource):
            _run_mic(source, ring, dispatcher, stop, clock_offset_s=run.clock_offset_s)
        else:
            _run_reader(source, ring, dispatcher, stop, run)
    except StreamerError as error:
        ended = Ended(error=str(error), exit_code=error.exit_code)
    except Exception:
        ended = Ended(
            error=f"{source.info.name} failed", exit_code=70, trace=traceback.format_exc() + _tail(log_fd)
        )
    if not (
        source.info.is_live and ended.error
    ):  # a device that was lost may come back, and the stream go on
        RingWriter(ring).end()
        while not dispatcher.advance():
            time.sleep(WAIT_S)
    remarks = () if isinstance(source, PushedSource) else tuple(source.remarks)
    control.send(replace(ended, remarks=remarks))
    source.close()


def _divert_stderr() -> int:
    """PortAudio, ALSA and the decoders write to descriptor 2 when they please, across any dashboard."""
    fd = os.memfd_create("stderr") if hasattr(os, "memfd_create") else os.open(os.devnull, os.O_RDWR)
    os.dup2(fd, 2)
    return fd


def _tail(fd: int, size_bytes: int = 2000) -> str:
    try:
        end = os.lseek(fd, 0, os.SEEK_END)
        return os.pread(fd, size_bytes, max(0, end - size_bytes)).decode(errors="replace")
    except OSError:
        return ""


def _guard(control: Connection) -> None:
    """End this process when the main process has gone, wherever it is stuck: opening a device may hang for ever."""
    hung_up = select.poll()
    hung_up.register(control, 0)
    hung_up.poll()
    time.sleep(3 * STOP_GRACE_S)  # time for all that ends in order
    os._exit(0)


def _watch(control: Connection, stop: threading.Event, source: Any) -> None:
    """End this process when asked to, or when nobody is left to ask: reading and PortAudio may block for ever."""
    try:
        control.recv()
    except (EOFError, OSError):
        pass
    stop.set()
    time.sleep(STOP_GRACE_S)
    # Still here, so the reader is stuck. A program of ours (cmd:) must not outlive us.
    threading.Thread(target=source.close, daemon=True).start()
    time.sleep(STOP_GRACE_S)
    os._exit(0)


def _run_reader(source: Source, ring: Ring, dispatcher: Dispatcher, stop: threading.Event, run: Run) -> None:
    """A source that can wait: it is read at the wanted pace, and never ahead of the workers."""
    fs_hz, room = ring.spec.fs_hz, run.room_samples
    if run.speed is None:
        block_samples = min(BLOCK_SAMPLES, max(1, room // 4))
    else:
        block_samples = max(1, min(round(BLOCK_S * fs_hz * max(1.0, run.speed)), room // 4))
    writer = RingWriter(ring, device_channels=tuple(range(ring.spec.channels)))
    began = time.monotonic()
    for whole in source.read_blocks(block_samples):
        block = whole if run.limit_samples is None else whole[: run.limit_samples - ring.written_samples]
        # A block is heard when its last sample is, as from a microphone.
        due_samples = ring.written_samples + len(block)
        while not stop.is_set():
            full = due_samples - int(ring.control[COLLECTED]) * run.span_samples > room
            wait_s = (
                0.0 if run.speed is None else began + due_samples / (fs_hz * run.speed) - time.monotonic()
            )
            if not full and wait_s <= 0:
                break
            if not dispatcher.advance() or full:
                wait_s = WAIT_S
            stop.wait(wait_s)
        if stop.is_set():
            break
        writer.push(block, time.monotonic_ns())
        ring.control[NONFINITE] = source.nonfinite_samples  # they have been silenced on the way here
        dispatcher.advance()
        if ring.written_samples == run.limit_samples:
            break


def _run_mic(
    source: PushedSource,
    ring: Ring,
    dispatcher: Dispatcher,
    stop: threading.Event,
    *,
    clock_offset_s: float | None,
) -> None:
    """A source that cannot wait: the audio thread pushes, and wakes this one through a pipe."""
    writer = RingWriter(ring, device_channels=source.device_channels)
    awake_fd, wake_fd = os.pipe()
    os.set_blocking(wake_fd, False)
    os.set_blocking(awake_fd, False)

    def wake() -> None:
        try:
            os.write(wake_fd, b".")
        except BlockingIOError:
            pass  # there are wake-ups enough waiting

    keeper = Timekeeper(ring.spec.fs_hz, offset_s=clock_offset_s)
    has_stopped = False

    def push(block: Any, time_ns: int) -> None:
        nonlocal has_stopped
        if stop.is_set():
            has_stopped = True
            return
        missing = keeper.find_missing(
            ring.written_samples + len(block), time_ns * 1e-9, overflows=source.overflows
        )
        if missing:
            writer.skip(*missing)
        writer.push(block, time_ns)

    source.start(push, wake)
    waiting = select.poll()
    waiting.register(awake_fd, select.POLLIN)
    while not stop.is_set():
        if waiting.poll(50):
            try:
                os.read(awake_fd, 4096)
            except BlockingIOError:
                pass
        dispatcher.advance()
        _shed(writer, dispatcher, ring)
        if not source.is_active:
            raise SourceError(f"{source.info.name} has stopped delivering")
    deadline = time.monotonic() + LAST_BLOCK_S
    while (
        not has_stopped and time.monotonic() < deadline
    ):  # or else what is pushed now would come after the end
        time.sleep(WAIT_S)


def _shed(writer: RingWriter, dispatcher: Dispatcher, ring: Ring) -> None:
    """When the analysis is three quarters of a ring behind, it gives up the older half of that, in one piece."""
    capacity, size = ring.spec.capacity_samples, dispatcher.span_samples
    if dispatcher.lag_samples > capacity * 3 // 4:
        spans = capacity // 2 // size
        writer.note_gap(Gap(dispatcher.next_sample, spans * size, GapReason.OVERLOAD))
        dispatcher.advance()


class Timekeeper:
    """How many samples have not come, by the monotonic clock: audio servers seldom say, and never how many.

    Blocks arrive late, never early. How late the timeliest block of a second was tells where the stream is; when that
    jumps by more than jitter can explain, samples are missing. A sound card's drift is far below that.
    """

    WINDOW_S = 1.0
    JITTER_S = 0.02

    def __init__(self, fs_hz: float, *, offset_s: float | None) -> None:
        """offset_s: the time of sample 0 from before a loss, if this goes on after one"""
        self._fs_hz = fs_hz
        self._offset_s = offset_s
        self._is_back = offset_s is not None
        self._overflows = 0
        self._window_offset_s: float | None = None
        self._window_ends_s = 0.0

    def find_missing(self, end_sample: int, at_s: float, *, overflows: int) -> tuple[int, GapReason] | None:
        """What is to be skipped before the block that has arrived at at_s and would end with this sample.

        overflows: how often PortAudio has reported one by now
        """
        offset_s = at_s - end_sample / self._fs_hz
        if self._offset_s is None:
            self._offset_s = offset_s
        late_s = offset_s - self._offset_s
        reason = None
        if self._is_back:
            self._is_back, reason = False, GapReason.DEVICE_LOST
        elif overflows != self._overflows:
            self._overflows, reason = overflows, GapReason.INPUT_OVERFLOW
        elif self._window_offset_s is None or at_s < self._window_ends_s:
            self._window_offset_s = min(offset_s, self._window_offset_s or offset_s)
            self._window_ends_s = self._window_ends_s or at_s + self.WINDOW_S
            self._offset_s = min(self._offset_s, offset_s)
            return None
        else:
            late_s = min(offset_s, self._window_offset_s) - self._offset_s
            if late_s > self.JITTER_S:
                reason = GapReason.INPUT_STALL
            else:
                self._offset_s += late_s  # the drift of a second
        self._window_offset_s, self._window_ends_s = None, 0.0
        missing = round(late_s * self._fs_hz)
        return (missing, reason) if reason is not None and missing > 0 else None


class CaptureProcess:
    """The main process's end of a capture process: one opening of the source."""

    def __init__(
        self, spec: SourceSpec, index_writer: Connection, *, before: SourceInfo | None = None
    ) -> None:
        """before: what the source was, if it is opened again"""
        self.connection, child = get_context().Pipe(duplex=True)
        stdin = InheritedFd(0) if spec.takes_stdin else None
        self._process = start_process(
            run_capture, spec, before, child, index_writer, stdin, name="streamer capture"
        )
        child.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def receive(self) -> Opened | Ended | None:
        """Its next message; None when it is gone. Call when the connection is readable."""
        try:
            message: Opened | Ended = self.connection.recv()
        except (EOFError, OSError):
            return None
        return message

    def give(self, run: Run, block: SharedBlock) -> None:
        """The ring to fill. A process that has died meanwhile shows at the next receive."""
        assert self._process.pid is not None
        try:
            self.connection.send(run)
            send_block(self.connection, block, self._process.pid)
        except OSError:
            pass

    def ask_to_stop(self) -> None:
        try:
            self.connection.send(Stop())
        except OSError:
            pass

    def close(self, *, grace_s: float = 0.0) -> None:
        """End it, by force when it has not ended by itself after the grace."""
        if grace_s:
            self._process.join(grace_s)
        self._process.kill()
        self._process.join(1.0)
        self.connection.close()
