"""What Python programs hand over, in the forms that they have: SpecError names the argument, its value and what is
allowed, where it can be none of them.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.base.errors import SpecError
from streamer.base.text import show
from streamer.base.units import MAX_RATE_HZ

RATE = f"a sample rate lies in 1..{MAX_RATE_HZ:g} Hz: write a number, such as 8000"


def read_rate(value: object, *, name: str = "fs") -> float:
    """A sample rate in hertz; whether anything can be done at it is said by who does it."""
    rate_hz = _to_float(value)
    if rate_hz is None or not 0 < rate_hz < math.inf:
        raise SpecError(f"{name} is {show(value)}; {RATE}")
    return rate_hz


def read_count(value: object, *, name: str, allowed: str = "a whole number of at least 1") -> int:
    """How many of something there are, at least one."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SpecError(f"{name} is {show(value)}; it must be {allowed}")
    return int(value)


def read_calibration(value: object) -> str | None:
    """As it is written on the command line: a level, or a name."""
    if value is None or isinstance(value, str):
        return value
    spl_db = _to_float(value)
    if spl_db is None or not math.isfinite(spl_db):
        raise SpecError(
            f"calibration is {show(value)}; write what 0 dBFS is in dB SPL, such as 118, or a device's name"
        )
    return f"{spl_db:.6f}".rstrip("0").rstrip(".")


def read_array(value: ArrayLike, *, name: str) -> NDArray[Any]:
    """An array of whatever it holds."""
    # numpy.ma takes 20 ms to load, and there is no masked array where it is not.
    if (ma := sys.modules.get("numpy.ma")) and isinstance(value, ma.MaskedArray):
        raise SpecError(f"{name} is a masked array; say what stands for what is masked: {name}.filled(0)")
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise SpecError(f"{name} is no array of numbers ({error})") from error


def _to_float(value: object) -> float | None:
    """Of a real number, numpy's and an array's only one among them."""
    array = value if isinstance(value, np.ndarray | np.generic) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and (array is None or array.size != 1 or array.dtype.kind not in "iuf"):
        return None
    try:
        return float(value if array is None else array.item())  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
