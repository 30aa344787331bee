"""What a bank means behind a window: what `streamer bands` prints."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.base.text import printable

IEC_NOTE = (
    "edges and middles are those of IEC 61260-1; the slopes are the window's, and no class of that standard is "
    "claimed: see `streamer guide bands`"
)
PROBE_NOTE = (
    "a probe reads a sine at its frequency, as wide as the window makes it, and not the level of the whole "
    "fractional-octave band that IEC 61260-1 defines"
)
MIN_BINS = 3.0  # under a width of so many, a band is as wide as the window makes it

# Their parameter counts samples, so that their shape depends on the length.
WINDOWS_WITH_A_LENGTH_OF_THEIR_OWN = ("gaussian", "general_gaussian", "exponential")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRow:
    index: int
    freq_hz: float
    label: str
    spacing_hz: float  # to the nearest neighbour; infinite for a lone band
    warnings: tuple[str, ...]
    low_hz: float | None = None  # edges; a probe has none
    high_hz: float | None = None
    window_samples: int = 0
    latency_ms: float = 0.0  # from the middle of its window to the end


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReport:
    """What `streamer bands` prints."""

    rows: tuple[BandRow, ...]
    enbw_hz: float  # of the shortest window, as what follows
    main_lobe_hz: float  # between the first nulls
    resolution_hz: (
        float  # 6 dB width: two equal tones closer than this read as one (Harris, Proc. IEEE 66, 1978)
    )
    notes: tuple[str, ...]  # what holds for the bank as a whole
    gap: str = ""  # where probes hear nothing, if they leave a gap
    latency: str = ""  # how late levels of bands are told

    @property
    def has_bands(self) -> bool:
        return any(row.low_hz is not None for row in self.rows)

    def format(self) -> str:
        """A table for people."""
        width = max(len("label"), *(len(row.label) for row in self.rows))
        more = f" {'from Hz':>10} {'to Hz':>10}" if self.has_bands else ""
        last = f" {'latency':>9}" if self.has_bands else ""
        lines = [f"{'#':>5} {'Hz':>12} {'label':<{width}}{more} {'spacing':>9}{last}"]
        for row in self.rows:
            spacing = f"{row.spacing_hz:.4g}" if math.isfinite(row.spacing_hz) else "-"
            edges = [f"{hz:.3f}" if hz is not None else "-" for hz in (row.low_hz, row.high_hz)]
            more = f" {edges[0]:>10} {edges[1]:>10}" if self.has_bands else ""
            last = f" {f'{row.latency_ms:.4g} ms':>9}" if self.has_bands else ""
            line = f"{row.index:>5} {row.freq_hz:>12.3f} {row.label:<{width}}{more} {spacing:>9}{last}"
            lines.append("  ! ".join([line, *row.warnings]).rstrip())
        lobe = f"main lobe {self.main_lobe_hz:.4g} Hz, parts tones from {self.resolution_hz:.4g} Hz on"
        shortest = "shortest window: " if self.has_bands else ""
        lines += ["", *filter(None, (self.latency, self.gap))]
        return "\n".join(
            [*lines, f"{shortest}{lobe}, noise bandwidth (ENBW) {self.enbw_hz:.4g} Hz", *self.notes]
        )


def describe_bank(bank: Bank, fs_hz: float, frames: FrameSpec) -> BankReport:
    """A bank behind one window for all of it."""
    return describe_analysis(Analysis(bank=bank, frames=frames, fs_hz=fs_hz))


def describe_analysis(analysis: Analysis) -> BankReport:
    """Spacing against what the windows can part, band by band."""
    bank, fs_hz = analysis.bank, analysis.fs_hz
    frames = analysis.frames.with_length(int(analysis.window_samples.min()))
    lobe_and_resolution_hz = measure_lobe_hz(frames, fs_hz)
    spacing_hz = _find_spacing_hz(bank)
    rows = tuple(
        _describe_row(analysis, i, float(spacing), *lobe_and_resolution_hz)
        for i, spacing in enumerate(spacing_hz)
    )
    notes = []
    if re.search(r"octave", bank.spec):
        notes.append(IEC_NOTE if bank.has_bands else PROBE_NOTE)
    probes_hz = spacing_hz[~bank.is_band]
    closest_hz = float(np.min(probes_hz)) if probes_hz.size else math.inf
    main_lobe_hz, resolution_hz = lobe_and_resolution_hz
    if closest_hz < resolution_hz:
        wanted_s = frames.length_samples * resolution_hz / closest_hz / fs_hz
        notes.append(
            f"a window of {wanted_s * 1e3:.4g} ms would part the closest two, {closest_hz:.4g} Hz apart"
        )
    return BankReport(
        rows=rows,
        enbw_hz=frames.enbw_hz(fs_hz),
        main_lobe_hz=main_lobe_hz,
        resolution_hz=resolution_hz,
        notes=tuple(notes),
        gap=describe_gap(analysis),
        latency=_describe_latency(analysis),
    )


def _find_spacing_hz(bank: Bank) -> NDArray[np.float64]:
    gaps_hz = np.diff(bank.freqs_hz)
    spacing: NDArray[np.float64] = np.minimum(np.append(gaps_hz, np.inf), np.insert(gaps_hz, 0, np.inf))
    return spacing


def _describe_row(
    analysis: Analysis, i: int, spacing_hz: float, main_lobe_hz: float, resolution_hz: float
) -> BandRow:
    bank, fs_hz, window = analysis.bank, analysis.fs_hz, int(analysis.window_samples[i])
    freq_hz, is_band = float(bank.freqs_hz[i]), bool(bank.is_band[i])
    low_hz, high_hz = bank.cut_edges_hz(fs_hz)[i].tolist()
    warnings = []
    if is_band:
        bins = (high_hz - low_hz) * window / fs_hz
        if bins < MIN_BINS:
            warnings.append(
                f"{bins:.2g} bins of its window wide: under {MIN_BINS:g} it hears beyond its edges; lengthen the window"
            )
        if bank.edges_hz is not None and bank.edges_hz[i, 1] > fs_hz / 2:
            warnings.append(f"ends at {bank.edges_hz[i, 1]:.6g} Hz, of which fs/2 cuts off a part")
    else:
        if spacing_hz < resolution_hz:
            warnings.append(f"neighbour {spacing_hz:.4g} Hz away; the window parts {resolution_hz:.4g} Hz")
        if freq_hz < main_lobe_hz / 2:
            warnings.append("0 Hz lies within the main lobe: DC and the phase of the tone change its level")
        if freq_hz > fs_hz / 2 - main_lobe_hz / 2:
            warnings.append("fs/2 lies within the main lobe: the phase of the tone changes its level")
    return BandRow(
        index=i,
        freq_hz=freq_hz,
        label=bank.labels[i],
        spacing_hz=spacing_hz,
        warnings=tuple(warnings),
        low_hz=low_hz if is_band else None,
        high_hz=high_hz if is_band else None,
        window_samples=window,
        latency_ms=window / fs_hz * 500,
    )


def find_seen_share(analysis: Analysis) -> float:
    """How much of the range from the first to the last of a bank of probes they see; bands leave no gap that matters.

    A probe sees the frequencies at which it loses less than 6 dB, so that two of them as far apart leave none out.
    """
    freqs_hz = analysis.bank.freqs_hz
    if analysis.bank.has_bands or freqs_hz.size < 2 or freqs_hz[0] == freqs_hz[-1]:
        return 1.0
    _, resolution_hz = measure_lobe_hz(analysis.frames, analysis.fs_hz)
    return float(np.minimum(np.diff(freqs_hz), resolution_hz).sum() / (freqs_hz[-1] - freqs_hz[0]))


def describe_gap(analysis: Analysis) -> str:
    """What to tell of probes with gaps between them; nothing where there are none."""
    share, bank = find_seen_share(analysis), analysis.bank
    if share > 1 - 1e-6:
        return ""
    low_hz, high_hz = bank.freqs_hz[[0, -1]]
    spec = printable(bank.spec) if bank.spec and len(bank.spec) <= 40 else "..."
    remedy = spec[7:-1] if re.fullmatch(r"probes\([^()]*octave[^()]*\)", spec) else f"bands({spec})"
    percent = max(1, round(share * 100))
    return (
        f"{len(bank)} probes see {percent} % of {low_hz:.4g} to {high_hz:.4g} Hz, and no tone between them: {remedy} "
        "would leave no gap"
    )


def _describe_latency(analysis: Analysis) -> str:
    """When a row of levels is told, if that is not the same for all of its bands."""
    windows = analysis.window_samples
    if analysis.is_complex or windows.min() == windows.max():
        return ""
    longest_ms = float(windows.max()) / analysis.fs_hz * 500
    owners = [analysis.bank.labels[i] for i in np.flatnonzero(windows == windows.max())]
    names = owners[0] if len(owners) == 1 else f"{owners[0]} to {owners[-1]}"
    return f"levels of all bands are told together, {longest_ms:.4g} ms late: that is the latency of {names}"


def measure_lobe_hz(frames: FrameSpec, fs_hz: float) -> tuple[float, float]:
    """Width of the window's main lobe between its first nulls, and between its 6 dB points."""
    length = frames.length_samples
    if frames.window.partition(":")[0] not in WINDOWS_WITH_A_LENGTH_OF_THEIR_OWN:
        length = min(length, 512)  # the shape is the same at any length, to a part in a thousand
    taper = FrameSpec(length_samples=length, hop_samples=length, window=frames.window).taper
    fold = max(4, 2**15 // length)
    lobe = np.abs(np.fft.rfft(taper, fold * length))
    below = np.flatnonzero(lobe < lobe[0] / 2)
    if not below.size:  # a window of a sample or two hears everything alike
        return fs_hz, fs_hz
    first_below = int(below[0])
    over, under = float(lobe[first_below - 1]), float(lobe[first_below])
    half = first_below - (lobe[0] / 2 - under) / (over - under)
    rising = np.flatnonzero(np.diff(lobe[first_below:]) > 0)
    null = first_below + int(rising[0]) if rising.size else lobe.size - 1
    bin_hz = fs_hz / frames.length_samples / fold
    return 2 * null * bin_hz, float(2 * half * bin_hz)
