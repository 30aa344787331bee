"""The main process's end of the wire to the dashboard, and what it makes of levels and records to send them."""

from __future__ import annotations

import os
import socket
import struct
from datetime import datetime
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_powers, format_duration
from streamer.dashboard.figures import format_clock, format_loss
from streamer.dashboard.messages import (
    Answer,
    EventRow,
    Message,
    Snapshot,
    Taken,
    TerminalGone,
    decode_answer,
    encode,
)
from streamer.events import ErrorRecord, Event, GapRecord, Record, ReloadRecord, SilenceRecord, SourceRecord
from streamer.events.clocks import to_local

Told = Event | GapRecord | SilenceRecord | SourceRecord | ReloadRecord | ErrorRecord

IN_FLIGHT = 2  # snapshots the dashboard has not taken yet; one being drawn and one waiting for it
MOST_HELD = 64  # runs of frames of a channel that are not summed yet
_BUFFER_BYTES = 1 << 20  # room for what is in flight, so that it is sent at once; systems may grant less
_ANSWER_BYTES = 1 << 16
_LENGTH = struct.Struct("!i")  # before each message, as Connection.recv_bytes has it


class DashboardLink:
    """The monitor's end of the connection. It never waits for a dashboard that is slow, stopped or dead."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._in_flight = 0
        self.closed = False
        self._pending = b""  # what the socket has not taken yet
        self._heard = b""  # of an answer that has not come whole
        self._fd = connection.fileno()
        os.set_blocking(self._fd, False)  # this end alone
        with socket.socket(fileno=os.dup(self._fd)) as pipe:  # as a duplex Pipe is one of
            pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)

    def close(self) -> None:
        self.closed = True
        self._connection.close()

    def ready(self) -> bool:
        """Whether a snapshot would be taken soon; when not, its events and levels go into the next one."""
        self._flush()
        return not self.closed and not self._pending and self._in_flight < IN_FLIGHT

    def send(self, message: Message) -> None:
        """Scenes and goodbyes go out at once, snapshots only when `ready`."""
        if self.closed:
            return
        self._in_flight += isinstance(message, Snapshot)
        content = encode(message)
        self._pending += _LENGTH.pack(len(content)) + content
        self._flush()

    def _flush(self) -> None:
        """Hand over what is taken now."""
        if not self._pending or self.closed:
            return
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._fd, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:  # the dashboard has died: poll will say so
            self._pending = b""

    def poll(self) -> list[Answer]:
        """What the dashboard has said since the last call. If it died unasked, that is a TerminalGone."""
        answers: list[Answer] = []
        self._flush()
        try:
            while not self.closed:
                answer = self._receive()
                if isinstance(answer, Taken):
                    self._in_flight -= 1
                    continue
                self.closed = isinstance(answer, TerminalGone)
                answers.append(answer)
        except BlockingIOError:
            pass
        except (EOFError, OSError):
            self.closed = True
            answers.append(TerminalGone(reason="the dashboard has ended"))
        return answers

    def _receive(self) -> Answer:
        """The next answer. BlockingIOError when it has not come, EOFError when none will."""
        while len(self._heard) < _LENGTH.size or len(self._heard) < self._find_end():
            more = os.read(self._fd, _ANSWER_BYTES)
            if not more:
                raise EOFError
            self._heard += more
        end = self._find_end()
        answer, self._heard = self._heard[_LENGTH.size : end], self._heard[end:]
        return decode_answer(answer)

    def _find_end(self) -> int:
        """Of the answer that has begun to come."""
        (length,) = _LENGTH.unpack_from(self._heard)
        return _LENGTH.size + int(length)


class LevelSummary:
    """Mean power and maximum of the frames since the last snapshot, for all channels."""

    def __init__(self, *, channels: int, bands: int, gains: NDArray[np.float64] | float = 1.0) -> None:
        """gains: (channels, bands) of powers, by which a Reading tells some louder than others"""
        self._gains = gains
        self._power_sum = np.zeros((channels, bands), dtype=np.float64)
        self._power_max = np.zeros((channels, bands), dtype=np.float32)
        self._frames = np.zeros(channels, dtype=np.int64)
        self._held: list[list[NDArray[np.float32]]] = [[] for _ in range(channels)]

    def add(self, channel: int, power: NDArray[np.float32]) -> None:
        """Take frames of `Levels.power`, (frames, bands), of a channel counted from 1."""
        if len(power):
            held = self._held[channel - 1]
            held.append(power)
            if len(held) >= MOST_HELD:
                self._take_in(channel - 1)

    def _take_in(self, row: int) -> None:
        """What is held of a channel counted from 0: numpy takes as long over one frame as over several."""
        held, self._held[row] = self._held[row], []
        if held:
            power = np.concatenate(held)
            self._power_sum[row] += power.sum(axis=0, dtype=np.float64)
            np.maximum(self._power_max[row], power.max(axis=0), out=self._power_max[row])
            self._frames[row] += len(power)

    def take(self) -> tuple[bytes, bytes]:
        """`levels` and `peaks` of a Snapshot, and start afresh; empty until every channel has a frame."""
        for row in range(len(self._held)):
            self._take_in(row)
        if not self._frames.all():
            return b"", b""
        levels = _dbfs(self._power_sum / self._frames[:, None] * self._gains).tobytes()
        peaks = _dbfs(self._power_max * self._gains).tobytes()
        self._power_sum[:] = 0
        self._power_max[:] = 0
        self._frames[:] = 0
        return levels, peaks


def _dbfs(power: NDArray[np.floating]) -> NDArray[np.float32]:
    # a full-scale sine has the power 0.5
    level = db_from_powers(np.fmax(np.asarray(power, dtype=np.float64), 0.0) * 2)
    return level.astype(np.float32)


def make_event_row(event: Told, *, fs_hz: float = 0.0, is_digit: bool = False) -> EventRow:
    """How the dashboard is told: local time where it is known, the recording's where not.

    fs_hz: of the section's samples, for the length of a gap
    """
    t_s = event.t_s or 0.0
    time = _show(to_local(event.time)) if event.time else "" if event.t_s is None else _show_since_start(t_s)
    if not isinstance(event, Event):
        lost_s = event.lost_samples / fs_hz if isinstance(event, GapRecord) and fs_hz else 0.0
        kind, label, phase, duration_s = _describe(event, lost_s)
        return EventRow(
            id=0,
            phase=phase,
            type=kind,
            label=label,
            time=time,
            t_s=t_s,
            lost_s=lost_s,
            duration_ms=None if duration_s is None else duration_s * 1e3,
        )
    text = event.text or ""
    is_code = not text and len(event.steps or []) > 1 and all(step.label for step in event.steps or [])
    return EventRow(
        id=event.id,
        phase=event.phase,
        type=event.label if text else event.type,  # of what is read the words matter, and whose they are
        label=text or event.label,
        time=time,
        t_s=t_s,
        plan=event.plan or "",
        channel=event.channel,
        duration_ms=None if event.duration_s is None else event.duration_s * 1e3,
        level_dbfs=event.level_dbfs,
        snr_db=event.snr_db,
        confidence=event.confidence,
        freqs_hz=event.freqs_hz or [],
        text=event.label if is_code else text,
        is_digit=is_digit,
        is_code=is_code,
    )


def tells_gone_again(record: Record, source: str) -> bool:
    """Whether this error only says in other words that the source is gone, which its own record has said."""
    return isinstance(record, ErrorRecord) and bool(source) and record.message.startswith(f"{source} is gone")


def _describe(
    record: ErrorRecord | SourceRecord | SilenceRecord | ReloadRecord | GapRecord, lost_s: float
) -> tuple[str, str, str, float | None]:
    """Kind, words, phase and length of what is no event."""
    if isinstance(record, SourceRecord):
        name = record.source.removeprefix("mic:")  # a port alone would be no name: udp:7355
        return "error", f"{name} is gone", "begin" if record.state == "lost" else "end", record.lost_s
    return (*_put_in_words(record, lost_s), "", None)


def _put_in_words(
    record: ErrorRecord | SilenceRecord | ReloadRecord | GapRecord, lost_s: float
) -> tuple[str, str]:
    if isinstance(record, ErrorRecord):
        return "error", record.message
    if isinstance(record, ReloadRecord):
        return "error" if record.state == "refused" else "set", record.message
    if isinstance(record, SilenceRecord):
        lasted_s = record.duration_s
        return "silence", (
            "begins" if lasted_s is None else f"over after {format_duration(round(lasted_s, 1))}"
        )
    lost = format_loss(lost_s) if lost_s else f"{record.lost_samples:,} samples"
    return "gap", f"{lost} lost: {record.reason.replace('_', ' ')}"


def _show(time: datetime) -> str:
    return time.strftime("%H:%M:%S.%f")[:12]


def _show_since_start(t_s: float) -> str:
    return f"{format_clock(t_s)}.{int(t_s * 1e3 + 1e-6) % 1000:03}"
