"""A level above or below a limit for so long: the alarms that people set.

schedule: days and hours. spec: what is asked. detector: whether it is so, and since when.
"""

from streamer.detectors.level.detector import LevelDetector
from streamer.detectors.level.spec import LevelSpec, list_doubts
from streamer.detectors.registry import Kind

__all__ = ["LevelDetector", "LevelSpec"]

KIND = Kind(
    section="level",
    limits=LevelSpec,
    detector=LevelDetector,
    event_type="level",
    is_explained=False,
    doubts=list_doubts,
    keys={
        "name": "what its events are called",
        "band_hz": "the edges of a band, such as 90-110,",
        "freq_hz": "or the frequency of a tone",
        "above_dbfs": "it is told when the mean level is above this, such as -40dBFS,",
        "below_dbfs": "or below",
        "above_dbspl": "the same of a calibrated source, in dB SPL, such as 85",
        "below_dbspl": "or below",
        "weighting": "A or C weights a band as sound level meters do, part by part; Z does not",
        "for_ms": "for so long",
        "average_ms": "the mean is of so long, at most a minute",
        "hysteresis_db": "it is over when the level is back by more than so much",
        "once": "only the first time in a run",
        "cooldown_ms": "not again so soon after it was over",
        "active": "only in these hours of local time, such as Mon-Fri 07:00-19:00; always, where no time is known",
        "quiet": "not in these hours",
    },
)
