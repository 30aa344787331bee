"""Events and band levels into a time series database, as the line protocol of InfluxDB by HTTP.

    streamer_event,host=lab,source=mic,type=dtmf,plan=dtmf,label=5,channel=1,phase=end level_dbfs=-7.0,... 1732...
    streamer_level,host=lab,source=mic,channel=1,band=1k,unit=dBFS leq=-51.2,lmax=-48.0,hz=1000.0 1732...

A point that is sent again, as nobody said that it had come, has the same time and tags, and is stored once. Points go
together, as many as wait; where some are refused one by one, so that only those are lost that it is for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.averages import make_time_weighting, name_figure, read_time_weighting
from streamer.base.errors import SpecError
from streamer.base.text import printable
from streamer.base.units import db_from_powers, powers_from_db
from streamer.events import End, Event, Record, Start
from streamer.outputs import Keeping, posts
from streamer.outputs.counterpart import Counterpart, RefusedError
from streamer.outputs.letters import Letter
from streamer.outputs.level_lines import Line, Lines
from streamer.outputs.levels import LevelFrames, LevelOutput, LevelRun, LevelScene
from streamer.outputs.output import Audio
from streamer.outputs.posts import Address, Poster, reaches_out_to, read_address
from streamer.outputs.target import Target, Wanted, find_type, read_time_s, read_yes

WANTS_LEVELS = True
KEYS = (*Wanted.KEYS, "host", "every", "levels", "time_weighting", *posts.KEYS)
EXAMPLE = "influx:http://HOST:8086/write?db=NAME, or .../api/v2/write?org=ORG&bucket=NAME"
AT_ONCE = 500  # letters, of a second each or an event
NO_LEVEL_DB = -200.0  # of digital zero
FIELDS = ("level_dbfs", "level_dbspl", "snr_db", "twist_db", "duration_s", "confidence", "text", "clip", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxSpec:
    """every_s: from one point of levels to the next   time_weighting: F or S, of the highest, or none"""

    address: Address
    wanted: Wanted
    host: str = ""
    every_s: int = 1
    time_weighting: str = ""
    has_levels: bool = True


def read_spec(target: Target) -> InfluxSpec:
    spec = InfluxSpec(
        address=read_address(target, target.address, example=EXAMPLE, token="Token"),
        wanted=Wanted.read(target, only_events=True, phase="end"),
        host=target.read("host", str, ""),
        every_s=target.read("every", _read_every_s, 1),
        time_weighting=target.read("time_weighting", read_time_weighting, ""),
        has_levels=target.read("levels", lambda text: read_yes(text, name="levels"), True),
    )
    target.refuse_rest(KEYS)
    return spec


def _read_every_s(text: str) -> int:
    every_s = read_time_s(text, name="every", least_s=1.0)
    if every_s != round(every_s):
        raise SpecError(f"every is {every_s!r} s; write whole seconds, such as 10s")
    return round(every_s)


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    return reaches_out_to(target.address)


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> InfluxOutput:
    return InfluxOutput(read_spec(target), name=target.name)


class InfluxOutput(Counterpart, LevelOutput):
    """A letter for each event, and for each run of levels in which points are over."""

    look_every_s = None  # who is not there is noticed by the next point

    def __init__(self, spec: InfluxSpec, *, name: str) -> None:
        self._spec, self._poster = spec, Poster(spec.address)
        self._at_once = AT_ONCE
        self._lines = Lines(spec.every_s)
        self._scene: LevelScene | None = None
        self._offsets_db: NDArray[np.float64] = np.zeros((1, 1))
        self._start: Start | None = None  # which comes before all that is of its run
        self._begun_s = time.time()  # of a run whose samples have no wall time
        self._points: list[bytes] = []  # of the item that is looked at
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    # --- what is said

    def wants(self, record: Record) -> bool:
        return isinstance(record, End) or super().wants(record)

    def make_letter(self, record: Record | LevelScene | LevelRun) -> Letter | None:
        self._points = []
        if isinstance(record, LevelScene):
            self.write_scene(record)
        elif isinstance(record, LevelRun):
            self._taken_bytes += record.size_bytes
            self.write_levels(record.frames)
        elif isinstance(record, End):
            self._write_lines(self._lines.finish())  # of less than the others, and yet how it ended
        elif isinstance(record, Start):
            self._start, self._begun_s = record, time.time()
        elif isinstance(record, Event) and self._wanted.takes(record):
            self._points.append(self._write_event(record))
        of = record if isinstance(record, Event) else self._start
        if not self._points or of is None:
            return None
        return Letter(key="", type=find_type(of), record=of, body=b"\n".join(self._points))

    def _write_event(self, event: Event) -> bytes:
        tags = {
            "host": self._letters.host,
            "source": "" if self._start is None else self._start.source,
            **{key: getattr(event, key) for key in ("file", "type", "plan", "label", "channel", "phase")},
        }
        fields = {key: getattr(event, key) for key in FIELDS}
        fields["freqs_hz"] = "+".join(f"{hz:g}" for hz in event.freqs_hz or ()) or None
        at_s = (
            self._begun_s + event.t_s
            if event.time is None
            else datetime.fromisoformat(event.time).timestamp()
        )
        return write_point("streamer_event", tags, fields, at_s=at_s)

    def write_scene(self, scene: LevelScene) -> None:
        """What is under way is of other bands, and is told: of a time that both are of, a band keeps the later."""
        self._write_lines(self._lines.finish())
        analysis = scene.analysis
        weighting = make_time_weighting(self._spec.time_weighting, analysis.frames, analysis.fs_hz)
        self._scene, self._lines = scene, Lines(self._spec.every_s, weighting=weighting)
        freqs_hz, channels = analysis.bank.freqs_hz, range(1, scene.channels + 1)
        self._offsets_db = np.array([scene.reading.offsets_db(freqs_hz, channel) for channel in channels])

    def write_levels(self, frames: Sequence[LevelFrames]) -> None:
        if not self._spec.has_levels:
            return
        self._write_lines(self._lines.take(frames))

    def _write_lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._points += self._write_line(line)

    def _write_line(self, line: Line) -> Iterator[bytes]:
        assert self._scene is not None
        scene, bank = self._scene, self._scene.analysis.bank
        leq_db = db_from_powers(2 * line.sums / line.frames) + self._offsets_db
        lmax_db = db_from_powers(2 * line.largest) + self._offsets_db
        name = name_figure("lmax", self._spec.time_weighting)
        about = {"host": self._letters.host, "source": scene.source, "unit": scene.reading.label}
        for channel in range(scene.channels):
            tags = {**about, "channel": channel + 1}
            of_bands = zip(
                bank.labels, bank.freqs_hz.tolist(), leq_db[channel], lmax_db[channel], strict=True
            )
            for label, hz, leq, lmax in of_bands:
                levels = {"leq": _round(leq), name: _round(lmax)}
                yield write_point(
                    "streamer_level", {**tags, "band": label}, {**levels, "hz": hz}, at_s=line.start_s
                )
            if bank.is_whole:
                total_db = db_from_powers(powers_from_db(leq_db[channel]).sum())
                yield write_point(
                    "streamer_level", {**tags, "band": "total"}, {"leq": _round(total_db)}, at_s=line.start_s
                )

    # --- how it gets there

    def connect(self) -> None:
        pass

    def deliver(self, letters: deque[Letter]) -> None:
        """As many as wait; one by one once some were refused, until one is taken."""
        some = list(islice(letters, self._at_once))
        try:
            self._poster.post(
                b"\n".join(letter.body for letter in some),
                {"Content-Type": "text/plain; charset=utf-8"},
                ending=self._ending,
            )
        except RefusedError:
            if len(some) == 1:
                raise
            self._at_once = 1
            self.deliver(letters)
            return
        for _ in some:
            letters.popleft()
        self._at_once = AT_ONCE

    def let_go(self) -> None:
        self._poster.drop()


def _round(level_db: Any) -> float:
    return round(max(NO_LEVEL_DB, float(level_db)), 2)


def write_point(
    measurement: str, tags: Mapping[str, Any], fields: Mapping[str, Any], *, at_s: float
) -> bytes:
    """One line. What is None or empty is left out, as the protocol has no word for it; times are to a microsecond."""
    told = [
        measurement,
        *(f"{key}={_escape(str(value))}" for key, value in tags.items() if value not in (None, "")),
    ]
    said = ",".join(f"{key}={_write_value(value)}" for key, value in fields.items() if value is not None)
    return f"{','.join(told)} {said} {round(at_s * 1e6)}000".encode()


def _escape(text: str) -> str:
    """Of a tag. A backslash at its end would be taken for one before what follows, so there are none."""
    text = printable(text).replace("\\", "/")
    return "".join(f"\\{sign}" if sign in ",= " else sign for sign in text)


def _write_value(value: float | str) -> str:
    if isinstance(value, str):
        return '"' + printable(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{value}i" if isinstance(value, int) else repr(float(value))
