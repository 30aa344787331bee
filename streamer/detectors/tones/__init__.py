"""One or several simultaneous steady tones, on and off with hysteresis.

spec: what is asked. probes: what the levels say, frame by frame; memory: and said of the last ones. candidate: when
one tone is on, from its baseband. figures: its frequency and level. modulation: how it swells and turns. company: what
else sounds with it. verdict: whether it is the one. series: several of them in a rhythm. detector: all of it behind
one door.
"""

from streamer.detectors.registry import Kind, Labels
from streamer.detectors.tones.detector import ToneDetector
from streamer.detectors.tones.spec import ToneSpec

__all__ = ["ToneDetector", "ToneSpec"]

KIND = Kind(
    section="tone",
    limits=ToneSpec,
    detector=ToneDetector,
    event_type="tone",
    are_alike=ToneSpec.is_alike,
    labels=lambda spec: Labels(names=(spec.name, spec.modulated) if spec.modulated else (spec.name,)),
    keys={
        "name": "what its events are called",
        "freqs_hz": "one frequency, or several that sound at once",
        "tolerance": "how far a frequency may be off: 1.5%, 38Hz or 1.5%+10Hz",
        "open_snr_db": "a tone begins so far over the noise in the same bandwidth,",
        "close_snr_db": "and has ended once it is less far over it",
        "min_on_ms": "shorter tones are not told",
        "max_on_ms": "nor longer ones; then a begin is told when the tone is over",
        "min_off_ms": "shorter breaks do not end a tone",
        "min_level_dbfs": "quieter tones are not told; each of several must reach it",
        "max_twist_db": "the strongest of several over the weakest",
        "max_louder_db": "what sounds elsewhere so far over it at the same time makes it a spur of that",
        "max_octave_db": "with an octave above or below so strong, it is a note of music",
        "max_fade_db": "with thirds of it further apart in level it is a note that fades or swells; needs max_on_ms",
        "max_wander": "if the frequency of pieces of 200 ms differs by more it is a voice or a note: 0.2% or 2Hz,",
        "max_sway_db": "or if their level does,",
        "min_on_beside_ms": "how long it must last while something else is as loud",
        "modulated": "what its events are called if it",
        "turn_every_ms": "turns its phase by half a turn so often,",
        "swell_hz": "or swells and fades so often a second",
        "again_ms": "from start to start: tones in this rhythm are one event, told when the first is over",
        "window_ms": "the window of the levels; without it as long as min_on and tolerance allow",
    },
)
