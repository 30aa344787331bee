"""What is told of a digit: the event of its begin and that of its end."""

from __future__ import annotations

from streamer.base.units import db_from_power
from streamer.detectors.dtmf.pairs import PAIR_DIGITS
from streamer.detectors.dtmf.timing import Timing
from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.events import Event
from tests.detectors.dtmf.twin.candidate import Candidate
from tests.detectors.dtmf.twin.hearing import Figures
from tests.detectors.dtmf.twin.verdict import Heard


class Teller:
    """Makes the events of one channel; each became known at the end of the frame it is given."""

    def __init__(self, timing: Timing, *, channel: int) -> None:
        self._timing, self._channel = timing, channel

    def make_begin(self, candidate: Candidate, heard: Heard, frame: int) -> Event:
        event = self._make(candidate, frame, phase="begin")
        event.freqs_hz = [round(f, 2) for f in heard.tones.freqs_hz]
        event.level_dbfs = round(heard.tones.level_dbfs, 2)
        event.twist_db = round(heard.tones.twist_db, 2)
        event.snr_db = round(heard.snr_db, 1)
        return event

    def make_end(self, candidate: Candidate, figures: Figures | None, stop_frame: float, frame: int) -> Event:
        """Figures are those of its last part, if there are any; the noise is that of its begin."""
        event = self._make(candidate, frame, phase="end")
        if figures is not None:
            low, high = figures.powers
            event.freqs_hz = [round(f, 2) for f in figures.freqs_hz]
            event.level_dbfs = round(db_from_power(2 * (low + high)), 2)
            event.twist_db = round(db_from_power(high / max(low, 1e-20)), 2)
            event.snr_db = round(min(db_from_power(min(low, high) / candidate.noise), MOST_SNR_DB), 1)
        stop_sample = self._timing.centre_sample(0) + stop_frame * self._timing.hop_samples
        event.duration_s = (stop_sample - candidate.start_sample) / self._timing.fs_hz
        return event

    def _make(self, candidate: Candidate, frame: int, *, phase: str) -> Event:
        return Event(
            type="dtmf",
            phase=phase,
            label=PAIR_DIGITS[candidate.pair],
            sample=round(candidate.start_sample),
            t_s=candidate.start_sample / self._timing.fs_hz,
            known_sample=self._timing.end_sample(frame),
            id=candidate.number,
            channel=self._channel,
            confidence=round(candidate.confidence, 3),
        )
