"""One tone out of a set of close neighbours, held under whatever else is said: the sub-audible tones of radios.

spec: what is asked. lines: which of the tones stands in each frame, and alone. detector: which is there, and since
when.
"""

from streamer.detectors.presence.detector import PresenceDetector
from streamer.detectors.presence.spec import PresenceSpec, label_of
from streamer.detectors.registry import Kind, Labels

__all__ = ["PresenceDetector", "PresenceSpec"]

KIND = Kind(
    section="presence",
    limits=PresenceSpec,
    detector=PresenceDetector,
    labels=lambda spec: Labels(names=tuple(map(label_of, spec.tones_hz))),
    is_explained=False,
    keys={
        "name": "what the entry is called; its events have the tone as their label, such as 67.0",
        "family": "a family that is a set of tones, such as ctcss,",
        "freqs_hz": "or tones of its own",
        "tolerance": "how far a tone may be off: 0.66%, or 1Hz; no two may be taken for each other",
        "min_off_ms": "shorter breaks do not end a tone",
        "min_snr_db": "how far a tone stands out of what is around it, in each frame of 250 ms",
        "min_level_dbfs": "quieter tones are not told",
        "max_harmonic_db": "with a line so strong at a multiple of it, it is a voice or an instrument",
    },
)
