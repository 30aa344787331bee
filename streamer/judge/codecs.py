"""Speech codecs, as other people's encoders and decoders have them: ffmpeg, sox and, through ctypes, bcg729."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from streamer.judge.heard import Samples, to_pcm
from streamer.judge.material import FS_HZ, Missing

RAW = ("-f", "s16le", "-ar", str(FS_HZ), "-ac", "1")


class Codec(NamedTuple):
    """There and back again: `through` takes and gives 8 kHz samples of full scale 1."""

    name: str
    least_right: float  # percent of digits that must be heard through it
    through: Callable[[Samples], Samples]
    is_here: Callable[[], bool]


def _to_pcm(samples: Samples) -> bytes:
    return to_pcm(samples).tobytes()


def _from_pcm(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, dtype="<i2") / 32768


def _run(command: list[str], sent: bytes = b"") -> bytes:
    return subprocess.run(command, input=sent, capture_output=True, check=True).stdout


@lru_cache(maxsize=1)
def _ffmpeg_encoders() -> str:
    if shutil.which("ffmpeg") is None:
        return ""
    return _run(["ffmpeg", "-v", "error", "-encoders"]).decode()


def _by_ffmpeg(name: str, least_right: float, encoder: str, container: str, *options: str) -> Codec:
    def through(samples: Samples) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, f"coded.{container}"))
            ffmpeg = ["ffmpeg", "-v", "error", "-y"]
            _run([*ffmpeg, *RAW, "-i", "-", "-c:a", encoder, *options, path], _to_pcm(samples))
            return _from_pcm(_run([*ffmpeg, "-i", path, *RAW, "-"]))

    return Codec(name, least_right, through, lambda: f" {encoder} " in _ffmpeg_encoders())


def _by_sox_amr(name: str, least_right: float, mode: int) -> Codec:
    def through(samples: Samples) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "coded.amr-nb"))
            raw = ["-t", "s16", "-r", str(FS_HZ), "-c", "1"]
            _run(["sox", *raw, "-", "-C", str(mode), path], _to_pcm(samples))
            return _from_pcm(_run(["sox", path, *raw, "-"]))

    def is_here() -> bool:
        return shutil.which("sox") is not None and b" amr-nb" in _run(["sox", "--help"])

    return Codec(name, least_right, through, is_here)


def _by_bcg729(samples: Samples) -> Samples:
    """Frames of 10 ms, 10 bytes each, without silence compression."""
    library = ctypes.CDLL("libbcg729.so.0")
    for which in ("Encoder", "Decoder"):
        getattr(library, f"initBcg729{which}Channel").restype = ctypes.c_void_p
    library.initBcg729EncoderChannel.argtypes = [ctypes.c_uint8]
    library.bcg729Encoder.argtypes = [ctypes.c_void_p] * 4
    library.bcg729Decoder.argtypes = [
        ctypes.c_void_p,
        ctypes.c_void_p,
        *[ctypes.c_uint8] * 4,
        ctypes.c_void_p,
    ]
    encoder, decoder = library.initBcg729EncoderChannel(0), library.initBcg729DecoderChannel()
    bits, n_bytes = ctypes.create_string_buffer(10), ctypes.c_uint8()
    heard = ctypes.create_string_buffer(160)
    pcm, parts = _to_pcm(samples), []
    for start in range(0, len(pcm) - 159, 160):
        library.bcg729Encoder(encoder, pcm[start : start + 160], bits, ctypes.byref(n_bytes))
        library.bcg729Decoder(decoder, bits, n_bytes.value, 0, 0, 0, heard)
        parts.append(heard.raw)
    return _from_pcm(b"".join(parts))


def _has_bcg729() -> bool:
    try:
        ctypes.CDLL("libbcg729.so.0")
    except OSError:
        return False
    return True


AMR_KBITS = ("4.75k", "5.15k", "5.9k", "6.7k", "7.4k", "7.95k", "10.2k", "12.2k")

CODECS = {
    codec.name: codec
    for codec in (
        _by_ffmpeg("GSM 06.10", 99.5, "libgsm", "gsm"),
        _by_ffmpeg("G.723.1 6.3k", 99.5, "g723_1", "wav", "-b:a", "6300"),
        _by_ffmpeg("G.726 16k", 99.5, "g726", "wav", "-b:a", "16k"),
        _by_ffmpeg("G.726 32k", 99.5, "g726", "wav", "-b:a", "32k"),
        Codec("G.729", 99.5, _by_bcg729, _has_bcg729),
        _by_ffmpeg("Opus 6k", 98, "libopus", "opus", "-b:a", "6k"),
        _by_ffmpeg("Opus 6k voip", 98, "libopus", "opus", "-b:a", "6k", "-application", "voip"),
        _by_ffmpeg("Opus 8k", 99.5, "libopus", "opus", "-b:a", "8k"),
        _by_ffmpeg("Opus 8k voip", 99.5, "libopus", "opus", "-b:a", "8k", "-application", "voip"),
        _by_ffmpeg("Opus 12k", 99.5, "libopus", "opus", "-b:a", "12k"),
        _by_ffmpeg("Speex 5.95k", 98, "libspeex", "ogg", "-cbr_quality", "2"),
        _by_ffmpeg("Speex 8k", 99.5, "libspeex", "ogg", "-cbr_quality", "4"),
        _by_ffmpeg("Speex 15k", 99.5, "libspeex", "ogg", "-cbr_quality", "8"),
        *(
            _by_sox_amr(f"AMR {kbits}", 93 if mode == 0 else 98 if mode == 1 else 99.5, mode)
            for mode, kbits in enumerate(AMR_KBITS)
        ),
    )
}


def send_through(name: str, samples: Samples) -> Samples:
    codec = CODECS[name]
    if not codec.is_here():
        raise Missing(f"no encoder for {name} here: install ffmpeg, sox with libsox-fmt-all, libbcg729-0")
    return codec.through(samples)
