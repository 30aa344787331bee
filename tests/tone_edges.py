"""How true [[tone]] is: starts, ends, levels and frequencies of tones in noise, as a table.

    python -m tests.tone_edges [--items N] [--seed N]

Every item is a tone (or pair) of random frequency within half the tolerance, level, phase and onset, with raised
cosine ramps of 0 to 5 ms, over white noise that goes on before and after. S/N is the power of one tone over that
of the noise within 4 kHz, whatever the rate. Start and end are where the ramps have half their amplitude. min_on is
three quarters of the duration, all other limits are their defaults. `streamer guide tones` has the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from streamer.detectors.tones import ToneDetector, ToneSpec
from tests.dtmf_bench.feeding import run_detector

PLANS = {
    "one tone, 300 Hz to 3.4 kHz": (),  # a frequency of its own each time
    "fax, 1100 Hz": (1100.0,),
    "busy, 480 + 620 Hz": (480.0, 620.0),
}
SNRS_DB = (40.0, 20.0, 10.0)
DURATIONS_MS = (60.0, 200.0, 500.0, 2000.0)
RATES_HZ = (8000, 48000)
PAUSE_MS = 400.0
NOISE_HZ = 4000.0


@dataclass(frozen=True, slots=True)
class Errors:
    """Of one item: milliseconds, decibels and hertz, each as measured less as sent."""

    start_ms: float
    stop_ms: float
    level_db: float
    freq_hz: float


def measure_item(
    freqs_hz: tuple[float, ...], *, snr_db: float, duration_ms: float, fs_hz: int, rng: np.random.Generator
) -> Errors | None:
    """None: it was not told, or not once."""
    if not freqs_hz:
        freqs_hz = (float(np.exp(rng.uniform(np.log(300), np.log(3400)))),)
    spec = ToneSpec(name="t", freqs_hz=freqs_hz, min_on_ms=0.75 * duration_ms)
    sent_hz = tuple(hz * (1 + rng.uniform(-0.0075, 0.0075)) for hz in freqs_hz)
    level_dbfs, ramp_ms = rng.uniform(-30, -10), rng.uniform(0, 5)
    start_ms = PAUSE_MS + rng.uniform(0, 50)
    samples = make_item(
        sent_hz,
        start_ms=start_ms,
        duration_ms=duration_ms,
        ramp_ms=ramp_ms,
        level_dbfs=level_dbfs,
        fs_hz=fs_hz,
        rng=rng,
    )
    noise = 10 ** ((level_dbfs - snr_db) / 20) * np.sqrt(0.5 * fs_hz / 2 / NOISE_HZ)
    samples += noise * rng.normal(size=samples.size)
    ends = [event for event in run_detector(ToneDetector(spec, fs_hz=fs_hz), samples) if event.phase == "end"]
    if len(ends) != 1:
        return None
    (end,) = ends
    assert end.duration_s is not None
    assert end.level_dbfs is not None
    off_hz = max((m - s for m, s in zip(end.freqs_hz, sent_hz, strict=True)), key=abs)
    return Errors(
        start_ms=end.t_s * 1e3 - start_ms,
        stop_ms=(end.t_s + end.duration_s) * 1e3 - start_ms - duration_ms,
        level_db=end.level_dbfs - level_dbfs - 10 * float(np.log10(len(sent_hz))),
        freq_hz=off_hz,
    )


def make_item(
    freqs_hz: tuple[float, ...],
    *,
    start_ms: float,
    duration_ms: float,
    ramp_ms: float,
    level_dbfs: float,
    fs_hz: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Sines of this level each; the ramps, raised cosines, are centred on start and end."""
    n_samples = round((start_ms + duration_ms + PAUSE_MS) * fs_hz / 1e3)
    # sample n stands for the time from n - 1/2 to n + 1/2, so that a tone from sample n on starts at n
    ms = (np.arange(n_samples) + 0.5) * 1e3 / fs_hz
    envelope = _rise(ms - start_ms, ramp_ms) * _rise(start_ms + duration_ms - ms, ramp_ms)
    waves = [
        np.sin(2 * np.pi * hz * np.arange(n_samples) / fs_hz + rng.uniform(0, 2 * np.pi)) for hz in freqs_hz
    ]
    return np.asarray(10 ** (level_dbfs / 20) * envelope * np.sum(waves, axis=0))


def _rise(ms: NDArray[np.float64], ramp_ms: float) -> NDArray[np.float64]:
    share = np.clip(ms / max(ramp_ms, 1e-6) + 0.5, 0, 1)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * share))


def measure_table(n_items: int, seed: int) -> Iterator[str]:
    """The table's lines, as Markdown: of absolute errors, the mean, what 95 % are within, and the worst."""
    yield "| plan | rate | S/N | duration | start ms | end ms | level dB | frequency Hz | missed |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for (plan, freqs_hz), fs_hz, snr_db, duration_ms in product(
        PLANS.items(), RATES_HZ, SNRS_DB, DURATIONS_MS
    ):
        rng = np.random.default_rng([seed, fs_hz, int(snr_db), int(duration_ms), len(freqs_hz)])
        items = [
            measure_item(freqs_hz, snr_db=snr_db, duration_ms=duration_ms, fs_hz=fs_hz, rng=rng)
            for _ in range(n_items)
        ]
        heard = [item for item in items if item is not None]
        columns = [
            _summarise([getattr(item, name) for item in heard])
            for name in ("start_ms", "stop_ms", "level_db", "freq_hz")
        ]
        missed = len(items) - len(heard)
        yield " | ".join(
            [
                f"| {plan}",
                f"{fs_hz / 1e3:g} kHz",
                f"{snr_db:g} dB",
                f"{duration_ms:g} ms",
                *columns,
                f"{missed} |",
            ]
        )


def _summarise(errors: list[float]) -> str:
    sizes = np.abs(errors)
    if not sizes.size:
        return "-"
    return " / ".join(f"{value:.2f}" for value in (sizes.mean(), np.quantile(sizes, 0.95), sizes.max()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=100, help="of each row")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for line in measure_table(arguments.items, arguments.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
