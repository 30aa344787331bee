"""Other libraries. Each measures a case in one thread and returns seconds and its error.

Those that take no window are spared the work of laying one on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import metadata
from typing import Any

import numpy as np

from streamer.analysis.frames import make_taper
from streamer.commands.bench.cases import FS_HZ, Case, best_seconds, cut_frames, measure_error

Measured = tuple[float, float | None]


def list_peers() -> Iterator[tuple[str, str, Callable[[Case], Measured], str]]:
    yield "numpy, frames times a table (BLAS)", "float64", _measure_matrix_product, "all threads of BLAS"
    yield "scipy rfft", "float64", _measure_rfft, "the N/2 + 1 grid frequencies, not the bank"
    yield "scipy zoom FFT", "float64", _measure_zoom_fft, "as many equidistant frequencies"
    if find_version("fastgoertzel"):
        yield "fastgoertzel, frame by frame, one thread", "float64", _measure_fastgoertzel, "no window"
        yield "fastgoertzel, sliding, one thread", "float64", _measure_fastgoertzel_sliding, "no window"
    if find_version("finufft"):
        yield (
            "finufft type 2, one thread",
            "float32",
            lambda case: _measure_finufft(case, np.float32),
            "eps 1e-6",
        )
        yield (
            "finufft type 2, one thread",
            "float64",
            lambda case: _measure_finufft(case, np.float64),
            "eps 1e-12",
        )


def _measure_matrix_product(case: Case) -> Measured:
    frames, freqs_hz = cut_frames(case), case.analysis.bank.freqs_hz
    turns = np.outer(np.arange(case.length_samples), freqs_hz) / FS_HZ
    table = np.concatenate([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=1)
    taper = case.analysis.frames.taper
    seconds = best_seconds(lambda: (frames * taper) @ table)
    values = (frames[-1] * taper) @ table
    return seconds, measure_error(case, values[: case.bands] + 1j * values[case.bands :])


def _measure_rfft(case: Case) -> Measured:
    from scipy.fft import rfft

    frames, taper = cut_frames(case), case.analysis.frames.taper
    return best_seconds(lambda: rfft(frames * taper, axis=-1)), None


def prepare_transform(case: Case, dtype: Any) -> Callable[[], Any]:
    """scipy's rfft of the frames, tapered already, padded to twice their length: the least that a fine grid costs."""
    from scipy.fft import rfft

    padded = np.zeros((case.frames, 2 * case.length_samples), dtype)
    padded[:, : case.length_samples] = cut_frames(case, dtype) * case.analysis.frames.taper.astype(dtype)
    return lambda: rfft(padded, axis=-1)


def _measure_zoom_fft(case: Case) -> Measured:
    from scipy.signal import ZoomFFT

    frames, taper, freqs_hz = cut_frames(case), case.analysis.frames.taper, case.analysis.bank.freqs_hz
    ends = [freqs_hz[0], freqs_hz[-1]]
    zoom = ZoomFFT(case.length_samples, ends, m=case.bands, fs=FS_HZ, endpoint=True)
    return best_seconds(lambda: zoom(frames * taper)), measure_error(case, zoom(frames[-1] * taper))


def _measure_fastgoertzel(case: Case) -> Measured:
    import fastgoertzel

    frames, freqs_hz = np.ascontiguousarray(cut_frames(case)), case.analysis.bank.freqs_hz

    def run() -> Any:
        for frame in frames:
            values = fastgoertzel.goertzel_batch_complex(frame, freqs_hz, fs=FS_HZ, threads=1)
        return values

    return best_seconds(run), measure_error(case, run(), taper=make_taper("boxcar", case.length_samples))


def _measure_fastgoertzel_sliding(case: Case) -> Measured:
    import fastgoertzel

    samples, freqs_hz = case.samples(np.float64), case.analysis.bank.freqs_hz

    def run() -> Any:
        return fastgoertzel.goertzel_sliding_batch_complex(
            samples, case.length_samples, freqs_hz, step=case.hop_samples, fs=FS_HZ, threads=1
        )

    return best_seconds(run), measure_error(case, run()[-1], taper=make_taper("boxcar", case.length_samples))


def _measure_finufft(case: Case, dtype: Any) -> Measured:
    import finufft

    single = dtype is np.float32
    complex_dtype = np.complex64 if single else np.complex128
    frames = cut_frames(case, dtype)
    taper = case.analysis.frames.taper.astype(dtype)
    omega = 2 * np.pi * case.analysis.bank.freqs_hz / FS_HZ
    plan = finufft.Plan(
        2,
        (case.length_samples,),
        n_trans=case.frames,
        eps=1e-6 if single else 1e-12,
        isign=-1,
        dtype=np.dtype(complex_dtype).name,
        nthreads=1,
    )
    plan.setpts(omega.astype(dtype))
    seconds = best_seconds(lambda: plan.execute((frames * taper).astype(complex_dtype)))
    values = np.atleast_2d(plan.execute((frames * taper).astype(complex_dtype)))[-1]
    centre = case.length_samples // 2  # its sample 0 is the middle one
    return seconds, measure_error(case, values * np.exp(-1j * omega * centre))


def find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
