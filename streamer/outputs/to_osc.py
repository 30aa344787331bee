"""Band levels and events as Open Sound Control, by UDP, for lights, synthesizers and installations.

    /streamer/bands  channel-count  unit  hertz...      at the beginning, at a reload, and every 5 s
    /streamer/levels  channel  level...                 in that unit, the mean power since the message before
    /streamer/begin  type label channel level hertz...  an event: what sounds, and its level in dBFS
    /streamer/end  type label channel level seconds hertz...    the same when it is over, and how long it lasted

Nobody answers to UDP: what is sent counts as sent. That a machine refuses it is told once, until it has not done so
for 10 s.
"""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SpecError
from streamer.base.units import db_from_powers
from streamer.events import Event, OutputBooks, Record
from streamer.outputs import Keeping
from streamer.outputs.counterpart import check_extra, shorten_reason
from streamer.outputs.levels import LevelFrames, LevelOutput, LevelScene
from streamer.outputs.output import Audio
from streamer.outputs.target import Target, Wanted, is_this_machine, read_time_s, read_yes

WANTS_LEVELS = True
PORT = 9000
KEYS = (*Wanted.KEYS, "every", "levels", "prefix")
BANDS_EVERY_S = 5.0  # of the stream: whoever comes later is told too
FORGIVEN_S = 10.0  # without a refusal
MAX_DATAGRAM = 65_507  # bytes, of UDP over IPv4
NO_LEVEL_DB = -200.0  # of digital zero: receivers stumble over an infinity


@dataclass(frozen=True, slots=True, kw_only=True)
class OscSpec:
    """every_s: from one message of levels to the next; 0: each frame"""

    host: str
    port: int
    wanted: Wanted
    every_s: float = 0.05
    has_levels: bool = True
    prefix: str = "/streamer"


def read_spec(target: Target) -> OscSpec:
    url = target.split_url(port=PORT)
    if url.path or url.user:
        raise SpecError(f"{target.label} has more than a host and a port; write osc://HOST[:{PORT}]")
    spec = OscSpec(
        host=url.host,
        port=url.port,
        wanted=Wanted.read(target, only_events=True),
        every_s=target.read("every", lambda text: read_time_s(text, name="every", least_s=0.0), 0.05),
        has_levels=target.read("levels", lambda text: read_yes(text, name="levels"), True),
        prefix=target.read("prefix", _read_prefix, "/streamer"),
    )
    target.refuse_rest(KEYS)
    return spec


def _read_prefix(text: str) -> str:
    if (
        not text.startswith("/")
        or text.endswith("/")
        or not text.isprintable()
        or set(text) & set(" #*,?[]{}")
    ):
        raise SpecError(f"prefix is {text!r}; write an OSC address such as /hall/north")
    return text


def check_output(target: Target) -> None:
    read_spec(target)
    check_extra(target, module="pythonosc", extra="osc")


def reaches_out(target: Target) -> bool:
    return not is_this_machine(target.split_url(port=PORT).host)


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> OscOutput:
    return OscOutput(read_spec(target), name=target.name)


class OscOutput(LevelOutput):
    """A datagram for each message."""

    held_s = 0.0  # lights follow at once

    def __init__(self, spec: OscSpec, *, name: str) -> None:
        self._spec = spec
        self._socket: socket.socket | None = None
        self._reason, self._refused_s = "", -np.inf  # why a datagram was not taken, and when last
        self._scene: LevelScene | None = None
        self._offsets_db: NDArray[np.float64] = np.zeros((1, 1))
        self._power: NDArray[np.float64] = np.zeros((1, 1))  # summed since the last message
        self._n_frames = 0
        self._sent_s = self._bands_sent_s = -np.inf  # of the stream
        self._refusals: queue.SimpleQueue[str] = queue.SimpleQueue()
        super().__init__(name=name)

    # --- the main thread's side

    def wants(self, record: Record) -> bool:
        return isinstance(record, Event) and self._spec.wanted.takes(record)

    def take_news(self) -> list[str]:
        return super().take_news() + [self._refusals.get() for _ in range(self._refusals.qsize())]

    @property
    def books(self) -> OutputBooks:
        books = super().books
        return msgspec.structs.replace(
            books, error=books.error or (self._reason if self.is_refused else None)
        )

    @property
    def is_refused(self) -> bool:
        return time.monotonic() - self._refused_s < FORGIVEN_S

    def close(self) -> None:
        if self._socket is not None and not self._thread.is_alive():
            self._socket.close()

    # --- the thread's side

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, Event):
                label = record.text or record.label
                level_dbfs = NO_LEVEL_DB if record.level_dbfs is None else float(record.level_dbfs)
                lasted_s = [] if record.duration_s is None else [float(record.duration_s)]
                freqs_hz = map(float, record.freqs_hz or ())
                what: list[int | float | str] = [
                    record.type,
                    label,
                    record.channel,
                    level_dbfs,
                    *lasted_s,
                    *freqs_hz,
                ]
                self._send(record.phase, what)

    def write_scene(self, scene: LevelScene) -> None:
        self._scene = scene
        freqs_hz = scene.analysis.bank.freqs_hz
        channels = range(1, scene.channels + 1)
        self._offsets_db = np.array([scene.reading.offsets_db(freqs_hz, channel) for channel in channels])
        self._power, self._n_frames = np.zeros((scene.channels, len(freqs_hz))), 0
        self._sent_s = self._bands_sent_s = -np.inf

    def write_levels(self, frames: Sequence[LevelFrames]) -> None:
        if not self._spec.has_levels:
            return
        for run in frames:
            power = run.power
            for frame, at_s in enumerate(run.times_s):
                self._power += power[:, frame]
                self._n_frames += 1
                if at_s - self._sent_s >= self._spec.every_s:
                    self._sent_s = at_s
                    self._send_levels(at_s)

    def _send_levels(self, at_s: float) -> None:
        assert self._scene is not None
        if at_s - self._bands_sent_s >= BANDS_EVERY_S:
            self._bands_sent_s = at_s
            freqs_hz = self._scene.analysis.bank.freqs_hz.tolist()
            self._send("bands", [self._scene.channels, self._scene.reading.label, *freqs_hz])
        levels_db = db_from_powers(2 * self._power / self._n_frames) + self._offsets_db
        for channel, levels in enumerate(np.maximum(levels_db, NO_LEVEL_DB).tolist(), start=1):
            self._send("levels", [channel, *levels])
        self._power[:], self._n_frames = 0.0, 0

    def _send(self, word: str, values: Sequence[int | float | str]) -> None:
        from pythonosc.osc_message_builder import OscMessageBuilder

        message = OscMessageBuilder(f"{self._spec.prefix}/{word}")
        for value in values:
            message.add_arg(value, {int: "i", float: "f", str: "s"}[type(value)])
        datagram = message.build().dgram
        try:
            if len(datagram) > MAX_DATAGRAM:
                raise OSError(f"{len(values)} values do not fit into a datagram; ask for fewer bands")
            if self._socket is None:
                self._socket = self._connect()
            self._socket.send(datagram)
        except OSError as error:  # every other one goes out, as it is the next that brings the refusal
            if not self.is_refused:
                self._refusals.put(
                    f"{self.name} is not there: {shorten_reason(error)}; what is sent to it is lost"
                )
            self._reason, self._refused_s = shorten_reason(error), time.monotonic()

    def _connect(self) -> socket.socket:
        family, kind, _, _, place = socket.getaddrinfo(
            self._spec.host, self._spec.port, type=socket.SOCK_DGRAM
        )[0]
        found = socket.socket(family, kind)
        found.connect(place)  # so that a refusal comes back
        return found
