"""The program that tests.chaos breaks: `streamer live` with all of its outputs, and an auditor among its detectors.

python -m tests.chaos_listener FOLDER: events go to stdout and FOLDER/events.jsonl, the dashboard to the terminal. Who
is who stands in FOLDER/pids.json, and what was listened to, sample by sample, in FOLDER/audit.json at the end.
SIGUSR1 has the consumer stand still for a while, as a program's slow callback would.
"""

from __future__ import annotations

import fcntl
import json
import random
import signal
import sys
import termios
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from streamer.analysis.bank import Analysis, Bank, Levels
from streamer.analysis.frames import FrameSpec
from streamer.commands.live.monitor import Monitor
from streamer.commands.live.spec import MonitorSpec
from streamer.commands.live.wanted import Wanted
from streamer.detectors import Audio, Detector
from streamer.events import Event
from streamer.live.stream import Stream
from streamer.outputs.formats import format_json
from streamer.plans.listening import Listening, make_set_up
from streamer.sources import SourceInfo, SourceSpec
from tests.virtual_mic import NAME

FS_HZ = 48000
COUNTS = 1 << 16  # a player's samples count up to here and begin again
DIGITS = "159D#730"  # one in each eighth of that
SLOT = COUNTS // len(DIGITS)
DIGIT_AT, DIGIT_SAMPLES = SLOT // 4, SLOT // 2
AUDITED_CHANNEL, DIGITS_CHANNEL = 1, 2


def choose_display(fs_hz: float) -> Analysis:
    bank = Bank(freqs_hz=np.geomspace(50, 8000, 40))
    return Analysis(bank=bank, frames=FrameSpec(length_samples=2400, hop_samples=240), fs_hz=fs_hz)


@dataclass
class Audit:
    """What was found of the counter, in samples since the stream began."""

    checked: int = 0
    silent: int = 0
    wrong: list[str] = field(default_factory=list)
    jumps: list[tuple[int, int]] = field(
        default_factory=list
    )  # sample, samples missing, which a gap is to explain
    breaks: list[int] = field(default_factory=list)  # where the counter did not go on as it should
    played: list[tuple[int, str]] = field(default_factory=list)  # where each whole digit began, and which


class Auditor(Detector):
    """Reads every sample that is analysed, as detectors do, and follows the counter through them."""

    def __init__(self) -> None:
        self.audit = Audit()
        self._analysis = choose_display(FS_HZ)
        self._end = 0  # of what has been read
        self._last: int | None = None  # the newest value, 0 for silence; None after a gap
        self._last_sounding: int | None = None
        self._since = 0  # from here on the counter has gone on as it should

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return self._analysis.frames.length_samples

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        frames = levels.analysis.frames
        first = max(levels.first_frame, 0)  # before it there is silence that nobody sent
        stop = (levels.first_frame + len(levels) - 1) * frames.hop_samples + frames.length_samples
        if self._last is None or first * frames.hop_samples > self._end:
            self._end, self._last, self._last_sounding = first * frames.hop_samples, None, None
        samples = audio.read(self._end, stop)
        if samples is None:
            self.audit.wrong.append(f"samples {self._end} to {stop} were gone before they could be looked at")
            self._last = None
        else:
            self._follow(samples)
        self._end = stop
        return []

    def flush(self) -> list[Event]:
        self._last = self._last_sounding = None
        return []

    def _follow(self, samples: np.ndarray) -> None:
        audit, start = self.audit, self._end
        values = np.rint(samples.astype(np.float64) * 2**24).astype(np.int64)
        if not np.array_equal(values / 2**24, samples):
            audit.wrong.append(f"sample values at {start} are no counts")
        audit.checked += len(values)
        audit.silent += int(np.count_nonzero(values == 0))
        before = np.concatenate([[-1 if self._last is None else self._last], values[:-1]])
        goes_on = (values >> 16 == before >> 16) & ((values - before) % COUNTS == 1)
        edges = [int(i) for i in np.flatnonzero(~goes_on)]
        for edge, stop in zip([0, *edges], [*edges, len(values)], strict=True):
            if edge in edges:
                self._note_break(start + edge, int(values[edge]))
            for end in np.flatnonzero(values[edge:stop] % SLOT == SLOT - 1) + edge:
                began = start + int(end) - SLOT + 1
                if began >= self._since and values[end]:
                    digit = DIGITS[int(values[end]) % COUNTS // SLOT]
                    audit.played.append((began + DIGIT_AT, digit))
            if sounding := int(values[stop - 1]) if stop > edge else 0:
                self._last_sounding = sounding
        self._last = int(values[-1])

    def _note_break(self, sample: int, value: int) -> None:
        """A player that was too slow leaves silence and goes on after it; a loss leaves a jump."""
        self._since = sample
        if not value or not self.audit.breaks or self.audit.breaks[-1] != sample:
            self.audit.breaks.append(sample)
        last = self._last_sounding
        if (
            value
            and last is not None
            and last >> 16 == value >> 16
            and (missing := (value - last - 1) % COUNTS)
        ):
            self.audit.jumps.append((sample, missing))


class Broken(Monitor):
    """A monitor that says who its processes are."""

    def __init__(self, spec: MonitorSpec, auditor: Auditor, folder: Path) -> None:
        super().__init__(lambda: Wanted(spec=spec, set_up=self._listen, notes=(), contents={}))
        self._auditor, self._folder, self._pids = auditor, folder, ""

    def _listen(self, info: SourceInfo) -> Listening:
        listening = make_set_up(["dtmf"], choose_display)(info)
        audited = ("audit", AUDITED_CHANNEL, self._auditor)
        return Listening(display=listening.display, detectors=[audited, *listening.detectors])

    def _look_for_the_end(self, stream: Stream) -> None:
        super()._look_for_the_end(stream)
        dashboard = self._view and self._view._process
        pids: dict[str, Any] = {
            "workers": stream.section.pool.pids if stream.section else [],
            "capture": stream.capture_pid,
            "dashboard": dashboard.pid if dashboard else None,
            "runs": stream.section is not None and stream.section.ring.written_samples > 0,
        }
        if (text := json.dumps(pids)) != self._pids:
            self._pids = text
            fresh = self._folder / "pids.new"
            fresh.write_text(text)
            fresh.replace(self._folder / "pids.json")


def main() -> int:
    folder = Path(sys.argv[1])
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # stdin is the terminal of this session
    rng = random.Random(len(str(folder)))
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(rng.uniform(0.2, 10)))
    spec = MonitorSpec(
        source=SourceSpec(kind="mic", target=NAME, rate_hz=float(FS_HZ), channels="1,2"),
        n_workers=2,
        has_dashboard=True,
        stdout=format_json,
        output_paths=(str(folder / "events.jsonl"),),
        plans=("dtmf",),
    )
    auditor = Auditor()
    code = Broken(spec, auditor, folder).run()
    (folder / "audit.json").write_text(json.dumps(asdict(auditor.audit)))
    return code


if __name__ == "__main__":
    sys.exit(main())
