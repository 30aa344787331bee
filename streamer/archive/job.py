"""What a scan is to make of every recording: words that mean the same everywhere, and a digest of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.analysis.groups import shorten_windows
from streamer.analysis.values import Measurement
from streamer.base.errors import SpecError
from streamer.base.files import replacing
from streamer.base.text import choose
from streamer.base.version import __version__
from streamer.recordings.pieces import SpectraSpec

Product = Literal["events", "levels", "complex", "db8"]
PRODUCTS: tuple[Product, ...] = get_args(Product)
FORMAT = 2  # of what a scan writes

DB8_LOWEST, DB8_STEP, DB8_NONE = -120.0, 0.5, 255


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a scan.

    plans: names of shipped ones, or of those in plan_files, place and text: a worker elsewhere has no such file
    """

    products: tuple[Product, ...]
    bands: str | None = None
    window: str = "hann"
    window_length: str | None = None
    hop: str | None = None
    plans: tuple[str, ...] = ()
    plan_files: tuple[tuple[str, str], ...] = ()
    version: str = __version__
    format: int = FORMAT

    def __post_init__(self) -> None:
        for product in self.products:
            choose(product, PRODUCTS, name="product")
        if "events" in self.products and not self.plans:
            raise SpecError(
                "product is events, and --plan none listens for nothing: name a plan, or another product"
            )

    @property
    def digest(self) -> str:
        """The same for jobs that lead to the same."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    @property
    def spectral(self) -> tuple[Product, ...]:
        return tuple(product for product in self.products if product != "events")

    def make_measurement(self, product: Product, fs_hz: float, n_samples: int | None) -> Measurement:
        spec = SpectraSpec(
            bands=self.bands,
            window=self.window,
            window_length=self.window_length,
            hop=self.hop,
            scale="complex" if product == "complex" else "amplitude",
        )
        measurement = spec.make_measurement(fs_hz, n_samples)
        if n_samples is None or not spec.is_auto:
            return measurement
        return replace(measurement, analysis=shorten_windows(measurement.analysis, n_samples))


def to_db8(amplitudes: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Levels in steps of half a decibel from -120 dBFS up to 7 dBFS; what is not known is DB8_NONE."""
    with np.errstate(divide="ignore"):
        steps: NDArray[Any] = np.log10(amplitudes)
    steps *= 20
    steps -= DB8_LOWEST
    steps /= DB8_STEP
    np.rint(steps, out=steps)
    np.clip(steps, 0, DB8_NONE - 1, out=steps)
    steps[np.isnan(steps)] = DB8_NONE
    return steps.astype(np.uint8)


def place_plans(job: Job) -> tuple[str, ...]:
    """The plans as this machine has them: those that came as a text are written where no other job's are."""
    if not job.plan_files:
        return job.plans
    folder = Path(tempfile.gettempdir()) / f"streamer-plans-{os.getuid()}-{job.digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    texts = dict(job.plan_files)
    for name, text in texts.items():
        place = folder / name
        place.parent.mkdir(exist_ok=True)
        if not place.is_file() or place.read_text() != text:
            with replacing(place) as path:
                path.write_text(text)
    return tuple(str(folder / name) if name in texts else name for name in job.plans)
