"""Texts sent as bits of two tones, after a preamble and several times over: SAME's headers.

spec: what is asked. bits: where a burst is, and its bits. detector: bursts to one text.
"""

from streamer.detectors.fsk.detector import FskDetector
from streamer.detectors.fsk.spec import FskSpec, are_alike, list_doubts
from streamer.detectors.registry import Kind, Labels

__all__ = ["FskDetector", "FskSpec"]

KIND = Kind(
    section="fsk",
    limits=FskSpec,
    detector=FskDetector,
    labels=lambda spec: Labels(names=tuple(text.label for text in spec.texts)),
    are_alike=are_alike,
    doubts=list_doubts,
    is_explained=False,
    is_spelled=True,
    keys={
        "name": "what the entry is called; its events have the label of their text, which stands in `text`",
        "mark_hz": "the tone of a bit that is 1,",
        "space_hz": "and of one that is 0",
        "baud": "bits a second",
        "texts": "each its label, its pattern, a regular expression that begins with 3 plain characters, and, where "
        "that is none itself, an example for `generate` to send",
        "preamble": "the byte sent before a text, in hexadecimal; of each byte the lowest bit goes first",
        "preamble_bytes": "how often it is sent; from half of 16 on it is enough",
        "max_bytes": "no text is longer",
        "bursts": "how often a text is sent: bits of all are added, and it is over with the last",
        "max_gap_ms": "longest pause between two bursts",
        "tolerance": "how far the tones may be off",
        "min_level_dbfs": "quieter tones are not read",
    },
)
