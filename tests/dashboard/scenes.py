"""Scenes for tests and pictures: what a run sends to the dashboard, made up, with exact levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from streamer.dashboard.messages import EventRow, Scene, Snapshot
from streamer.dashboard.state import State

START_UNIX_S = 1795461000.0  # some afternoon
DTMF = [697, 770, 852, 941, 1209, 1336, 1477, 1633]
KEYS = {
    key: (DTMF[i], DTMF[4 + j])
    for i, row in enumerate(("123A", "456B", "789C", "*0#D"))
    for j, key in enumerate(row)
}
THIRDS = [
    "50",
    "63",
    "80",
    "100",
    "125",
    "160",
    "200",
    "250",
    "315",
    "400",
    "500",
    "630",
    "800",
    "1k",
    "1.25k",
    "1.6k",
]
THIRDS += ["2k", "2.5k", "3.15k", "4k", "5k", "6.3k", "8k"]
NOISE_DBFS = -80.0


def make_scene(labels: Iterable[str], freqs_hz: Iterable[float], **changes: object) -> Scene:
    labels, freqs = list(labels), [float(f) for f in freqs_hz]
    fields: dict[str, object] = {
        "version": "0.2.0",
        "source": "mic:USB Audio",
        "mode": "LIVE",
        "fs_hz": 48000.0,
        "channels": 1,
        "bands": "dtmf",
        "band_labels": labels,
        "band_freqs_hz": freqs,
        "band_scale": "log",
        "window_length": 4080,
        "hop_length": 1020,
        "window": "hann",
        "enbw_hz": 17.6,
        "plans": ["dtmf", "call-progress-us"],
    }
    return Scene(**{**fields, **changes})


def dtmf_scene(**changes: object) -> Scene:
    return make_scene(map(str, DTMF), DTMF, **changes)


def thirds_scene(**changes: object) -> Scene:
    more = {"source": "mic:UMIK", "bands": "third-octave:50-8k", "enbw_hz": None, **changes}
    return make_scene(THIRDS, [1000 * 10 ** ((i - 13) / 10) for i in range(23)], **more)


def linear_scene(bands: int = 391, **changes: object) -> Scene:
    freqs = 100 + np.arange(bands) * (3900 / max(1, bands - 1))
    labels = [f"{f:.5g}" for f in freqs]
    return make_scene(labels, freqs, **{"bands": "lin:100-4000:10", "band_scale": "linear", **changes})


class Play:
    """A run at 15 snapshots a second: tones sound, events are told, samples are lost, as the script says."""

    def __init__(self, scene: Scene, *, fps: float = 15.0, has_clock: bool = True) -> None:
        self.scene, self.fps, self.has_clock = scene, fps, has_clock
        self.state = State.open(scene)
        self.t_s = 0.0
        self.now_s = 0.0
        self.rng = np.random.default_rng(7)
        self.events: list[EventRow] = []
        self.id = 0
        self.lost_s = 0.0
        self.lost_at_s: float | None = None
        self.freqs = np.array(scene.band_freqs_hz)
        self.width_hz = np.gradient(self.freqs) if len(self.freqs) > 1 else np.array([100.0])

    def tell_time(self, t_s: float) -> str:
        from streamer.dashboard.figures import format_clock, format_time_of_day

        ms = f".{int(t_s * 1e3 + 1e-6) % 1000:03}"
        return (format_time_of_day(START_UNIX_S + t_s) if self.has_clock else format_clock(t_s)) + ms

    def levels(self, tones: dict[float, float]) -> np.ndarray:
        """(bands,) dBFS: noise, and each tone in the band nearest to it and, weaker, its neighbours.

        Bands that leave gaps do not hear what sounds in them.
        """
        reach_hz = np.maximum(self.scene.enbw_hz or np.inf, 0.015 * self.freqs)
        power = 10 ** ((NOISE_DBFS + 1.5 * self.rng.standard_normal(len(self.freqs))) / 10)
        for hz, dbfs in tones.items():
            away_hz = np.abs(self.freqs - hz)
            nearest = int(away_hz.argmin())
            if away_hz[nearest] > reach_hz[nearest]:
                continue
            near = slice(max(0, nearest - 1), nearest + 2)
            away_db = 12 + 30 * away_hz[near] / np.maximum(self.width_hz[near], 1e-9)
            away_db[nearest - near.start] = 0.0
            power[near] += 10 ** ((dbfs - away_db) / 10)
        return 10 * np.log10(power)

    def snap(self, level_dbfs: np.ndarray | None, **changes: object) -> Snapshot:
        level = (
            b""
            if level_dbfs is None
            else np.tile(level_dbfs, (self.scene.channels, 1)).astype(np.float32).tobytes()
        )
        fields: dict[str, object] = {
            "t_s": self.t_s,
            "unix_s": START_UNIX_S + self.t_s if self.has_clock else None,
            "levels": level,
            "peaks": level,
            "input_rms_dbfs": [-21.3] * self.scene.channels,
            "input_peak_dbfs": [-9.0] * self.scene.channels,
            "realtime_factor": 24.1,
            "lag_s": 0.02,
            "latency_ms_p50": 0.7,
            "latency_ms_p99": 4.5,
            "ring_fill": 0.01,
            "workers_ready": 2,
            "workers_total": 2,
            "captured_samples": int(self.t_s * self.scene.fs_hz),
            "analysed_samples": int((self.t_s - self.lost_s) * self.scene.fs_hz),
            "dropped_samples": int(self.lost_s * self.scene.fs_hz),
            "lost_ago_s": None if self.lost_at_s is None else self.now_s - self.lost_at_s,
            "events": self.events,
        }
        self.events = []
        return Snapshot(**{**fields, **changes})

    def run(self, lasts_s: float, tones: dict[float, float] | None = None) -> Play:
        for _ in range(round(lasts_s * self.fps)):
            self.t_s += 1 / self.fps
            self.now_s += 1 / self.fps
            self.state.add(self.snap(self.levels(tones or {})), self.now_s)
        self.state.tick += 1
        return self

    def begin(self, label: str, kind: str = "tone", **figures: object) -> EventRow:
        self.id += 1
        row = EventRow(
            id=self.id,
            phase="begin",
            type=kind,
            label=label,
            time=self.tell_time(self.t_s),
            t_s=self.t_s,
            **{
                "plan": kind,
                "level_dbfs": -21.1,
                "snr_db": 35.0,
                "confidence": 0.98,
                "is_digit": kind == "dtmf",
                **figures,
            },
        )
        self.events.append(row)
        return row

    def end(self, row: EventRow) -> None:
        import msgspec

        self.events.append(msgspec.structs.replace(row, phase="end", duration_ms=(self.t_s - row.t_s) * 1e3))

    def sound(
        self, label: str, lasts_s: float, tones: dict[float, float], kind: str = "tone", **figures: object
    ) -> Play:
        row = self.begin(label, kind, **{"freqs_hz": [*tones], **figures})
        self.run(lasts_s, tones)
        self.end(row)
        return self

    def dial(self, digits: str, on_s: float = 0.2, off_s: float = 0.2) -> Play:
        for digit in digits:
            low, high = KEYS[digit]
            self.sound(
                digit, on_s, {low: -13.0, high: -13.0}, "dtmf", level_dbfs=-10.0, snr_db=71.0, confidence=1.0
            )
            self.run(off_s)
        return self

    def lose(self, lost_s: float, why: str = "device away") -> Play:
        label = f"{lost_s:.1f} s lost: {why}"
        self.events.append(
            EventRow(
                id=0,
                phase="",
                type="gap",
                label=label,
                time=self.tell_time(self.t_s),
                t_s=self.t_s,
                lost_s=lost_s,
            )
        )
        self.t_s += lost_s
        self.lost_s += lost_s
        self.lost_at_s = self.now_s
        return self

    def wait(self, lasts_s: float) -> Play:
        """The device is away."""
        label = f"{self.scene.source.removeprefix('mic:')} is gone"
        gone = {"id": 0, "type": "error", "label": label, "t_s": self.t_s}
        self.events.append(EventRow(phase="begin", time=self.tell_time(self.t_s), **gone))
        for step in range(round(lasts_s * self.fps)):
            self.now_s += 1 / self.fps
            self.state.add(self.snap(None, state="waiting", state_s=(step + 1) / self.fps), self.now_s)
        self.state.tick += 1
        return self

    def finish(self) -> Play:
        self.state.add(self.snap(None, state="ended"), self.now_s)
        self.state.tick += 1
        return self


def call(scene: Scene, **more: object) -> Play:
    """911, a pause, 5550123, busy and ringback: what a telephone line sounds like."""
    play = Play(scene, **more)
    play.run(3).dial("911").run(6)
    for _ in range(4):
        play.sound("us-busy", 0.5, {480: -24.0, 620: -24.0}).run(0.5)
    play.sound("us-dial", 2.5, {350: -24.0, 440: -24.0}).run(1)
    play.dial("5550123", 0.25, 0.25).run(2)
    play.sound("us-ringback", 2.0, {440: -24.0, 480: -24.0}).run(2)
    return play


def ringing(scene: Scene, **more: object) -> Play:
    play = call(scene, **more)
    play.begin("us-ringback", freqs_hz=[440.0, 480.0])
    return play.run(1.2, {440: -21.0, 480: -20.2})


def dialling(scene: Scene, **more: object) -> Play:
    play = call(scene, **more)
    play.dial("555012", 0.25, 0.25)
    play.begin("3", "dtmf", level_dbfs=-10.0)
    return play.run(0.2, {697: -13.0, 1477: -13.0})


MORSE = (
    "VVV VVV DE OH2XYZ OH2XYZ QRL? QRL?",
    "CQ CQ CQ DE OH2XYZ OH2XYZ K",
    "OH2XYZ DE G4ABC = GM DR OM UR RST 599 599 = NAME IS ANN QTH LONDON =",
)
MORSE += ("RIG 100W ANT DIPOLE UP 12M = HW CPY? AR OH2XYZ DE G4ABC KN",)


def morse(scene: Scene, **more: object) -> Play:
    play = Play(scene, **more)
    for text in MORSE:
        for word in text.split(" "):
            play.sound(word + " ", 0.6, {600: -20.2}, "morse", text=word + " ").run(0.2)
        play.run(5)
    return play


def waiting(scene: Scene, **more: object) -> Play:
    return call(scene, **more).lose(7.2).run(5).wait(6)


def lost(scene: Scene, **more: object) -> Play:
    """Samples were lost, but that was minutes ago."""
    return call(scene, **more).lose(7.2).run(240).run(2, {1000: -33.4})


def ended(scene: Scene, **more: object) -> Play:
    import msgspec

    file = msgspec.structs.replace(scene, source="call.wav", mode="FILE", fs_hz=8000.0, length_s=90.0)
    return call(file, has_clock=False, **more).finish()


def frozen(scene: Scene, **more: object) -> Play:
    play = ringing(scene, **more)
    play.state.press("space")
    play.dial("42#")
    play.state.press("left")
    play.state.press("left")
    return play


def one_band(scene: Scene, **more: object) -> Play:
    play = ringing(scene, **more)
    play.state.press("enter")
    return play


def crowd(scene: Scene, **more: object) -> Play:
    """Sixty events of many names, and a loss."""
    play = Play(scene, **more)
    for number in range(60):
        play.sound(f"tone-{number % 7}", 0.3, {500: -20.2}).run(0.2)
    return play.lose(7.2).run(3, {1000: -30.0})


def helped(scene: Scene, **more: object) -> Play:
    play = ringing(scene, **more)
    play.state.press("?")
    return play


def mixed(scene: Scene, **more: object) -> Play:
    """Several plans at once: a sub-audible tone all the while, a selective call, Morse, digits, busy."""
    play = Play(scene, **more).run(2)
    play.begin("103.5", "match", plan="ctcss", freqs_hz=[103.5], level_dbfs=-25.0)
    hum = {103.5: -25.0}
    play.run(2, hum)
    code = {"plan": "zvei1", "text": "12345", "is_code": True, "level_dbfs": -10.0}
    play.sound("12345", 0.35, hum | {1060: -10.0}, "match", **code).run(2, hum)
    for word in ("CQ", "DE", "K5"):
        play.sound(f" {word}", 0.6, hum | {700: -20.0}, "morse", text=f" {word}", plan="morse").run(0.2, hum)
    play.run(1, hum).dial("5550123").run(5, hum)
    play.begin("us-busy", "match", plan="call-progress-us", freqs_hz=[480.0, 620.0], level_dbfs=-9.0)
    return play.run(1.2, hum | {480: -12.0, 620: -12.0})


STORIES: dict[str, Callable[..., Play]] = {
    "ringing": ringing,
    "dialling": dialling,
    "morse": morse,
    "waiting": waiting,
    "lost": lost,
    "ended": ended,
    "frozen": frozen,
    "history": one_band,
    "crowd": crowd,
    "help": helped,
    "mixed": mixed,
}
SCENES: dict[str, Callable[..., Scene]] = {"dtmf": dtmf_scene, "thirds": thirds_scene, "391": linear_scene}
