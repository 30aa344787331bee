"""A microphone's correction file, as its maker or REW writes it: a frequency, its gain in dB, perhaps a phase, a line.

Heard of are miniDSP's (UMIK-1 and 2), Dayton's and REW's own. Before the numbers any text may stand, and behind *, ",
#, ; and / anywhere. A "Sens Factor" is read and told, and never used: programs differ by 30 dB about what it means.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.reading import Curve
from streamer.base.text import shorten

MAX_BYTES = 1 << 20
MAX_GAIN_DB = 60.0  # beyond it is no microphone, or another column
_COMMENT = ("*", '"', "#", ";", "/", "'")
_BEGINS_WITH_NUMBER = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?(?=[\s,;]|$)")
_SENSITIVITY = re.compile(r"Sens(?:itivity)?\s*Factor\s*=?\s*([+-]?[\d.]+)\s*dB", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionFile:
    """curve: what the microphone adds to each frequency   sens_factor_db: as the file says, if it does"""

    curve: Curve
    sens_factor_db: float | None = None


def read_correction(path: Path) -> CorrectionFile:
    """SpecError, in one line that names file and line, for what is no such file."""
    name = shorten(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError(f"correction file {name} cannot be read: {reason}") from error
    if len(content) > MAX_BYTES:
        raise SpecError(
            f"correction file {name} is larger than a megabyte, and no list of frequencies and gains"
        )
    return parse_correction(_decode(content), name=name)


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def parse_correction(text: str, *, name: str) -> CorrectionFile:
    """name: what messages call it"""
    freqs_hz: list[float] = []
    gains_db: list[float] = []
    sens_factor_db = None
    for number, line in enumerate(text.splitlines(), 1):
        written = line.strip()
        if (found := _SENSITIVITY.search(written)) and (value := _read_number(found[1])) is not None:
            sens_factor_db = value
        if not written or written.startswith(_COMMENT):
            continue
        if not _BEGINS_WITH_NUMBER.match(written):
            if freqs_hz:
                raise _refuse(name, number, written, "stands among the numbers and is no comment")
            continue  # a heading
        hz, gain_db = _read_pair(written, name, number)
        if freqs_hz and hz <= freqs_hz[-1]:
            raise _refuse(
                name, number, written, f"is not above {freqs_hz[-1]:g} Hz, the line before: they ascend"
            )
        freqs_hz.append(hz)
        gains_db.append(gain_db)
    if len(freqs_hz) < 2:
        raise SpecError(
            f"correction file {name} has {len(freqs_hz)} lines of a frequency and its gain, and needs two or more, "
            "such as 20.0 -1.2"
        )
    return CorrectionFile(curve=Curve(tuple(freqs_hz), tuple(gains_db)), sens_factor_db=sens_factor_db)


def _read_pair(written: str, name: str, number: int) -> tuple[float, float]:
    fields = [field.rstrip(",") for field in re.split(r"[\s;]+", written)]
    if len(fields) < 2:
        fields = written.split(",")
    if len(fields) < 2:
        raise _refuse(name, number, written, "has a frequency and no gain")
    hz, gain_db = (_read_number(field) for field in fields[:2])
    if hz is None or gain_db is None:
        raise _refuse(name, number, written, "is no frequency and gain, such as 20.0 -1.2")
    if not 0 < hz <= 1e6:
        raise _refuse(name, number, written, "has a frequency that is not within 0..1 MHz")
    if abs(gain_db) > MAX_GAIN_DB:
        raise _refuse(name, number, written, f"has a gain beyond {MAX_GAIN_DB:g} dB")
    return hz, gain_db


def _read_number(text: str) -> float | None:
    """With a decimal point, or a comma where that is usual."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refuse(name: str, number: int, written: str, why: str) -> SpecError:
    return SpecError(f"correction file {name}, line {number}: {shorten(written)} {why}")
