"""Blocks of samples into an audio file, or to standard output."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import OutputError, SpecError
from streamer.base.files import describe_unwritable, make_folder
from streamer.base.text import choose, shorten
from streamer.sources.formats.pcm import bytes_per_value, encode, to_integers

# suffix -> libsndfile's format, and the samples in it unless others are asked for; None is the codec's own
WRITTEN_FORMATS = {
    "wav": ("WAV", "s16le"),
    "flac": ("FLAC", "s16le"),
    "ogg": ("OGG", None),
    "mp3": ("MP3", None),
    "aiff": ("AIFF", "s16le"),
    "au": ("AU", "s16le"),
    "caf": ("CAF", "s16le"),
    "rf64": ("RF64", "s16le"),
    "w64": ("W64", "s16le"),
}
SUBTYPES = {
    "s16le": "PCM_16",
    "s24le": "PCM_24",
    "s32le": "PCM_32",
    "f32le": "FLOAT",
    "u8": "PCM_U8",
    "alaw": "ALAW",
    "ulaw": "ULAW",
}
# What they can be told of in hertz, where that is less than all; libsndfile crashes beyond Vorbis's.
MP3_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
MAX_VORBIS_HZ = 200_000
MAX_FLAC_HZ, MAX_ODD_FLAC_HZ = 655_350, 65_535  # above the latter tens alone
MAX_WAV_BYTES = 0xFFFF_0000  # what 32 bits can count, less room for the header

STDOUT_FORMATS = ("s16le", "s24le", "s32le", "f32le")
UNKNOWN_BYTES = 0xFFFFFFFF  # what writers that cannot seek back fill in for a length


def write_file(
    target: str,
    blocks: Iterable[NDArray[np.float32]],
    *,
    fs_hz: float,
    channels: int,
    n_samples: int,
    sample_format: str | None = None,
) -> None:
    """Write blocks (n, channels) to a file in the format of its suffix. A file that fails is taken away again.

    A WAV file too long for its 32-bit length becomes RF64, which readers of long WAV files know.
    """
    import soundfile as sf  # needs libsndfile, which standard output does not

    path = Path(target)
    suffix = choose(path.suffix[1:].lower(), WRITTEN_FORMATS, name=f"suffix of {shorten(target)}")
    file_format, usual_format = WRITTEN_FORMATS[suffix]
    held = sample_format or usual_format
    subtype = SUBTYPES[choose(held, SUBTYPES, name="format")] if held else None
    if subtype and not sf.check_format(file_format, subtype):
        raise SpecError(f"format is {held}, which a {suffix} file cannot hold; leave it out")
    if fs_hz % 1:
        raise SpecError(f"rate is {fs_hz:g} Hz; files hold whole numbers of Hz")
    _check_rate(suffix, round(fs_hz))
    if held and file_format == "WAV" and n_samples * channels * bytes_per_value(held) > MAX_WAV_BYTES:
        file_format = "RF64"
    try:
        make_folder(path)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise describe_unwritable(f"output {target}", error) from error
    with ExitStack() as on_failure:
        on_failure.callback(_remove_regular, path)
        try:
            with sf.SoundFile(
                fd, "w", samplerate=round(fs_hz), channels=channels, format=file_format, subtype=subtype
            ) as file:
                for block in blocks:
                    # libsndfile rounds down, which would add half a step of DC: it gets integers where it can
                    file.write(block if held in (None, "f32le") else to_integers(block, held))
        except (sf.SoundFileError, AssertionError) as error:  # soundfile asserts that all was written
            reason = str(error).rpartition(": ")[2].rstrip(".") or "incomplete"
            raise OutputError(f"{target} cannot be written ({reason}); is the disk full?") from error
        on_failure.pop_all()


def encode_file(samples: NDArray[np.int16], *, fs_hz: float, suffix: str) -> bytes:
    """One channel of 16 bits as a wav or flac file, in memory.

    libsndfile waits for the disk after each file it writes itself, and of short ones there may be thousands.
    """
    if suffix == "wav":
        return _wav_header(len(samples), channels=1, fs_hz=fs_hz) + samples.astype("<i2").tobytes()
    import soundfile as sf

    _check_rate(suffix, round(fs_hz))
    file = io.BytesIO()
    sf.write(file, samples, round(fs_hz), format=suffix.upper(), subtype="PCM_16")
    return file.getvalue()


def _check_rate(suffix: str, rate_hz: int) -> None:
    allowed = ""
    if suffix == "mp3" and rate_hz not in MP3_RATES_HZ:
        allowed = f"{', '.join(map(str, MP3_RATES_HZ[:-1]))} or {MP3_RATES_HZ[-1]} Hz"
    elif suffix == "ogg" and rate_hz > MAX_VORBIS_HZ:
        allowed = f"at most {MAX_VORBIS_HZ} Hz"
    elif suffix == "flac" and (rate_hz > MAX_FLAC_HZ or (rate_hz > MAX_ODD_FLAC_HZ and rate_hz % 10)):
        allowed = f"at most {MAX_FLAC_HZ} Hz, and above {MAX_ODD_FLAC_HZ} in steps of 10"
    if allowed:
        raise SpecError(
            f"rate is {rate_hz} Hz; files of {suffix} are of {allowed}: take another rate, or wav"
        )


def _remove_regular(path: Path) -> None:
    with suppress(OSError):
        if path.is_file():
            path.unlink()


def write_stdout(
    fd: int,
    blocks: Iterable[NDArray[np.float32]],
    *,
    fs_hz: float,
    channels: int,
    n_samples: int,
    sample_format: str | None,
) -> None:
    """16-bit WAV, or samples alone in the format given. A reader that has heard enough is no error."""
    choose(sample_format or "s16le", STDOUT_FORMATS, name="format")
    try:
        if sample_format is None:
            _write_all(fd, _wav_header(n_samples, channels=channels, fs_hz=fs_hz))
        for block in blocks:
            _write_all(fd, encode(block, sample_format or "s16le"))
    except BrokenPipeError:
        return
    except OSError as error:
        raise OutputError(f"stdout cannot be written: {error.strerror}") from error


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _wav_header(n_samples: int, *, channels: int, fs_hz: float) -> bytes:
    """44 bytes before 16-bit samples."""
    bytes_per_sample = 2 * channels
    n_bytes = min(n_samples * bytes_per_sample, UNKNOWN_BYTES - 36)
    rate = round(fs_hz)
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * bytes_per_sample, bytes_per_sample, 16)
    head = struct.pack("<4sI4s4sI", b"RIFF", n_bytes + 36, b"WAVE", b"fmt ", len(fmt))
    return head + fmt + struct.pack("<4sI", b"data", n_bytes)
