"""What a bank means behind a window: what `streamer bands` prints."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from streamer.analysis.bank import Bank
from streamer.analysis.frames import FrameSpec

PROBE_NOTE = (
    "one Goertzel band is a probe at the centre, as wide as the window makes it, and not the level of the "
    "whole fractional-octave band that IEC 61260 defines"
)

# Their parameter counts samples, so that their shape depends on the length.
WINDOWS_WITH_A_LENGTH_OF_THEIR_OWN = ("gaussian", "general_gaussian", "exponential")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandRow:
    index: int
    freq_hz: float
    label: str
    spacing_hz: float  # to the nearest neighbour; infinite for a lone band
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankReport:
    """What `streamer bands` prints."""

    rows: tuple[BandRow, ...]
    enbw_hz: float
    main_lobe_hz: float  # between the first nulls
    resolution_hz: (
        float  # 6 dB width: two equal tones closer than this read as one (Harris, Proc. IEEE 66, 1978)
    )
    notes: tuple[str, ...]  # what holds for the bank as a whole

    def format(self) -> str:
        """A table for people."""
        width = max(len("label"), *(len(row.label) for row in self.rows))
        lines = [f"{'#':>5} {'Hz':>12} {'label':<{width}} {'spacing':>9}"]
        for row in self.rows:
            spacing = f"{row.spacing_hz:.4g}" if math.isfinite(row.spacing_hz) else "-"
            line = f"{row.index:>5} {row.freq_hz:>12.3f} {row.label:<{width}} {spacing:>9}"
            lines.append("  ! ".join([line, *row.warnings]).rstrip())
        lobe = f"main lobe {self.main_lobe_hz:.4g} Hz, parts tones from {self.resolution_hz:.4g} Hz on"
        lines += ["", f"{lobe}, noise bandwidth (ENBW) {self.enbw_hz:.4g} Hz", *self.notes]
        return "\n".join(lines)


def describe_bank(bank: Bank, fs_hz: float, frames: FrameSpec) -> BankReport:
    """Spacing against what the window can part, band by band."""
    bank.check_below_nyquist(fs_hz)
    main_lobe_hz, resolution_hz = measure_lobe_hz(frames, fs_hz)
    gaps_hz = np.diff(bank.freqs_hz)
    spacing_hz = np.minimum(np.append(gaps_hz, np.inf), np.insert(gaps_hz, 0, np.inf))
    rows = []
    for i, (freq, spacing) in enumerate(zip(bank.freqs_hz, spacing_hz, strict=True)):
        warnings = []
        if spacing < resolution_hz:
            warnings.append(f"neighbour {spacing:.4g} Hz away; the window parts {resolution_hz:.4g} Hz")
        if freq < main_lobe_hz / 2:
            warnings.append("0 Hz lies within the main lobe: DC and the phase of the tone change its level")
        if freq > fs_hz / 2 - main_lobe_hz / 2:
            warnings.append("fs/2 lies within the main lobe: the phase of the tone changes its level")
        rows.append(
            BandRow(
                index=i,
                freq_hz=float(freq),
                label=bank.labels[i],
                spacing_hz=float(spacing),
                warnings=tuple(warnings),
            )
        )
    notes = [PROBE_NOTE] if re.search(r"octave", bank.spec) else []
    closest_hz = float(np.min(spacing_hz))
    if closest_hz < resolution_hz:
        wanted_s = frames.length_samples * resolution_hz / closest_hz / fs_hz
        notes.append(
            f"a window of {wanted_s * 1e3:.4g} ms would part the closest two, {closest_hz:.4g} Hz apart"
        )
    return BankReport(
        rows=tuple(rows),
        enbw_hz=frames.enbw_hz(fs_hz),
        main_lobe_hz=main_lobe_hz,
        resolution_hz=resolution_hz,
        notes=tuple(notes),
    )


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
