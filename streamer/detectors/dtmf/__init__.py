"""DTMF digits by ITU-T Q.24.

May import: base, analysis, events. Imported by: detectors.
"""

from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import PRESETS, DtmfSpec
from streamer.detectors.registry import Kind

KIND = Kind(
    section="dtmf",
    limits=DtmfSpec,
    detector=DtmfDetector,
    is_list=False,
    presets=PRESETS,
    event_type="dtmf",
    tells_begin=False,
    is_digit=True,
)
