"""What a plan may ask of DTMF, and what hears it."""

from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import PRESETS, DtmfSpec
from streamer.detectors.registry import Kind, Labels

KIND = Kind(
    section="dtmf",
    limits=DtmfSpec,
    detector=DtmfDetector,
    labels=lambda spec: Labels(names=tuple(spec.digits)),
    is_list=False,
    presets=PRESETS,
    event_type="dtmf",
    tells_begin=False,
    is_digit=True,
    keys={
        "digits": "the ones to tell",
        "min_level_dbfs": "of each tone",
        "max_low_over_high_db": "low tone over high, normal twist; ITU-T Q.24 (AT&T) asks for 8 dB",
        "max_high_over_low_db": "high tone over low, reverse twist; Q.24 (AT&T) asks for 4 dB",
        "max_twist_alone_db": "either, of a pair that is long and alone: loudspeakers and rooms do that",
        "max_deviation": "of a frequency; Q.24 (NTT) accepts 1.8 % and refuses 3.0 %",
        "min_on_ms": "shortest digit; Q.24 accepts 40 ms and refuses 24 ms",
        "max_hole_ms": "a shorter break, such as a lost packet, does not part a digit in two",
        "max_skew_ms": "both tones start, and stop, within so much",
        "max_drift": "of a frequency, from a digit's first half to its second: whistles glide",
        "max_company": "share of the spectrum that sounds with a digit and no longer: chords, voices",
        "min_snr_db": "of the weaker tone, in 58 Hz",
        "max_doubt": "all small faults together; more hears more digits over speech, and in speech alone",
    },
)
