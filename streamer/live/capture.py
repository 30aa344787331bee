"""The capture process: reads the source, fills the ring, tells the workers. Nothing else shares its fate.

It opens the source first and says what it found; only then does it get a ring of the right shape. It ends when
the source does, when it is told to, or when the main process is gone.

    state     until                                   says    then
    opening   the source is open                      Opened  waiting
              it cannot be opened                     Ended   gone
    waiting   it is given a ring                              running
              it is told to stop, or main is gone             gone
    running   the source ends, fails, or has stopped  Ended   gone
"""

from __future__ import annotations

import os
import select
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import INTERNAL_ERROR, RefusedError, SourceError, SpecError, StreamerError
from streamer.base.processes import receive_block
from streamer.base.text import printable
from streamer.live.capture_messages import MAX_BYTES, Ended, Opened, Run, Serve, decode, encode
from streamer.live.dispatcher import Dispatchers
from streamer.live.diverted_stderr import DivertedStderr
from streamer.live.ring import Ring, RingWriter
from streamer.live.ring_fields import Gap, GapReason
from streamer.live.timekeeper import Inlet, Timekeeper
from streamer.sources import (
    NarrowSource,
    PipedSource,
    PushedSource,
    Source,
    SourceInfo,
    SourceSpec,
    open_any_source,
)

BLOCK_S = 0.01  # a paced source is read in blocks this long, as a microphone is,
MANY_VALUES_PER_S, MANY_BLOCK_S = (
    2e6,
    0.04,
)  # or from so many values a second on, when that would cost too much
BLOCK_SAMPLES = 1 << 15  # an unpaced one in blocks this long
WAIT_S = 0.0005  # between looks at whether there is room again
STOP_GRACE_S = 0.25
LOOK_S = 0.05  # between looks at whether a device still delivers
LAST_BLOCK_S = 0.1  # a device from which nothing came for so long will not push now


def run_capture(
    spec: SourceSpec,
    before: SourceInfo | None,
    control: Connection,
    index_pipes: Sequence[Connection],
    stdin_fd: int | None,
) -> None:
    """The process. before: what a device that was lost had been   index_pipes: one for each lane

    stdin_fd: for the source `-`, a duplicate of the main process's descriptor 0
    """
    said = DivertedStderr()
    threading.Thread(target=_guard, args=(control,), daemon=True).start()
    source = _open(spec, before, -1 if stdin_fd is None else stdin_fd)
    if isinstance(source, Ended):
        control.send_bytes(encode(source))
        return
    control.send_bytes(encode(Opened(info=source.info)))
    given = _receive_run(control)
    if given is None:
        source.close()
        return
    run, ring = given
    channels = (
        source.device_channels if isinstance(source, PushedSource) else tuple(range(ring.spec.channels))
    )
    writer = RingWriter(ring, device_channels=channels)
    dispatchers = Dispatchers(writer, [pipe.fileno() for pipe in index_pipes])
    dispatchers.serve(run.lanes)
    stop = threading.Event()
    threading.Thread(target=_watch, args=(control, stop, source, dispatchers), daemon=True).start()
    ended = _run(source, writer, dispatchers, stop, run)
    if ended.trace is not None:
        ended = msgspec.structs.replace(ended, trace=ended.trace + said.tail())
    if not (
        isinstance(source, PushedSource) and ended.error
    ):  # a device that was lost may come back, and the stream go on
        writer.end()
        while not dispatchers.advance():
            time.sleep(WAIT_S)
    if isinstance(source, PushedSource):
        control.send_bytes(encode(msgspec.structs.replace(ended, remarks=tuple(source.remarks))))
        source.close()  # which may hang
    else:
        source.close()  # which may leave something to be told
        control.send_bytes(encode(msgspec.structs.replace(ended, remarks=tuple(source.remarks))))


def _open(spec: SourceSpec, before: SourceInfo | None, stdin_fd: int) -> Source | PushedSource | Ended:
    """The open source, or why it is none."""
    try:
        return open_any_source(spec, stdin_fd=stdin_fd, before=before)
    except StreamerError as error:
        is_refusal = isinstance(error, RefusedError | SpecError)
        return Ended(error=str(error), exit_code=error.exit_code, is_refusal=is_refusal)
    except Exception as error:
        return _blame(f"cannot open {spec}", error)


def _receive_run(control: Connection) -> tuple[Run, Ring] | None:
    """How to run the source, and the ring to fill; None when nobody wants it any more."""
    try:
        run = decode(control.recv_bytes(MAX_BYTES))
        return (run, Ring(run.ring, receive_block(control))) if isinstance(run, Run) else None
    except EOFError:
        return None


def _run(
    source: Source | PushedSource,
    writer: RingWriter,
    dispatchers: Dispatchers,
    stop: threading.Event,
    run: Run,
) -> Ended:
    """Fill the ring until the source ends, fails, or is told to stop."""
    ended = Ended()
    try:
        if isinstance(source, PushedSource):
            _run_pushed(source, writer, dispatchers, stop, run)
        else:
            _run_reader(source, writer, dispatchers, stop, run)
    except StreamerError as error:
        ended = Ended(error=str(error), exit_code=error.exit_code)
    except Exception as error:
        ended = _blame(f"{source.info.name} failed", error)
    return ended


def _blame(what: str, error: Exception) -> Ended:
    """What nobody thought of: said by its name, with all of its trace for --debug."""
    why = printable(f"{type(error).__name__}: {error}")
    return Ended(
        error=f"{what}: {why}; run again with --debug and report what it prints",
        exit_code=INTERNAL_ERROR,
        trace=traceback.format_exc(),
    )


def _guard(control: Connection) -> None:
    """End this process when the main process has gone, wherever it is stuck: opening a device may hang for ever."""
    hung_up = select.poll()
    hung_up.register(control, 0)
    hung_up.poll()
    time.sleep(3 * STOP_GRACE_S)  # time for all that ends in order
    os._exit(0)


def _watch(control: Connection, stop: threading.Event, source: Any, dispatchers: Dispatchers) -> None:
    """Serve other lanes when asked to. End this process when asked to, or when nobody is left to ask.

    Here, as reading and PortAudio may block for ever.
    """
    try:
        while isinstance(message := decode(control.recv_bytes(MAX_BYTES)), Serve):
            dispatchers.serve(message.lanes)
    except (EOFError, OSError, ValueError):
        pass
    stop.set()
    time.sleep(STOP_GRACE_S)
    # Still here, so the reader is stuck. A program of ours (cmd:) must not outlive us.
    threading.Thread(target=source.close, daemon=True).start()
    time.sleep(STOP_GRACE_S)
    os._exit(0)


class Pace:
    """When blocks are due, so that a source sounds as it would.

    What had come by the beginning, while workers started, is due at once: else what is made from now on would be late
    for as long as it is listened to. For the same reason it goes a little faster while something waits to be read, as
    a maker whose clock is faster than ours would get ahead day by day.
    """

    BACKLOG_S = 0.05  # so much may wait
    HURRY = 1e-3  # a sound card's clock is off by a tenth of it

    def __init__(self, fs_hz: float, speed: float | None, *, now_s: float, backlog_s: float) -> None:
        """speed: times real time; None: nothing is waited for"""
        self._per_s = None if speed is None else fs_hz * speed
        self._began_s = now_s - backlog_s

    def note_backlog(self, backlog_s: float, n_samples: int) -> None:
        """So much waits behind a block of so many samples."""
        if backlog_s > self.BACKLOG_S and self._per_s is not None:
            self._began_s -= self.HURRY * n_samples / self._per_s

    def find_wait_s(self, end_sample: int, *, now_s: float) -> float:
        """Until the block that ends with this sample; 0 or less when it is due."""
        return 0.0 if self._per_s is None else self._began_s + end_sample / self._per_s - now_s


def _run_reader(
    source: Source, writer: RingWriter, dispatchers: Dispatchers, stop: threading.Event, run: Run
) -> None:
    """A source that can wait: it is read at the wanted pace, and never ahead of the workers."""
    ring = writer.ring
    fs_hz, room = ring.spec.fs_hz, min(lane.room_samples for lane in run.lanes)
    if run.speed is None:
        block_samples = min(BLOCK_SAMPLES, max(1, room // 4))
    else:
        block_s = MANY_BLOCK_S if fs_hz * ring.spec.channels > MANY_VALUES_PER_S else BLOCK_S
        block_samples = max(1, min(round(block_s * fs_hz * max(1.0, run.speed)), room // 4))
    piped = source if isinstance(source, PipedSource) else None
    pace = Pace(fs_hz, run.speed, now_s=time.monotonic(), backlog_s=piped.backlog_s if piped else 0.0)
    n_noted = 0
    try:
        for whole in _read(source, block_samples, has_16_bits=ring.spec.has_16_bits):
            block = whole if run.limit_samples is None else whole[: run.limit_samples - ring.written_samples]
            # A block is heard when its last sample is, as from a microphone.
            due_samples = ring.written_samples + len(block)
            if piped:
                pace.note_backlog(piped.backlog_s, len(block))
            while not stop.is_set():
                full = not dispatchers.has_room_for(due_samples)
                wait_s = pace.find_wait_s(due_samples, now_s=time.monotonic())
                if not full and wait_s <= 0:
                    break
                if not dispatchers.advance() or full:
                    wait_s = WAIT_S
                stop.wait(wait_s)
            if stop.is_set():
                break
            n_noted = _note_losses(source, n_noted, writer, run.limit_samples)
            writer.push(block, time.monotonic_ns())
            writer.note_nonfinite(source.nonfinite_samples)  # they have been silenced on the way here
            dispatchers.advance()
            if ring.written_samples == run.limit_samples:
                break
    except SourceError:
        _note_losses(source, n_noted, writer, run.limit_samples)
        raise


def _read(
    source: Source, block_samples: int, *, has_16_bits: bool
) -> Iterator[NDArray[np.float32] | NDArray[np.int16]]:
    """Blocks as the ring takes them."""
    if has_16_bits:
        return cast("NarrowSource", source).read_integers(block_samples)
    return source.read_blocks(block_samples)


def _note_losses(source: Source, n_noted: int, writer: RingWriter, limit_samples: int | None) -> int:
    """Tell of what its damage has taken, before the silence that stands for it comes; how many are noted by now."""
    for loss in source.losses[n_noted:]:
        lost = loss.n_samples if limit_samples is None else min(loss.n_samples, limit_samples - loss.sample)
        if lost > 0:
            writer.note_gap(Gap(loss.sample, lost, GapReason.DAMAGED))
    return len(source.losses)


def _run_pushed(
    source: PushedSource, writer: RingWriter, dispatchers: Dispatchers, stop: threading.Event, run: Run
) -> None:
    """A source that cannot wait: its thread pushes and hands out; this one sees whether it still does."""
    info = source.info
    keeper = Timekeeper(
        info.fs_hz, offset_s=run.clock_offset_s, is_sent=info.is_sent, is_numbered=info.is_numbered
    )
    inlet = Inlet(writer, keeper)
    dispatchers.sheds = True
    has_stopped = False

    def hand_out() -> None:
        if not stop.is_set():  # what is left then is handed out when no block can come any more
            dispatchers.advance()

    def push(block: NDArray[Any], arrival_ns: int, *, lost_samples: int = 0) -> None:
        nonlocal has_stopped
        if stop.is_set():
            has_stopped = True
        else:
            inlet.push(block, arrival_ns, overflows=source.overflows, lost_samples=lost_samples)

    source.start(push, hand_out)
    while not stop.wait(LOOK_S):
        hand_out()  # what there was no room for when it came
        if not source.is_active:
            inlet.finish()
            raise SourceError(f"{source.info.name} has stopped delivering")
    deadline = time.monotonic() + LAST_BLOCK_S
    while (
        not has_stopped and time.monotonic() < deadline
    ):  # or else what is pushed now would come after the end
        time.sleep(WAIT_S)
    inlet.finish()
