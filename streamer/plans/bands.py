"""A line of text such as notes:A2-C7+dtmf, the bank it asks for, and what that means behind a window."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from streamer.analysis.bank import Bank
from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SpecError
from streamer.base.text import offer, shorten
from streamer.base.units import NUMBER
from streamer.plans.band_words import FILE, FRACTION, KINDS, PLAIN, Band, Kind, Term, check_count

PROBE_NOTE = (
    "one Goertzel band is a probe at the centre, as wide as the window makes it, and not the level of the "
    "whole fractional-octave band that IEC 61260 defines"
)

# Their parameter counts samples, so that their shape depends on the length.
WINDOWS_WITH_A_LENGTH_OF_THEIR_OWN = ("gaussian", "general_gaussian", "exponential")


def parse_bank(spec: str, fs_hz: float | None = None) -> Bank:
    """The bank a specification asks for; with fs_hz every band is checked to lie below fs_hz / 2.

    Joined by +; what is named twice is measured once.
    """
    if not isinstance(spec, str):
        raise SpecError(f"bands is {spec!r}; write a band specification such as 697,770,852")
    bands: list[Band] = []
    scales: set[str] = set()
    for text in _split_terms(spec):
        kind, term = _find_kind(text, spec, fs_hz)
        bands += kind.make(term)
        scales.add(kind.scale)
    bank = _merge(bands, scale=scales.pop() if len(scales) == 1 else "log", spec=spec)
    if fs_hz is not None:
        bank.check_below_nyquist(fs_hz)
    return bank


def make_bank(bands: str | ArrayLike | Bank, fs_hz: float | None = None) -> Bank:
    """A bank from whatever a caller may hand over: a specification, frequencies in hertz, or a bank."""
    if isinstance(bands, str):
        return parse_bank(bands, fs_hz)
    if isinstance(bands, Bank):
        bank = bands
    else:
        try:
            freqs_hz = np.atleast_1d(np.asarray(bands, dtype=np.float64))
        except (ValueError, TypeError) as error:
            raise SpecError(f"bands must be a specification or numbers of hertz ({error})") from error
        bank = Bank(freqs_hz=freqs_hz)
    if fs_hz is not None:
        bank.check_below_nyquist(fs_hz)
    return bank


def list_kinds() -> list[tuple[str, str]]:
    """Each word of the grammar by an example, with its meaning."""
    return [(kind.example, kind.meaning) for kind in KINDS.values()]


def _split_terms(spec: str) -> list[str]:
    terms = [term.strip() for term in spec.split("+")]
    if not all(terms):
        raise SpecError(
            f"bands are {shorten(spec)}, with nothing on one side of a +; for example dtmf+notes:A2-C7"
        )
    return terms


def _find_kind(text: str, spec: str, fs_hz: float | None) -> tuple[Kind, Term]:
    if text.startswith("@"):
        return FILE, Term("@", text[1:].strip(), fs_hz)
    if re.match(r"[\d.,-]", text) and not text.startswith("1/"):
        return PLAIN, Term("", text, fs_hz)
    word, _, arguments = text.partition(":")
    word = word.strip().lower()
    kind = KINDS.get("1/n-octave" if FRACTION.fullmatch(word) else word)
    if kind is None:
        words = [known for known in KINDS if known not in ("", "@")]
        choices = offer(word, words, there_are="there are frequencies such as 697,770, @FILE.csv and ")
        raise SpecError(f"bands are {shorten(spec)}: {shorten(word)} is not known{choices}")
    return kind, Term(word, arguments.strip(), fs_hz)


def _merge(bands: list[Band], *, scale: str, spec: str) -> Bank:
    """Ascending; equal frequencies become one band, with every name it was given."""
    if not bands:
        raise SpecError(f"bands are {shorten(spec)}, which holds no band; widen the range")
    check_count(len(bands), spec)
    freqs_hz: list[float] = []
    names: list[list[str]] = []
    for hz, label in sorted(bands, key=lambda band: band[0]):
        if not freqs_hz or hz - freqs_hz[-1] > 1e-9 * hz:
            freqs_hz.append(hz)
            names.append([])
        if label and label not in names[-1]:
            names[-1].append(label)
    labels = tuple(_label(hz, given) for hz, given in zip(freqs_hz, names, strict=True))
    return Bank(freqs_hz=np.array(freqs_hz), labels=labels, scale=scale, spec=spec)


def _label(hz: float, given: list[str]) -> str:
    """The names that say more than the number does, or the number."""
    telling = [label for label in given if not re.fullmatch(NUMBER, label, re.ASCII)]
    return "/".join(telling) or (given[0] if given else f"{hz:.6g}")


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
