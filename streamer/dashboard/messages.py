"""What the dashboard is given, what it answers, and the wire between the two processes.

The monitor sends a Scene, then Snapshots at the screen's pace, then a Goodbye. Every message is one msgpack
object on a multiprocessing Connection: nothing is pickled. Levels are dBFS throughout; the dashboard alone
adds `Scene.offset_db` to show another unit.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime
from multiprocessing.connection import Connection

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.events import ErrorRecord, Event, GapRecord

IN_FLIGHT = 2  # snapshots the dashboard has not taken yet; one being drawn and one waiting for it
SILENCE_DBFS = -200.0
_BUFFER_BYTES = 1 << 20  # room for what is in flight, so that sending it does not wait for the reader


class Scene(msgspec.Struct, kw_only=True, frozen=True, tag="scene"):
    """What stays the same from one snapshot to the next. Sent first, and again when something changes."""

    version: str
    source: str
    mode: str  # LIVE, REPLAY, DEMO
    fs_hz: float
    channels: int
    bands: str  # the specification, as given
    band_labels: list[str]
    band_freqs_hz: list[float]
    band_scale: str  # linear, log or notes
    window_length: int
    hop_length: int
    window: str
    enbw_hz: float
    plans: list[str] = []
    output: str = ""  # where events go, for the panel's title
    unit: str = "dbfs"  # dbfs, dbm0 or dbspl
    offset_db: float = 0.0  # added to dBFS, it gives the unit
    floor_dbfs: float = -90.0
    ceiling_dbfs: float = 0.0
    fps: float = 15.0


class EventRow(msgspec.Struct, kw_only=True, frozen=True):
    """One line of the events panel. The end of an event replaces its begin: they share an id."""

    id: int
    phase: str  # begin, end, or "" for what has no length
    type: str
    label: str
    time: str  # as shown
    channel: int = 1
    duration_ms: float | None = None
    level_dbfs: float | None = None
    snr_db: float | None = None
    confidence: float | None = None


class Snapshot(msgspec.Struct, kw_only=True, frozen=True, tag="snapshot"):
    """The state of a run at stream time t_s.

    levels, peaks: (channels, bands) float32 dBFS in native byte order, the mean power and the maximum of the
    frames since the last snapshot; empty when there was no new frame. What is not known is None.
    """

    t_s: float
    unix_s: float | None = None
    levels: bytes = b""
    peaks: bytes = b""
    input_rms_dbfs: list[float] = []  # one per channel
    input_peak_dbfs: list[float] = []
    windows_per_s: float | None = None
    realtime_factor: float | None = None  # how many times real time the workers could do
    lag_s: float | None = None  # how far the analysis is behind the source
    latency_ms_p50: float | None = None
    latency_ms_p99: float | None = None
    ring_fill: float | None = None  # 0 to 1
    workers_ready: int = 0
    workers_total: int = 0
    captured_samples: int = 0
    dropped_samples: int = 0
    gaps: int = 0
    status: str = ""  # "compiling kernels (first run only)", "waiting for USB Audio, 12 s"
    events: list[EventRow] = []  # new since the last snapshot, oldest first


class Goodbye(msgspec.Struct, kw_only=True, frozen=True, tag="goodbye"):
    """The run is over: put the terminal back and end."""

    reason: str = ""


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The dashboard has taken one snapshot off the wire and may be sent another."""


class Quit(msgspec.Struct, frozen=True, tag="quit"):
    """Somebody pressed q."""


class TerminalGone(msgspec.Struct, kw_only=True, frozen=True, tag="terminal-gone"):
    """There is no terminal (any more); the dashboard has ended, the run need not."""

    reason: str = ""


Message = Scene | Snapshot | Goodbye
Answer = Taken | Quit | TerminalGone

_encode = msgspec.msgpack.Encoder().encode
_message_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def encode(message: Message | Answer) -> bytes:
    return _encode(message)


def decode_message(message: bytes) -> Message:
    return _message_decoder.decode(message)


def decode_answer(message: bytes) -> Answer:
    return _answer_decoder.decode(message)


class DashboardLink:
    """The monitor's end of the connection. It never waits for a dashboard that is slow, stopped or dead."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._in_flight = 0
        self.closed = False
        with socket.socket(fileno=os.dup(connection.fileno())) as pipe:  # a duplex Pipe is a pair of sockets
            pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def ready(self) -> bool:
        """Whether a snapshot would be taken soon; when not, its events and levels go into the next one."""
        return not self.closed and self._in_flight < IN_FLIGHT

    def send(self, message: Message) -> None:
        """Scenes and goodbyes go out at once, snapshots only when `ready`."""
        if self.closed:
            return
        self._in_flight += isinstance(message, Snapshot)
        try:
            self._connection.send_bytes(encode(message))
        except OSError:  # the dashboard has died: poll will say so
            pass

    def poll(self) -> list[Answer]:
        """What the dashboard has said since the last call. If it died unasked, that is a TerminalGone."""
        answers: list[Answer] = []
        try:
            while not self.closed and self._connection.poll(0):
                answer = decode_answer(self._connection.recv_bytes())
                if isinstance(answer, Taken):
                    self._in_flight -= 1
                    continue
                self.closed = isinstance(answer, TerminalGone)
                answers.append(answer)
        except (EOFError, OSError):
            self.closed = True
            answers.append(TerminalGone(reason="the dashboard has ended"))
        return answers


class LevelSummary:
    """Mean power and maximum of the frames since the last snapshot, for all channels."""

    def __init__(self, *, channels: int, bands: int) -> None:
        self._power_sum = np.zeros((channels, bands), dtype=np.float64)
        self._power_max = np.zeros((channels, bands), dtype=np.float32)
        self._frames = np.zeros(channels, dtype=np.int64)

    def add(self, channel: int, power: NDArray[np.float32]) -> None:
        """Take frames of `Levels.power`, (frames, bands), of a channel counted from 1."""
        if len(power):
            self._power_sum[channel - 1] += power.sum(axis=0, dtype=np.float64)
            np.maximum(self._power_max[channel - 1], power.max(axis=0), out=self._power_max[channel - 1])
            self._frames[channel - 1] += len(power)

    def take(self) -> tuple[bytes, bytes]:
        """`levels` and `peaks` of a Snapshot, and start afresh; empty until every channel has a frame."""
        if not self._frames.all():
            return b"", b""
        levels = _dbfs(self._power_sum / self._frames[:, None]).tobytes()
        peaks = _dbfs(self._power_max).tobytes()
        self._power_sum[:] = 0
        self._power_max[:] = 0
        self._frames[:] = 0
        return levels, peaks


def _dbfs(power: NDArray[np.floating]) -> NDArray[np.float32]:
    # a full-scale sine has the power 0.5
    floor = 10 ** (SILENCE_DBFS / 10)
    return (10 * np.log10(np.fmax(np.asarray(power, dtype=np.float64) * 2, floor))).astype(np.float32)


def make_event_row(event: Event | GapRecord | ErrorRecord) -> EventRow:
    """The line of the events panel for this: local time where it is known, stream time where not."""
    if isinstance(event, ErrorRecord):
        return EventRow(id=0, phase="", type="error", label=event.message, time=_show(datetime.now()))
    time = _tell_local_time(event.time) if event.time else f"{event.t_s:.3f} s"
    if isinstance(event, GapRecord):
        label = f"{event.lost_samples:,} samples lost: {event.reason}"
        return EventRow(id=0, phase="", type="gap", label=label, time=time)
    duration_ms = None if event.duration_s is None else event.duration_s * 1e3
    return EventRow(
        id=event.id,
        phase=event.phase,
        type=event.type,
        label=event.label,
        time=time,
        channel=event.channel,
        duration_ms=duration_ms,
        level_dbfs=event.level_dbfs,
        snr_db=event.snr_db,
        confidence=event.confidence,
    )


def _tell_local_time(time: str) -> str:
    return _show(datetime.fromisoformat(time).astimezone())


def _show(time: datetime) -> str:
    return time.strftime("%H:%M:%S.%f")[:12]
