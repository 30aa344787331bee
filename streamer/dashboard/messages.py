"""What the dashboard is given, and what it answers.

The monitor sends a Scene, then Snapshots at the screen's pace, then a Goodbye. Every message is one msgpack
object on a multiprocessing Connection: nothing is pickled. Levels are dBFS throughout, with what a
Reading adds to one band or channel and not to others; the dashboard adds `Scene.offset_db` to show another unit.
"""

from __future__ import annotations

import msgspec

from streamer.base.text import encode_all


class Scene(msgspec.Struct, kw_only=True, frozen=True, tag="scene"):
    """What stays the same from one snapshot to the next. Sent first, and again when something changes."""

    version: str
    source: str
    mode: str  # LIVE, FILE, DEMO
    fs_hz: float
    channels: int
    bands: str  # the specification, as given
    band_labels: list[str]
    band_freqs_hz: list[float]
    band_scale: str  # linear, log or notes
    window_length: int  # of the longest window
    hop_length: int
    window: str
    enbw_hz: float | None  # None for bands, which are as wide as they are
    shortest_window: int | None = None  # where bands have windows of their own
    seen_share: float = 1.0  # of the range of frequencies; less where probes leave gaps
    plans: list[str] = []
    output: str = ""  # where events go
    history: str = ""  # folder that keeps levels on disk, if there is one
    length_s: float | None = None  # of a recording, where it is known
    speed: float | None = 1.0  # times real time; None: as fast as it goes
    is_held: bool = False  # what has ended stays until a key
    goes_on: bool = False  # time does, after the scene before; else it counts from 0
    unit: str = "dBFS"  # as it is shown,
    meter_unit: str = "dBFS"  # and of all the input, which is not weighted
    offset_db: float = 0.0  # added to dBFS, it gives both
    a4_hz: float = 440.0  # that notes are told by
    floor_dbfs: float = -90.0
    ceiling_dbfs: float = 0.0
    fps: float = 15.0

    def name_band(self, band: int) -> str:
        """As it is read out: 1.25k Hz, A4."""
        name = self.band_labels[band]
        return f"{name} Hz" if name.replace(".", "", 1).replace("k", "", 1).isdigit() else name


class EventRow(msgspec.Struct, kw_only=True, frozen=True):
    """One thing that was told. The end of an event replaces its begin: they share an id.

    An error with a phase is a source that is away, from its last sample until it is back.
    """

    id: int
    phase: str  # begin, end, or "" for what has no length
    type: str
    label: str
    time: str  # as shown
    t_s: float = 0.0
    plan: str = ""
    channel: int = 1
    duration_ms: float | None = None
    level_dbfs: float | None = None
    snr_db: float | None = None
    confidence: float | None = None
    freqs_hz: list[float] = []  # as measured
    lost_s: float = 0.0  # of a gap
    text: str = ""  # what it adds to the tape
    is_digit: bool = False  # whether its label belongs to what was dialled
    is_code: bool = False  # whether its text is a whole of digits, and not letters that go on

    @property
    def is_part(self) -> bool:
        """Whether it is one of those that make a row together: digits dialled, letters."""
        return self.is_digit or bool(self.text and not self.is_code)

    @property
    def name(self) -> str:
        """Its label, and before a number that stands alone whose it is: ctcss 103.5."""
        is_bare = self.type == "match" and bool(self.plan) and not any(map(str.isalpha, self.label))
        return f"{self.plan} {self.label}" if is_bare else self.label

    @property
    def is_away(self) -> bool:
        return self.type == "error" and bool(self.phase)


class LineRow(msgspec.Struct, kw_only=True, frozen=True):
    """A steady line of the newest second, wherever it lies."""

    freq_hz: float
    level_dbfs: float
    snr_db: float


class OutputRow(msgspec.Struct, kw_only=True, frozen=True):
    """What became of the records that an output was given. away_s: since when its counterpart is; None: it is there"""

    name: str
    queued: int = 0
    sent: int = 0
    lost: int = 0
    error: str | None = None
    away_s: float | None = None

    @property
    def is_well(self) -> bool:
        return self.away_s is None and not self.lost

    @property
    def kind(self) -> str:
        """In one word, where there is room for no more."""
        scheme, colon, _ = self.name.partition(":")
        return scheme if colon else "file"


class Snapshot(msgspec.Struct, kw_only=True, frozen=True, tag="snapshot"):
    """The state of a run at stream time t_s.

    levels, peaks: (channels, bands) float32 dBFS in native byte order, the mean power and the maximum of the
    frames since the last snapshot; empty when there was no new frame. What is not known is None.
    state: starting, running, silent (all samples are 0), waiting (the source is away) or ended, for state_s now
    """

    t_s: float
    unix_s: float | None = None
    state: str = "running"
    state_s: float = 0.0
    lost_ago_s: float | None = None  # since samples were lost last
    clipped_ago_s: float | None = None
    levels: bytes = b""
    peaks: bytes = b""
    input_rms_dbfs: list[float] = []  # one per channel
    input_peak_dbfs: list[float] = []
    realtime_factor: float | None = None  # how many times real time the workers could do
    lag_s: float | None = None  # how far the analysis is behind the source
    latency_ms_p50: float | None = None
    latency_ms_p99: float | None = None
    ring_fill: float | None = None  # 0 to 1
    workers_ready: int = 0
    workers_total: int = 0
    captured_samples: int = 0
    analysed_samples: int = 0
    dropped_samples: int = 0
    outputs: list[OutputRow] = []
    lines: list[LineRow] | None = None  # of the channel that was asked for, strongest first; None: as before
    events: list[EventRow] = []  # new since the last snapshot, oldest first


class Goodbye(msgspec.Struct, kw_only=True, frozen=True, tag="goodbye"):
    """The run is over: put the terminal back and end."""

    reason: str = ""


class Taken(msgspec.Struct, frozen=True, tag="taken"):
    """The dashboard has taken one snapshot off the wire and may be sent another."""


class Quit(msgspec.Struct, frozen=True, tag="quit"):
    """Somebody pressed q, or any key once all is over."""


class Mark(msgspec.Struct, kw_only=True, frozen=True, tag="mark"):
    """Somebody pressed m, when this moment of the stream was shown."""

    t_s: float


class Reload(msgspec.Struct, frozen=True, tag="reload"):
    """Somebody pressed R: settings and plans are to be read again."""


class Watch(msgspec.Struct, kw_only=True, frozen=True, tag="watch"):
    """The lines of this channel, from 1, are shown now; None: of none."""

    channel: int | None


class TerminalGone(msgspec.Struct, kw_only=True, frozen=True, tag="terminal-gone"):
    """There is no terminal (any more); the dashboard has ended, the run need not."""

    reason: str = ""


Message = Scene | Snapshot | Goodbye
Answer = Taken | Quit | Reload | Mark | Watch | TerminalGone

_encode = msgspec.msgpack.Encoder().encode
_message_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def encode(message: Message | Answer) -> bytes:
    return encode_all(_encode, message)


def decode_message(message: bytes) -> Message:
    return _message_decoder.decode(message)


def decode_answer(message: bytes) -> Answer:
    return _answer_decoder.decode(message)
