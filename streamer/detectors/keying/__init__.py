"""A tone that is keyed: Morse, whatever its pitch and speed.

spec: what is asked. envelope: which tone, and when it is on. code: marks and gaps to letters. detector: when it is
certain that it is Morse, and letter after letter from then on.
"""

from streamer.detectors.keying.detector import KeyingDetector
from streamer.detectors.keying.spec import KeyingSpec
from streamer.detectors.registry import Kind

__all__ = ["KeyingDetector", "KeyingSpec"]

KIND = Kind(
    section="keying",
    limits=KeyingSpec,
    detector=KeyingDetector,
    is_spelled=True,
    is_explained=False,
    keys={
        "name": "what its events are called, one a letter, which stands in `text`; a space before it begins a word",
        "min_pitch_hz": "lower tones are not listened to,",
        "max_pitch_hz": "nor higher ones; of several that are keyed, the strongest is read",
        "min_wpm": "slowest keying, in words a minute (PARIS)",
        "max_wpm": "and fastest",
        "min_letters": "so many letters in time with one unit make it Morse; they are told then, all at once",
        "min_level_dbfs": "quieter tones are not read",
    },
)
