"""Decoders that are Python packages, where they are installed: `pip install icad-tone-detection pycw`."""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tests.family_bench.heard import Heard
from tests.family_bench.scenes import FS_HZ, Samples

QUIET = ("pulsed", "long", "hi_low", "mdc", "dtmf")  # what else icad looks for


class Icad:
    """icad_tone_detection's two-tone pages, of a file at 22,050 Hz, with its defaults."""

    package, family = "icad_tone_detection", "two-tone"

    def knows(self, family: str, table: str) -> bool:
        return family == self.family

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]:
        import soundfile
        from icad_tone_detection import tone_detect

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.wav"
            soundfile.write(path, samples, round(fs_hz), subtype="PCM_16")
            found = tone_detect(str(path), **{f"detect_{name}": False for name in QUIET})
        return [
            Heard(
                label="/".join(f"{hz:g}" for hz in page["detected"]),
                start_s=float(page["start"]),
                stop_s=float(page["end"]),
            )
            for page in found.two_tone_result
        ]


class PyCw:
    """pycw's neural decoder, of samples at their own rate."""

    package, family = "pycw", "morse"

    def __init__(self) -> None:
        from pycw import Decoder

        self._decoder = Decoder()

    def knows(self, family: str, table: str) -> bool:
        return family == self.family

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]:
        text = self._decoder.decode(np.asarray(samples, np.float32), round(fs_hz))
        return [Heard(label=text)] if text.strip() else []


def list_installed() -> dict[str, Icad | PyCw]:
    kinds: dict[str, type[Icad | PyCw]] = {"icad": Icad, "pycw": PyCw}
    return {name: kind() for name, kind in kinds.items() if find_spec(kind.package)}
