"""Samples as bytes: of full scale 1.0 here, integers, floats or telephone octets there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import MAX_VALUE
from streamer.sources.formats.g711 import compand, decode_table


def bytes_per_value(sample_format: str) -> int:
    return 1 if sample_format in ("u8", "alaw", "ulaw") else int(sample_format[1:3]) // 8


def fits_16_bits(sample_format: str) -> bool:
    """Whether its samples are integers of 16 bits, or fewer."""
    return sample_format in ("s16le", "s16be", "u8", "alaw", "ulaw")


def decode_integers(data: bytes, sample_format: str) -> NDArray[np.int16]:
    """(values,) of full scale 32768, of a format that fits; each over 32768 is what decode makes of it, exactly."""
    if sample_format in ("alaw", "ulaw"):
        return decode_table(sample_format)[np.frombuffer(data, np.uint8)]
    if sample_format == "u8":
        return (np.frombuffer(data, np.uint8).astype(np.int16) - np.int16(128)) << np.int16(8)
    return np.frombuffer(data, "<i2" if sample_format == "s16le" else ">i2").astype(np.int16, copy=False)


def decode(data: bytes, sample_format: str) -> NDArray[np.float32]:
    """(values,) of full scale 1.0, exactly as libsndfile reads them. Owned by the caller."""
    if fits_16_bits(sample_format):
        return decode_integers(data, sample_format).astype(np.float32) * np.float32(2**-15)
    order = "<" if sample_format.endswith("le") else ">"
    kind, bits = sample_format[0], int(sample_format[1:3])
    if kind == "f":
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # a double beyond float32 becomes inf, and is counted
            return np.frombuffer(data, f"{order}f{bits // 8}").astype(np.float32)
    if bits == 24:
        # the upper three bytes of 32 bits
        widened = np.zeros((len(data) // 3, 4), np.uint8)
        widened[:, slice(1, 4) if order == "<" else slice(0, 3)] = np.frombuffer(data, np.uint8).reshape(
            -1, 3
        )
        values, bits = widened.view(f"{order}i4")[:, 0], 32
    else:
        values = np.frombuffer(data, f"{order}i{bits // 8}")
    return values.astype(np.float32) * np.float32(2.0 ** (1 - bits))


def quantise(block: NDArray[np.float32], bits: int) -> NDArray[np.int32]:
    """The nearest integers of that many bits; what is beyond full scale is cut off."""
    full_scale = 2 ** (bits - 1)
    values = np.rint(block.astype(np.float64) * full_scale)
    nearest: NDArray[np.int32] = np.clip(values, -full_scale, full_scale - 1).astype(np.int32)
    return nearest


def encode(block: NDArray[np.float32], sample_format: str) -> bytes:
    """Little-endian samples, integers or f32le, as decode reads them."""
    if sample_format == "f32le":
        return bytes(block.astype("<f4").data)
    bits = int(sample_format[1:3])
    values = quantise(block, bits)
    if bits == 24:
        return bytes(np.ascontiguousarray(values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3]).data)
    return bytes(values.astype(f"<i{bits // 8}").data)


def to_integers(block: NDArray[np.float32], sample_format: str) -> NDArray[np.int16] | NDArray[np.int32]:
    """Samples rounded to the format, in the upper bits of 16 or 32: libsndfile keeps those as they are."""
    if sample_format in ("alaw", "ulaw"):
        return (compand(block.astype(np.float64), sample_format) * 2**15).astype(np.int16)
    bits = 8 if sample_format == "u8" else int(sample_format[1:3])
    values = quantise(block, bits)
    if bits <= 16:
        return (values << 16 - bits).astype(np.int16)
    return values << 32 - bits


def silence_nonfinite(block: NDArray[np.float32]) -> int:
    """Set what is NaN, infinite or no signal to 0, in place; how many values that were."""
    is_signal = np.abs(block) <= MAX_VALUE  # false for NaN
    if is_signal.all():
        return 0
    block[~is_signal] = 0
    return int(is_signal.size - np.count_nonzero(is_signal))
