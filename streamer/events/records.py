"""What detectors and the monitor report. Encoded, an event is one line of the schema streamer.event/1."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from streamer.base.reading import Reading
from streamer.base.text import encode_all, printable

SCHEMA = "streamer.event/1"


class Dated(msgspec.Struct, kw_only=True):
    """What every record has: where in the stream it belongs, in samples and seconds, and when that was.

    None is not known: there is no stream (yet), or no wall time, as of most recordings.
    """

    sample: int | None = None
    t_s: float | None = None
    time: str | None = None  # ISO 8601, UTC


class Step(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One part of a match: tones that sounded together, when, and for how long; a digit also which."""

    freqs_hz: list[float]
    t_s: float
    duration_s: float
    label: str | None = None


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Something that was heard.

    sample, t_s and duration_s are the thing's own start and length, measured to about a millisecond and not
    rounded to a hop. A begin event is sent at once; the end event has the final figures and the same id. A list of
    events is what pandas.DataFrame takes: a row each, with the columns of to_dict.

    >>> import streamer
    >>> event = streamer.Event(type="dtmf", phase="end", label="5", sample=1600, t_s=0.2, known_sample=2308)
    >>> event
    <Event dtmf end '5' at 0.2 s>
    >>> event.to_dict()["label"], event.to_dict()["time"]
    ('5', None)
    """

    type: str  # what kind of decision it is: tone, dtmf, match
    phase: str  # begin or end
    label: str
    sample: int
    t_s: float
    known_sample: int  # end of the frame that settled it: live and offline emit in the order of these
    id: int = 0  # the monitor numbers them, in stream order
    plan: str | None = None
    file: str | None = None
    duration_s: float | None = None
    time: str | None = None
    channel: int = 1
    channels: list[int] | None = None  # all that it was heard in, where several hold the same samples
    freqs_hz: list[float] | None = None
    level_dbfs: float | None = None  # of the sum of its tones' powers: 0 is one full-scale sine
    level_dbspl: float | None = (
        None  # the same as sound pressure level, of a calibrated source; never weighted
    )
    snr_db: float | None = None
    twist_db: float | None = None  # high group over low group
    confidence: float | None = None
    detail: dict[str, Any] | None = None
    steps: list[Step] | None = None  # what a match was made of
    clip: str | None = None  # a file's name, in the folder of -o clips:DIR, which has its audio or soon will
    clip_offset_s: float | None = None  # where in it the event begins
    text: str | None = (
        None  # what it carries: a SAME header; a letter of Morse, a space before it if a word begins
    )

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, None where there is nothing to say."""
        return msgspec.structs.asdict(self)

    def name_channels(self) -> str:
        """For people: those it was heard in; empty for the first alone."""
        return (
            ""
            if self.channels is None and self.channel == 1
            else name_channels(self.channels or [self.channel])
        )

    def __repr__(self) -> str:
        lasts = "" if self.duration_s is None else f" for {_format_seconds(self.duration_s)}"
        parts = [f"{self.type} {self.phase} {printable(self.label)!r} at {self.t_s:.6g} s{lasts}"]
        if self.freqs_hz:
            parts.append(f"{'+'.join(f'{hz:.6g}' for hz in self.freqs_hz)} Hz")
        if self.level_dbfs is not None:
            parts.append(f"{self.level_dbfs:.1f} dBFS")
        if self.level_dbspl is not None:
            parts.append(f"{self.level_dbspl:.1f} dB SPL")
        if self.snr_db is not None:
            parts.append(f"{self.snr_db:.0f} dB S/N")
        if where := self.name_channels():
            parts.append(where)
        if self.file is not None:
            parts.append(printable(self.file))
        return f"<Event {', '.join(parts)}>"


def name_channels(channels: Sequence[int]) -> str:
    return f"channel{'s' if len(channels) > 1 else ''} {', '.join(map(str, channels))}"


def _pass_for_dataclass(struct: type[msgspec.Struct]) -> None:
    """So pandas, polars, dataclasses.asdict and pprint read a struct as the dataclass that it is but for the name."""
    fields = [(name, Any) for name in struct.__struct_fields__]
    twin: Any = dataclasses.make_dataclass(struct.__name__, fields, repr=False)
    for name in ("__dataclass_fields__", "__dataclass_params__"):
        setattr(struct, name, getattr(twin, name))


_pass_for_dataclass(Event)


def _format_seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.4g} ms" if seconds < 1 else f"{seconds:.4g} s"


class Start(Dated, kw_only=True, tag="start", tag_field="type"):
    """The first line of a run: what is listened to, and how.

    Another one follows when a lost device came back with another rate or channel count: from there on samples, ids and
    the books of stats and end begin anew. One of the same run, at a later sample, follows when settings were read
    again: from there on this is listened to, and all goes on.
    """

    run: str
    version: str
    source: str
    fs: float
    channels: int
    window_length: int
    hop_length: int
    window: str
    bands_hz: list[float]
    bands_edges_hz: list[tuple[float, float] | None] = []  # of each of them; null for a probe, which has none
    band_windows: list[int] = []  # of each of them, in samples; window_length is the longest
    plans: list[str]
    unit: str = "dbfs"  # of levels as people are told them,
    weighting: str = "Z"  # and weighted so
    spl_at_0_dbfs_db: list[float] = []  # of each channel, if they are calibrated


class GapRecord(msgspec.Struct, kw_only=True, tag="gap", tag_field="type"):
    """Samples [sample, sample + lost_samples) were never analysed; time went on over them.

    Of reason `unheard` they were, but a detector that wanted a closer look could not have it. Of reason `damaged` they
    could not be read from the recording `file`.
    """

    sample: int
    t_s: float
    lost_samples: int
    reason: str
    time: str | None = None
    file: str | None = None


class OutputBooks(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What became of all the records that an output was given: queued + sent + lost, always.

    error: what went wrong last   away_s: since when its counterpart cannot be reached; None while it can
    """

    name: str
    queued: int
    sent: int
    lost: int
    error: str | None = None
    away_s: float | None = None


class Stats(Dated, kw_only=True, tag="stats", tag_field="type"):
    """captured = analysed + dropped + pending, in samples, always; unheard is a part of analysed.

    input_dbfs, peak_dbfs: of each channel since the stats before; a sine reads its own level. clipped: samples as large
    as the largest that 16 bits can hold, of all channels, so far. outputs: those of -o
    """

    captured: int
    analysed: int
    dropped: int
    pending: int
    latency_ms_p50: float | None = None
    latency_ms_p99: float | None = None
    realtime_factor: float | None = None
    nonfinite: int = 0
    unheard: int = 0
    rejections: dict[str, int] = {}
    input_dbfs: list[float] = []
    peak_dbfs: list[float] = []
    clipped: int = 0
    outputs: list[OutputBooks] = []


class SilenceRecord(Dated, kw_only=True, tag="silence", tag_field="type"):
    """All channels are silent: told once that has lasted (begin), and when it is over (end, with its length).

    sample, t_s: where the silence itself starts, also in its end
    """

    phase: str
    duration_s: float | None = None


class SourceRecord(Dated, kw_only=True, tag="source", tag_field="type"):
    """A live source is lost, or back. What was lost meanwhile is a gap of its own, right to a block."""

    state: str  # lost, back
    source: str  # its name; it may come back under another
    lost_s: float | None = None  # when it is back: for how long it was gone


class WorkerRecord(Dated, kw_only=True, tag="worker", tag_field="type"):
    """A worker process was replaced; its work was done again by another."""

    reason: str
    restarts: int


class MarkRecord(Dated, kw_only=True, tag="mark", tag_field="type"):
    """Somebody who watches has marked this moment."""


class ReloadRecord(Dated, kw_only=True, tag="reload", tag_field="type"):
    """Settings and plans were read again.

    state: done (in force from this sample on), same (nothing has changed), refused (what was in force stays; the
    message says why)
    """

    state: str
    message: str


class ClockRecord(msgspec.Struct, kw_only=True, tag="clock", tag_field="type"):
    """The wall clock was set, at about this sample: `time` goes by it from here on, also that of earlier samples."""

    sample: int
    t_s: float
    step_s: float  # forward, or back if negative
    time: str | None


class ErrorRecord(Dated, kw_only=True, tag="error", tag_field="type"):
    message: str
    file: str | None = None


class End(Dated, kw_only=True, tag="end", tag_field="type"):
    """The last line of a run. reason: eof, duration, quit, interrupted, terminated, stdout_closed, error"""

    reason: str
    events: int
    captured: int
    analysed: int
    dropped: int
    pending: int = 0
    unheard: int = 0


class FamilyRecord(Dated, kw_only=True, tag="family", tag_field="type"):
    """A known family of tones that `identify` has found: the plan that hears it, what it heard, and figures.

    alike: plans that heard the same, the likeliest first, and what they say of it   steps: what sounded, once each, as
    it was measured: mean frequencies and length, when it came first, and of a digit which   off_percent,
    time_off_percent: how far frequencies and times are off where the plan has them, on average   level_dbfs, snr_db,
    confidence: means
    """

    plan: str
    heard: str  # digits and letters joined, what came again counted
    labels: dict[str, int]
    events: int
    alike: dict[str, str]
    steps: list[Step]
    duration_s: float
    channels: list[int]
    level_dbfs: float | None = None
    level_dbspl: float | None = None
    snr_db: float | None = None
    off_percent: float | None = None
    time_off_percent: float | None = None
    confidence: float
    file: str | None = None


class UnknownRecord(Dated, kw_only=True, tag="unknown", tag_field="type"):
    """Tones that `identify` has found and no plan knows, and the entry of a plan that would hear them.

    steps: its parts, once   times: how often they came
    """

    label: str
    kind: str  # tone, cadence, sequence, code, keying
    steps: list[Step]
    times: int
    toml: str
    duration_s: float
    channel: int
    level_dbfs: float
    level_dbspl: float | None = None
    snr_db: float
    confidence: float


class SummaryRecord(Dated, kw_only=True, tag="summary", tag_field="type"):
    """What else there is, of the loudest channel: which share of the seconds is what, and the levels of the quietest
    and the loudest second."""

    shares: dict[str, float]
    quietest_dbfs: float | None = None
    loudest_dbfs: float | None = None


Record = (
    Event
    | Start
    | GapRecord
    | SilenceRecord
    | SourceRecord
    | ClockRecord
    | WorkerRecord
    | ReloadRecord
    | MarkRecord
    | Stats
    | ErrorRecord
    | FamilyRecord
    | UnknownRecord
    | SummaryRecord
    | End
)

_encode = msgspec.json.Encoder().encode


def add_reading(start: Start, reading: Reading) -> None:
    """How levels are read."""
    start.unit, start.weighting = reading.unit, reading.weighting
    start.spl_at_0_dbfs_db = [each.spl_at_0_dbfs_db for each in reading.sensitivities]


def encode_line(record: Record) -> bytes:
    """One line of NDJSON, without its line end; the schema comes first."""
    encoded = make_printable(encode_all(_encode, record))
    line = b'{"schema":"' + SCHEMA.encode() + b'",' + encoded[1:]
    if isinstance(record, Event) and record.time is None:
        line = line[:-1] + b',"time":null}'  # said even so: there is no wall time
    return line


def make_printable(encoded: bytes) -> bytes:
    """JSON without a character that a terminal would take for a command."""
    text = encoded.decode()
    if text.isprintable():
        return encoded
    return "".join(c if c.isprintable() else _escape(c) for c in text).encode()


_CLASSES: dict[str, type[Any]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(Record) if kind is not Event
}


def decode_line(line: bytes) -> Record:
    """The record of a line, of this version or another of the schema. ValueError for what is none."""
    kind = msgspec.json.decode(line, type=_Kind)
    if kind.schema != SCHEMA:
        raise ValueError(f"its schema is {kind.schema!r}, not {SCHEMA}")
    record: Record = msgspec.json.decode(line, type=_CLASSES.get(kind.type, Event))
    return record


class _Kind(msgspec.Struct):
    type: str
    schema: str


def _escape(character: str) -> str:
    """As JSON writes it in ASCII: a terminal that shows the line must not take it for a command."""
    return json.dumps(character)[1:-1]


def make_schema(event_types: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of a line: one of the records, each with `schema` first.

    event_types: what an event's type may be
    """
    kinds = get_args(Record)
    references, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for kind in kinds:  # what stands inside of one, such as a step, is no line of its own
        definition = definitions[kind.__name__]
        definition["properties"] = {"schema": {"const": SCHEMA}, **definition["properties"]}
        definition["required"] = ["schema", *definition["required"]]
    events = definitions["Event"]["properties"]["type"]
    events["enum"] = list(event_types)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "oneOf": list(references),
        "$defs": definitions,
    }
