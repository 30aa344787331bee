"""Samples in, values out: PCM to full scale 1, sums to amplitude, power or density, and those to decibels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis
from streamer.base.errors import SpecError
from streamer.base.text import printable
from streamer.base.units import db_from_amplitudes, db_from_power, db_from_powers

Scale = Literal["complex", "amplitude", "power", "psd"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """What to compute: values of this scale, from sums of this dtype."""

    analysis: Analysis
    dtype: np.dtype[Any]
    scale: Scale

    def __post_init__(self) -> None:
        if self.scale == "complex" and not self.analysis.is_complex:
            spec = printable(self.analysis.bank.spec[:60]) or "..."
            raise SpecError(
                "scale is complex, and a band has a power and no phase: ask for amplitude, power or psd, or for sines "
                f"at the middles of the bands by probes({spec})"
            )

    @property
    def value_dtype(self) -> np.dtype[Any]:
        return np.result_type(self.dtype, np.complex64) if self.scale == "complex" else self.dtype

    def values_from(self, x: NDArray[np.complexfloating], out: NDArray[Any]) -> None:
        """Write complex x, which is overwritten, as values of the scale asked for."""
        parts = x.view(self.dtype)
        parts *= parts
        np.add(parts[:, 0::2], parts[:, 1::2], out=out)
        taper = self.analysis.frames.taper
        amplitude_per_x = self.analysis.amplitude_per_value
        if self.scale == "amplitude":
            np.sqrt(out, out=out)
            out *= out.dtype.type(amplitude_per_x)
        elif self.scale == "power":
            out *= out.dtype.type(amplitude_per_x**2 / 2)
        else:
            out *= out.dtype.type(2 / (self.analysis.fs_hz * np.sum(taper**2)))

    def scale_powers(self, powers: NDArray[Any]) -> None:
        """Make powers of bands, (frames, bands), values of the scale asked for; complex values stay as they are."""
        if self.scale == "amplitude":
            np.sqrt(2 * powers, out=powers)
        elif self.scale == "psd":
            powers /= self.analysis.bandwidths_hz.astype(powers.dtype)


def to_floats(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Contiguous samples of dtype; integer PCM is scaled to full scale 1, unsigned PCM centred."""
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    if kind == "u":
        signed = np.dtype(f"i{samples.dtype.itemsize}")
        middle = samples.dtype.type(1 << (bits - 1))
        samples, kind = (np.ascontiguousarray(samples) ^ middle).view(signed), "i"
    with np.errstate(over="ignore"):  # what becomes infinite is told of, or refused, by whoever takes it
        floats = np.ascontiguousarray(samples, dtype=dtype)
    return floats * dtype.type(0.5 ** (bits - 1)) if kind == "i" else floats


def level_db(values: NDArray[np.floating], scale: Scale) -> NDArray[np.floating]:
    """Values in decibels: dBFS, where a full-scale sine is 0, or of psd dB re 1/Hz. Silence is -200 dB."""
    match scale:
        case "amplitude":
            return db_from_amplitudes(values)
        case "power":
            level = db_from_powers(values, least=0.5e-20)
            return level + level.dtype.type(db_from_power(2))
    return db_from_powers(values)
