"""One or several simultaneous steady tones, on and off with hysteresis.

spec: what is asked. probes: what the levels say, frame by frame; memory: and said of the last ones. candidate: when
one tone is on, from its baseband. figures: its frequency and level. company: what else sounds with it. verdict:
whether it is the one. detector: all of it behind one door.
"""

from streamer.detectors.registry import Kind
from streamer.detectors.tones.detector import ToneDetector
from streamer.detectors.tones.spec import ToneSpec

__all__ = ["ToneDetector", "ToneSpec"]

KIND = Kind(section="tone", limits=ToneSpec, detector=ToneDetector, event_type="tone")
