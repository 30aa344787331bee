"""Peers that are Python packages, where they are installed; whatever they raise is a failure of theirs."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from streamer.judge.heard import Heard, OneByOne, Pcm

QUIET = ("pulsed", "long", "hi_low", "mdc", "dtmf")  # what else icad looks for


class Package(OneByOne):
    """One that knows a family."""

    module, distribution, family = "", "", ""

    def __init__(self) -> None:
        super().__init__()
        self.version = version(self.distribution)

    def knows(self, family: str, table: str) -> bool:
        return family == self.family

    def hear_one(self, pcm: Pcm, family: str, table: str, fs_hz: float) -> list[Heard]:
        try:
            return self.ask(pcm, fs_hz)
        except Exception as error:
            self.failures.append(f"raised {type(error).__name__}: {error}")
            return []

    def ask(self, pcm: Pcm, fs_hz: float) -> list[Heard]:
        raise NotImplementedError


class Icad(Package):
    """icad_tone_detection's two-tone pages, of a file, with its defaults."""

    module, distribution, family = "icad_tone_detection", "icad-tone-detection", "two-tone"

    def ask(self, pcm: Pcm, fs_hz: float) -> list[Heard]:
        import soundfile
        from icad_tone_detection import tone_detect  # type: ignore[import-not-found]

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.wav"
            soundfile.write(path, pcm, round(fs_hz), subtype="PCM_16")
            found = tone_detect(str(path), **{f"detect_{name}": False for name in QUIET})
        return [
            Heard(
                label="/".join(f"{hz:g}" for hz in page["detected"]),
                start_s=float(page["start"]),
                stop_s=float(page["end"]),
            )
            for page in found.two_tone_result
        ]


class PyCw(Package):
    """pycw's neural decoder, of samples at their own rate."""

    module, distribution, family = "pycw", "pycw", "morse"
    _decoder: Any = None

    def ask(self, pcm: Pcm, fs_hz: float) -> list[Heard]:
        if self._decoder is None:
            from pycw import Decoder  # type: ignore[import-not-found]

            self._decoder = Decoder()
        text = self._decoder.decode(pcm.astype(np.float32) / 32768, round(fs_hz))
        return [Heard(label=text)] if text.strip() else []


class PyDtmf(Package):
    """PyDTMF's digits, of a list of samples."""

    module, distribution, family = "PyDTMF", "PyDTMF", "dtmf"

    def ask(self, pcm: Pcm, fs_hz: float) -> list[Heard]:
        from PyDTMF import from_pcm  # type: ignore[import-not-found]

        digits = str(from_pcm(pcm.tolist(), sample_rate=round(fs_hz), channels=1)[0])
        return [Heard(label=digits)] if digits else []


def find_package(kind: type[Package]) -> Package | None:
    return kind() if find_spec(kind.module) else None
