"""Arrays to complex values and spectrograms, by the same analyser as live."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec, Window, spell_window
from streamer.analysis.goertzel import turn
from streamer.analysis.groups import fit_windows, shorten_windows
from streamer.analysis.values import Measurement, Scale, to_floats
from streamer.base.arguments import read_count, read_rate
from streamer.base.errors import SpecError
from streamer.plans.bands import make_bank
from streamer.recordings.arrays import check_memory, take_samples
from streamer.recordings.progress import Progress, follow
from streamer.recordings.threads import measure_rows
from streamer.stores.measured import Spectrogram

_LEAST_SAMPLES = (
    9  # of a signal whose axes could be meant the other way round: (samples, channels) has 1 to 8
)
DEFAULT_LENGTH = 2048
IN_SAMPLES = "a whole number of samples, at least 1"
_PIECE_SAMPLES = 1 << 16  # goertzel takes a long signal in pieces, so that its scratch memory stays small


def goertzel(
    x: ArrayLike,
    freqs: str | ArrayLike | Bank,
    fs: float,
    window: Window | None = None,
    axis: int = -1,
) -> NDArray[np.complexfloating]:
    """X(f) = sum of w[n] x[n] exp(-2j pi f n / fs) over all of x, (..., samples): complex (..., bands).

    Of bands, freqs are the middles. Computed in double precision, unless x is float32: then in single.
    axis: of x, along which time runs; the bands come last whatever it is
    window: "hann", ("kaiser", 8.6), a function of the length, the values, or None for none

    >>> import numpy as np, streamer
    >>> x = 0.5 * np.cos(2 * np.pi * 1000.3 * np.arange(8000) / 8000)
    >>> X = streamer.goertzel(x, [1000.3, 1500.0], 8000)
    >>> (2 * np.abs(X) / len(x)).round(3)
    array([0.5, 0. ])
    """
    fs = read_rate(fs)
    signal = take_samples(x, axis, shortest_samples=_LEAST_SAMPLES)
    _check_finite(signal, np.dtype(np.float64))
    length = signal.shape[-1]
    bank = make_bank(freqs, fs).as_probes()
    check_memory((*signal.shape[:-1], len(bank)), np.dtype(np.complex128))
    spec = _frame_spec(length, length, "boxcar" if window is None else window)
    dtype = np.dtype(np.float32 if signal.dtype == np.float32 else np.float64)
    rows = signal.reshape(-1, length)
    piece = min(length, _PIECE_SAMPLES)
    plain = FrameSpec(length_samples=piece, hop_samples=piece, window="boxcar")
    analyser = Analyser(Analysis(bank=bank, frames=plain, fs_hz=fs), dtype)
    values = np.zeros((len(rows), len(bank)), np.complex128)
    fresh = np.empty((1, len(bank)), analyser.complex_dtype)
    for i, row in enumerate(rows):
        for start in range(0, length, piece):
            samples = to_floats(row[start : start + piece], np.dtype(np.float64))
            samples = np.pad(samples * spec.taper[start : start + piece], (0, piece - samples.size))
            analyser.compute(samples.astype(dtype), fresh)
            values[i] += fresh[0] * turn(bank.freqs_hz, fs, np.array([start]))[0]
    return values.astype(analyser.complex_dtype).reshape(*signal.shape[:-1], len(bank))


def spectrogram(
    x: ArrayLike,
    fs: float,
    bands: str | ArrayLike | Bank,
    window_length: int | None = None,
    hop_length: int = 512,
    window: Window = "hann",
    scale: Scale = "amplitude",
    dtype: DTypeLike = np.float32,
    workers: int = 1,
    progress: Progress = None,
    axis: int = -1,
) -> Spectrogram:
    """Measure the bands in every full frame of x, (..., samples).

    window_length: of all windows. None is 2048 for probes, and of bands what each one's width needs, at least that
    and in a short x at most half of it: see window_samples.
    Integer samples are PCM and scaled to full scale 1. NaN and infinity are refused. dtype is the precision of
    the sums and of the values, float32 or float64. workers is how many threads share the work, outside the
    interpreter's lock; the values do not depend on it.
    axis is that of x along which time runs: 0 for (samples, channels), as soundfile reads them.
    progress: True shows a bar; a function is called with frames done and frames in all, from the caller's thread; tqdm,
    or a bar of its kind, is brought forward.
    window: as for goertzel.

    >>> import numpy as np, streamer
    >>> x = 0.5 * np.cos(2 * np.pi * 1000 * np.arange(8000) / 8000)
    >>> S = streamer.spectrogram(x, 8000, "log:100-3k:60", 1024, 128, window=("kaiser", 8.6))
    >>> S.values.shape, S.freqs_hz[0].item(), S.times_s[0].item()
    ((60, 55), 100.0, 0.064)
    """
    if scale not in get_args(Scale):
        raise SpecError(f'scale is "{scale}"; it must be one of {", ".join(get_args(Scale))}')
    workers, fs = read_count(workers, name="workers"), read_rate(fs)
    kind = _check_dtype(dtype)
    shortest_length = DEFAULT_LENGTH
    if window_length is not None:
        shortest_length = read_count(window_length, name="window_length", allowed=IN_SAMPLES)
    hop_length = read_count(hop_length, name="hop_length", allowed=IN_SAMPLES)
    signal = take_samples(x, axis, shortest_samples=shortest_length)
    _check_finite(signal, kind, workers=workers)
    frames = _frame_spec(shortest_length, hop_length, window)
    bank = make_bank(bands, fs)
    n_samples = signal.shape[-1]
    analysis = Analysis(bank=bank, frames=frames, fs_hz=fs)
    if window_length is None:
        analysis = shorten_windows(fit_windows(bank, fs, frames), n_samples)
    if n_samples < analysis.frames.length_samples:
        raise SpecError(
            f"x has {n_samples} samples and window_length is {analysis.frames.length_samples}, so there is not one "
            "full frame; shorten the window or pad x"
        )
    measurement = Measurement(analysis=analysis, dtype=kind, scale=scale)
    rows = signal.reshape(-1, n_samples)
    n_frames = analysis.frames.frames_within(n_samples)
    check_memory((*signal.shape[:-1], len(analysis.bank), n_frames), measurement.value_dtype)
    with follow(progress, len(rows) * n_frames) as report:
        values = measure_rows(measurement, rows, workers=workers, report=report)
    values = values.reshape(*signal.shape[:-1], *values.shape[1:])
    return Spectrogram(values=np.swapaxes(values, -1, -2), analysis=analysis, scale=scale)


def _check_finite(signal: NDArray[Any], dtype: np.dtype[Any], *, workers: int = 1) -> None:
    """SpecError when a sample is NaN, infinite or too large for dtype."""
    for row in signal.reshape(-1, signal.shape[-1]) if signal.dtype.kind == "f" else ():
        at = _find_nonfinite(row, dtype, workers)
        if at is not None:
            remedy = "scale it down" if np.isfinite(row[at]) else "numpy.nan_to_num makes silence of it"
            raise SpecError(f"x is {row[at]} at sample {at}; it must be finite in {dtype}: {remedy}")


def _find_nonfinite(row: NDArray[Any], dtype: np.dtype[Any], workers: int) -> int | None:
    """The first such sample, if there is one. Beside cheap frames the look takes a tenth of the time: it is shared."""
    stretch = max(_PIECE_SAMPLES, -(-row.size // workers))

    def look(begin: int) -> int | None:
        stretch_end = min(begin + stretch, row.size)
        for start in range(begin, stretch_end, _PIECE_SAMPLES):
            piece = row[start : min(start + _PIECE_SAMPLES, stretch_end)]
            with np.errstate(over="ignore"):
                finite = np.isfinite(piece.astype(dtype, copy=False))
            if not finite.all():
                return start + int(np.argmin(finite))
        return None

    begins = range(0, row.size, stretch)
    if len(begins) <= 1:
        return look(0)
    with ThreadPoolExecutor(workers) as threads:
        return next((at for at in threads.map(look, begins) if at is not None), None)


def _check_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    if checked not in (np.float32, np.float64):
        raise SpecError(f"dtype is {dtype}; sums are float32 or float64")
    return checked


def _frame_spec(length: int, hop: int, window: Window) -> FrameSpec:
    if hop > length:
        raise SpecError(
            f"hop_length is {hop}; it must lie in 1..{length} (window_length), "
            "or samples between frames would never be looked at"
        )
    spelt = spell_window(window, int(length))
    frames = FrameSpec(length_samples=int(length), hop_samples=int(hop), window=spelt)
    if not abs(frames.taper.sum()) > 0:
        raise SpecError("window sums to 0, so no amplitude can be read through it; choose another")
    return frames
