"""The decoders compared: ours, and those of others where they are installed."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import subprocess
from collections.abc import Callable
from typing import Protocol

import numpy as np

from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.events import Event
from tests.dtmf_bench.feeding import run_detector
from tests.dtmf_bench.material import FS_HZ, Samples


class Decoder(Protocol):
    def __call__(self, samples: Samples) -> str:
        """The digits heard in 8 kHz samples of full scale 1."""


def detect(samples: Samples, spec: DtmfSpec | None = None) -> list[Event]:
    """All of our events: begins and ends."""
    return run_detector(DtmfDetector(spec or DtmfSpec(), fs_hz=FS_HZ), samples)


def streamer(samples: Samples) -> str:
    return "".join(event.label for event in detect(samples) if event.phase == "end")


def _to_int16(samples: Samples) -> np.ndarray:
    return np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2")


def _find_spandsp() -> Decoder | None:
    name = ctypes.util.find_library("spandsp")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.dtmf_rx_init.restype = ctypes.c_void_p
    library.dtmf_rx_init.argtypes = [ctypes.c_void_p] * 3
    library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.dtmf_rx_get.restype = ctypes.c_size_t
    library.dtmf_rx_free.argtypes = [ctypes.c_void_p]

    def spandsp(samples: Samples) -> str:
        state = library.dtmf_rx_init(None, None, None)
        pcm = np.ascontiguousarray(_to_int16(samples))
        digits, found = b"", ctypes.create_string_buffer(129)
        for start in range(0, pcm.size, 800):  # it keeps at most 128 digits
            part = pcm[start : start + 800]
            library.dtmf_rx(state, part.ctypes.data, part.size)
            n_found = library.dtmf_rx_get(state, found, 128)
            digits += found.raw[:n_found]
        library.dtmf_rx_free(state)
        return digits.decode()

    return spandsp


def _find_multimon() -> Decoder | None:
    program = shutil.which("multimon-ng")
    if program is None:
        return None

    def multimon(samples: Samples) -> str:
        from scipy.signal import resample_poly

        pcm = _to_int16(resample_poly(samples, 441, 160)).tobytes()  # it wants 22,050 Hz
        ran = subprocess.run(
            [program, "-q", "-t", "raw", "-a", "DTMF", "-"], input=pcm, capture_output=True, check=True
        )
        lines = ran.stdout.decode().splitlines()
        return "".join(line.removeprefix("DTMF: ") for line in lines if line.startswith("DTMF: "))

    return multimon


def _find_pydtmf() -> Decoder | None:
    try:
        from PyDTMF import from_pcm  # type: ignore[import-not-found]
    except ImportError:
        return None

    def pydtmf(samples: Samples) -> str:
        return str(from_pcm(_to_int16(samples).tolist(), sample_rate=FS_HZ, channels=1)[0])

    return pydtmf


FINDERS: dict[str, Callable[[], Decoder | None]] = {
    "streamer": lambda: streamer,
    "spandsp": _find_spandsp,
    "multimon-ng": _find_multimon,
    "pydtmf": _find_pydtmf,
}


def find_decoders(names: list[str]) -> dict[str, Decoder]:
    """Those of the named decoders that are installed here."""
    found = {name: FINDERS[name]() for name in names}
    return {name: decoder for name, decoder in found.items() if decoder is not None}
