"""Our detector for DTMF alone, fed arrays."""

from __future__ import annotations

from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.events import Event
from streamer.judge.heard import Samples
from streamer.judge.material import FS_HZ
from tests.dtmf_bench.feeding import run_detector


def detect(samples: Samples, spec: DtmfSpec | None = None) -> list[Event]:
    """All of our events: begins and ends."""
    return run_detector(DtmfDetector(spec or DtmfSpec(), fs_hz=FS_HZ), samples)


def streamer(samples: Samples) -> str:
    return "".join(event.label for event in detect(samples) if event.phase == "end")
