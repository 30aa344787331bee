"""Every steady tone of a channel, and what its sound is like from second to second."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.analysis.bank import Analysis, Levels
from streamer.base.units import power_from_db
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.hearing.tones_heard import Told, ToneBurst, ToneHearing, make_analysis
from streamer.events import Event
from streamer.recordings.identify.sound import Sound

SHORT_MS, LONG_MS = 40.0, 160.0  # the first hears beeps of 30 ms, the second parts tones 20 Hz apart
LOWEST_HZ, HIGHEST_HZ = 25.0, 8000.0  # of the second
LEAST_SNR_DB, MOST_UNSTEADY_BINS = 12.0, 0.3  # voices glide
MOST_TONES = 40_000  # kept of a channel, some 12 MB; of a recording with more the first so many count


def make_surveys(fs_hz: float, channel: int) -> list[Survey]:
    """What hears short tones, and what parts close ones."""
    wide = make_analysis(LONG_MS, fs_hz, low_hz=LOWEST_HZ, high_hz=HIGHEST_HZ)
    return [Survey(make_analysis(SHORT_MS, fs_hz), channel), Survey(wide, channel, is_wide=True)]


class Survey(Detector):
    """Hears as sequences and cadences do, keeps what is heard, and tells of nothing."""

    def __init__(self, analysis: Analysis, channel: int, *, is_wide: bool = False) -> None:
        """is_wide: it also measures what the sound is like"""
        self.channel, self.is_wide, self.hearing = channel, is_wide, ToneHearing(analysis)
        self.tones: list[ToneBurst] = []
        self.sound = Sound(analysis)
        self._next_frame = 0

    @property
    def analysis(self) -> Analysis:
        return self.hearing.analysis

    @property
    def history_samples(self) -> int:
        return self.analysis.frames.length_samples

    def explain(self, tell: Tell) -> None:
        pass

    def share(self, common: dict[type, object]) -> None:
        hearing = common.setdefault(ToneHearing, self.hearing)
        assert isinstance(hearing, ToneHearing)
        self.hearing = hearing

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:  # noqa: ARG002  levels say enough
        if levels.first_frame != self._next_frame:
            self.flush()
        self._keep(self.hearing.hear(levels))
        if self.is_wide:
            self.sound.add(levels)
        self._next_frame = levels.first_frame + len(levels)
        return []

    def flush(self) -> list[Event]:
        self._keep(self.hearing.stop_before(self._next_frame))
        return []

    def _keep(self, tones: Iterable[ToneBurst]) -> None:
        least = power_from_db(LEAST_SNR_DB)
        for tone in tones:
            is_steady = tone.told is Told.STOPS and tone.unsteady_bins <= MOST_UNSTEADY_BINS
            if is_steady and tone.power >= least * tone.noise and len(self.tones) < MOST_TONES:
                self.tones.append(tone)
