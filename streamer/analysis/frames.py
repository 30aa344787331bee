"""Which samples make frame k, and the window laid over them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.base.errors import SpecError
from streamer.base.text import shorten

# Sums of cosines: w[n] = sum (-1)^k a[k] cos(2 pi k n / N). Harris, Proc. IEEE 66 (1978); Nuttall, IEEE ASSP 29
# (1981). scipy has these too, but importing scipy.signal costs a second of processor time.
COSINE_SUMS = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
Window = str | ArrayLike | Callable[[int], ArrayLike]
OWN_VALUES = "values:"  # begins the window that is given by its values
SAME = 1e-14  # of values that somebody else has computed by the same formula


@lru_cache(maxsize=64)
def make_taper(window: str, length_samples: int) -> NDArray[np.float64]:
    """The periodic window function scipy.signal.get_window knows by this name, (length_samples,), read-only.

    Parametrised windows are written `kaiser:8.6`, `tukey:0.25`; `values:0,0.5,1,0.5` is the window itself.
    """
    if window.startswith(OWN_VALUES):
        return _parse_values(window.removeprefix(OWN_VALUES), length_samples)
    if window in COSINE_SUMS:
        turns = 2 * np.pi * np.arange(length_samples) / length_samples
        terms = [(-1) ** k * a * np.cos(k * turns) for k, a in enumerate(COSINE_SUMS[window])]
        taper = np.sum(terms, axis=0) if length_samples > 1 else np.ones(1)
        taper.flags.writeable = False
        return taper
    from scipy.signal import get_window

    name, *parameters = window.split(":")
    try:
        wanted: Any = (name, *(float(parameter) for parameter in parameters)) if parameters else name
        with np.errstate(all="ignore"):
            taper = np.asarray(get_window(wanted, length_samples, fftbins=True), dtype=np.float64)
    except (ValueError, TypeError, AttributeError) as error:
        raise SpecError(
            f"window is {shorten(window)}; it must be a name scipy.signal.get_window knows, "
            f"such as hann, hamming, blackman, boxcar or kaiser:8.6 ({str(error)[:100]})"
        ) from error
    if not np.isfinite(taper).all():
        raise SpecError(f"window is {shorten(window)}, whose values are not all finite numbers")
    taper.flags.writeable = False
    return taper


def spell_window(window: Window, length_samples: int) -> str:
    """As FrameSpec takes it, from the forms in which callers have a window.

    A name; a name with its parameters, ("kaiser", 8.6), as scipy takes them; a function of the length, numpy.hanning;
    or the values themselves, which get their name back if they are those of a window with one.
    """
    if isinstance(window, str):
        return window
    if isinstance(window, tuple) and window and isinstance(window[0], str):
        name, *parameters = window
        try:
            return ":".join([name, *(repr(float(parameter)) for parameter in parameters)])
        except (TypeError, ValueError) as error:
            raise SpecError(
                f'window is {shorten(window)}; behind its name stand numbers, as in ("kaiser", 8.6)'
            ) from error
    try:
        values = np.asarray(window(length_samples) if callable(window) else window)
    except (TypeError, ValueError) as error:
        raise SpecError(f"window is {shorten(window)}, which gives no values ({str(error)[:100]})") from error
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise SpecError(
            f"window is {values.dtype} of shape {values.shape}; it must be a name or real numbers"
        )
    values = values.astype(np.float64)
    if values.size == length_samples:
        for name in COSINE_SUMS:
            if np.abs(make_taper(name, length_samples) - values).max(initial=0) <= SAME:
                return name
    return OWN_VALUES + ",".join(map(repr, values.tolist()))


def _parse_values(text: str, length_samples: int) -> NDArray[np.float64]:
    try:
        taper = np.array([float(value) for value in text.split(",")])
    except ValueError as error:
        raise SpecError(
            f"window is given by its values, and one is not a number ({str(error)[:100]})"
        ) from error
    if taper.size != length_samples or not np.isfinite(taper).all():
        raise SpecError(
            f"window has {taper.size} values; it must have as many as a frame has samples, "
            f"{length_samples}, all of them finite"
        )
    taper.flags.writeable = False
    return taper


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSpec:
    """Frame k covers samples [k * hop_samples, k * hop_samples + length_samples); only full frames exist."""

    length_samples: int
    hop_samples: int
    window: str = "hann"

    def __post_init__(self) -> None:
        if self.length_samples < 1:
            raise SpecError(f"length_samples is {self.length_samples}; it must be at least 1")
        if not 1 <= self.hop_samples <= self.length_samples:
            raise SpecError(
                f"hop_samples is {self.hop_samples}; it must lie in 1..{self.length_samples} "
                "(length_samples), or samples between frames would never be looked at"
            )

    @property
    def taper(self) -> NDArray[np.float64]:
        return make_taper(self.window, self.length_samples)

    def with_length(self, length_samples: int) -> FrameSpec:
        """The same window at another length."""
        return replace(self, length_samples=length_samples)

    def enbw_hz(self, fs_hz: float) -> float:
        """Equivalent noise bandwidth fs sum(w^2) / sum(w)^2."""
        taper = self.taper
        return float(fs_hz * np.sum(taper**2) / np.sum(taper) ** 2)

    @property
    def window_name(self) -> str:
        """For people: hann, kaiser:8.6, or that its values were given."""
        return "own values" if self.window.startswith(OWN_VALUES) else self.window

    def frames_within(self, n_samples: int) -> int:
        """How many full frames end at or before sample n_samples: also the first frame not complete yet."""
        return max(0, (n_samples - self.length_samples) // self.hop_samples + 1)

    def frames_that_hold(self, start_sample: int, stop_sample: int) -> slice:
        """Which frames have one of these samples in their windows; samples before 0 are in none."""
        return slice(self.frames_within(start_sample), max(0, -(-stop_sample // self.hop_samples)))
