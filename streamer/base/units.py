"""Numbers with units, as people write and read them: 250ms, 1.5k, -30dBFS, 25%; and what a decibel is.

Every parser takes what was written and `name`, what it was written for, and raises SpecError naming both.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from streamer.base.errors import SpecError
from streamer.base.text import shorten

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Real = TypeVar("Real", bound=np.floating)

DBM0_OVER_DBFS = 3.14  # ITU-T G.711, table 5: a full-scale A-law sine is +3.14 dBm0
SILENCE_DB = -200.0  # what no power at all reads
MAX_DB = 400.0  # beyond what float64 audio can hold; a slipped decimal point, not a level

SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
HERTZ = {"": 1.0, "hz": 1.0, "k": 1e3, "khz": 1e3}
MEGAHERTZ = {"M": 1e6, "MHz": 1e6}  # apart, since a small m would be milli

MIN_HZ, MAX_HZ = 1e-9, 1e12  # no signal sampled by anybody; keeps arithmetic on frequencies finite
MAX_RATE_HZ = 100e6  # of sampling
MAX_VALUES_PER_S = 250e6  # rate x channels: 1,024 channels at 192 kHz; four seconds of that are 4 GB
MAX_VALUE = (
    1e12  # of a sample: full scale is 1; beyond are other bytes taken for floats, and sums that overflow
)
MAX_DURATION_S = 1e9  # 31 years: what is longer is no duration, and its samples could not be counted
MAX_WINDOW_SAMPLES = 2**24  # six minutes at 48 kHz; what is longer is a slipped unit

NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"([+-]?{NUMBER})\s*([^\d\s.+-][^\s]*)?", re.ASCII)
_DURATION_PART = re.compile(rf"({NUMBER})\s*([a-zµ]+)\s*", re.ASCII)
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)", re.ASCII)  # 1:02:03.5, 2:03, 3


def parse_duration_s(text: str | float, *, name: str = "duration") -> float:
    """Seconds from 250ms, 2s, 1m, 1h or 1h23m45s."""
    allowed = "write a number and ns, us, ms, s, m or h, such as 250ms, 2s or 1h30m"
    if not isinstance(text, str):
        raise SpecError(f"{name} is {text}, without a unit; {allowed}")
    written = text.strip()
    total_s, at, last_unit_s = 0.0, 0, math.inf
    while at < len(written):
        part = _DURATION_PART.match(written, at)
        unit_s = SECONDS.get(part[2]) if part else None
        # 45s1h or 2s3s is a slip of the hand
        if part is None or unit_s is None or unit_s >= last_unit_s:
            raise SpecError(f"{name} is {shorten(text)}, which is no duration; {allowed}")
        total_s += float(part[1]) * unit_s
        at, last_unit_s = part.end(), unit_s
    if not written:
        raise SpecError(f"{name} is empty; {allowed}")
    if not total_s <= MAX_DURATION_S:
        raise SpecError(f"{name} is {shorten(text)}, which is too long to count; {allowed}")
    return total_s


def parse_time_s(text: str, *, name: str = "duration") -> float:
    """Seconds of a signal, as people say them on a command line: a duration, bare seconds, m:ss or h:mm:ss.

    A plan's times need their unit: there, milliseconds are as likely meant.
    """
    written = text.strip()
    if (clock := _CLOCK.fullmatch(written)) is None:
        try:
            return parse_duration_s(text, name=name)
        except SpecError as error:
            raise SpecError(f"{error}; or seconds, 90, or minutes and seconds, 1:30") from None
    hours, minutes, seconds = (float(part[:400]) if part else 0.0 for part in clock.groups())
    if (clock[2] is not None and seconds >= 60) or (clock[1] is not None and minutes >= 60):
        raise SpecError(f"{name} is {shorten(text)}; minutes and seconds go up to 59, such as 1:02:03")
    total_s = 3600 * hours + 60 * minutes + seconds
    if not total_s <= MAX_DURATION_S:
        raise SpecError(
            f"{name} is {shorten(text)}, which is too long to count; write it such as 90, 1:30 or 2h"
        )
    return total_s


def parse_lasting_s(text: str, *, name: str) -> float:
    """The same, of what must last: longer than nothing."""
    total_s = parse_time_s(text, name=name)
    if total_s == 0:
        raise SpecError(
            f"{name} is {shorten(text)}, and that is no time at all; write it such as 250ms, 90 or 1:30"
        )
    return total_s


def parse_duration_range_s(text: str | float, *, name: str = "range") -> tuple[float, float]:
    """Shortest and longest, in seconds, from 0.6s-1.5s."""
    parts = text.split("-") if isinstance(text, str) else []
    if len(parts) != 2:
        raise SpecError(f"{name} is {shorten(text)}; write the shortest and the longest, such as 0.6s-1.5s")
    told = f"{name} is {shorten(text)}: its"
    low_s = parse_duration_s(parts[0], name=f"{told} shortest")
    high_s = parse_duration_s(parts[1], name=f"{told} longest")
    if low_s > high_s:
        raise SpecError(f"{name} is {shorten(text)}; the shorter of the two comes first")
    return low_s, high_s


def parse_moment(text: str, *, name: str = "time") -> datetime:
    """A date and a time as ISO 8601 has them; without an offset from UTC it is this machine's."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if not 1000 <= moment.year <= 9000:
            raise ValueError(moment.year)
        return moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise SpecError(
            f"{name} is {shorten(text)}; write a date and a time such as 2026-11-22T07:31:00+01:00, or without an "
            "offset for the time here"
        ) from error


def parse_frequency_hz(text: str | float, *, name: str = "frequency") -> float:
    """Hertz above 0 from 440, 440Hz, 1.5k, 1.5kHz or 2M."""
    allowed = "write a number above 0, with Hz, k, kHz, M or MHz if you like, such as 440, 1.5k or 697.5Hz"
    number, unit = _split(text, name=name, allowed=allowed)
    factor = MEGAHERTZ.get(unit) or HERTZ.get(unit.lower())
    if factor is None:
        raise SpecError(f"{name} is {shorten(text)}: {shorten(unit)} is no unit of frequency; {allowed}")
    value_hz = number * factor
    if not MIN_HZ <= value_hz <= MAX_HZ:
        raise SpecError(f"{name} is {shorten(text)}; {allowed}")
    return value_hz


def parse_db(text: str | float, *, name: str = "ratio") -> float:
    """A ratio in decibels, from 8dB or 8."""
    number, unit = _split(text, name=name, allowed="write a number of decibels, such as 8dB")
    if unit.lower() not in ("", "db"):
        raise SpecError(f"{name} is {shorten(text)}; it compares two levels, so write plain dB, such as 8dB")
    return _within_db(number, text, name=name)


def parse_level_dbfs(text: str | float, *, name: str = "level") -> float:
    """A level in dBFS, from -30dBFS, -10dBm0 or -30, which is dBFS too."""
    allowed = "write a level such as -30dBFS or -27dBm0"
    number, unit = _split(text, name=name, allowed=allowed)
    offset_db = {"": 0.0, "db": 0.0, "dbfs": 0.0, "dbm0": DBM0_OVER_DBFS}.get(unit.lower())
    if unit.lower().startswith("dbspl"):
        raise SpecError(
            f"{name} is {shorten(text)}; sound pressure needs a calibrated source, and "
            f"a key of its own such as above_dbspl: {allowed}"
        )
    if offset_db is None:
        raise SpecError(f"{name} is {shorten(text)}: {shorten(unit)} is no unit of level; {allowed}")
    return _within_db(number, text, name=name) - offset_db


def parse_level_dbspl(text: str | float, *, name: str = "level") -> float:
    """A sound pressure level, from 85dBSPL or 85."""
    number, unit = _split(text, name=name, allowed="write a level such as 85dBSPL")
    if unit.lower() not in ("", "db", "dbspl"):
        raise SpecError(f"{name} is {shorten(text)}; write sound pressure, such as 85dBSPL")
    return _within_db(number, text, name=name)


def parse_ratio(text: str | float, *, name: str = "percentage") -> float:
    """0.25 from 25%; a plain number in a file is the ratio itself."""
    number, unit = _split(text, name=name, allowed="write a percentage such as 25% or 1.5%")
    if isinstance(text, str) and unit != "%":
        raise SpecError(f"{name} is {shorten(text)}; write a percentage such as 25% or 1.5%")
    ratio = number / 100 if unit == "%" else number
    if not 0 <= ratio < math.inf:
        raise SpecError(f"{name} is {shorten(text)}; a percentage here is not below 0")
    return ratio


def parse_length_samples(text: str | int, fs_hz: float, *, name: str = "window_length") -> int:
    """Samples from a count, 4096, or a duration, 85ms."""
    allowed = f"write samples or a duration, such as 4096 or 85ms, up to {MAX_WINDOW_SAMPLES} samples"
    is_count = isinstance(text, int) and not isinstance(text, bool)
    if not is_count and not isinstance(text, str):
        raise SpecError(f"{name} is {shorten(text)}; {allowed}")
    if is_count or re.fullmatch(rf"\s*[+-]?{NUMBER}\s*", str(text), re.ASCII):
        length = float(str(text)[:400])  # enough digits for infinity, which is refused below
        if math.isfinite(length) and length % 1:
            raise SpecError(f"{name} is {shorten(text)}, but a count of samples is a whole number; {allowed}")
    else:
        length = parse_duration_s(str(text), name=name) * fs_hz
    if not 0.5 < length < MAX_WINDOW_SAMPLES + 0.5:
        raise SpecError(f"{name} is {shorten(text)}, {length:.4g} samples at {fs_hz:g} Hz; {allowed}")
    return max(1, round(length))


def parse_hop_samples(text: str | int, length_samples: int, fs_hz: float, *, name: str = "hop") -> int:
    """Samples from a count, 1024, a duration, 20ms, or a share of the window's length, 25%."""
    if isinstance(text, str) and text.strip().endswith("%"):
        ratio = parse_ratio(text, name=name)
        if not 0 < ratio <= 1:
            raise SpecError(
                f"{name} is {shorten(text)} of the window's length; write above 0% and up to 100%"
            )
        return max(1, round(ratio * length_samples))
    hop_samples = parse_length_samples(text, fs_hz, name=name)
    if hop_samples > length_samples:
        raise SpecError(
            f"{name} is {shorten(text)}, {hop_samples} samples at {fs_hz:g} Hz, longer than the window of "
            f"{length_samples}: samples between frames would never be looked at"
        )
    return hop_samples


def format_duration(seconds: float) -> str:
    """As parse_duration_s reads it: 250ms, 1.5s, 1h23m45s."""
    if seconds < 1:
        unit = "ms" if seconds >= 1e-3 or seconds == 0 else "us" if seconds >= 1e-6 else "ns"
        return f"{_digits(seconds / SECONDS[unit])}{unit}"
    if seconds < 60:
        return f"{_digits(seconds)}s"
    whole_s = round(seconds)
    minutes, s = divmod(whole_s, 60)
    h, m = divmod(minutes, 60)
    return "".join(f"{count}{unit}" for count, unit in ((h, "h"), (m, "m"), (s, "s")) if count)


def format_frequency(hz: float) -> str:
    """As parse_frequency_hz reads it: 440Hz, 1.5kHz."""
    for factor, unit in ((1e6, "MHz"), (1e3, "kHz")):
        if hz >= factor:
            return f"{_digits(hz / factor)}{unit}"
    return f"{_digits(hz)}Hz"


def db_from_power(power: float, *, least: float = 0.0) -> float:
    """Decibels of a power, or of a ratio of two; below `least` it counts as that, and 0 reads SILENCE_DB."""
    power = max(power, least)
    return 10 * math.log10(power) if power > 0 else SILENCE_DB


def confidence_from_snr(snr_db: float) -> float:
    """1 less the noise over the signal, in amplitude: 0.9 at 20 dB, and 0 for what is no louder than noise."""
    return round(1 - 10 ** (-max(snr_db, 0) / 20), 3)


def power_from_db(db: float) -> float:
    return math.pow(10, db / 10)


def db_from_amplitude(amplitude: float, *, least: float = 0.0) -> float:
    """Decibels of an amplitude, or of a ratio of two; below `least` it counts as that, and 0 reads SILENCE_DB."""
    amplitude = max(amplitude, least)
    return 20 * math.log10(amplitude) if amplitude > 0 else SILENCE_DB


def amplitude_from_db(db: float) -> float:
    return math.pow(10, db / 20)


# The same of arrays, in the arrays' own precision. Apart from those above, as numpy's logarithm and the C library's
# may differ in the last bit; and numpy is imported here, as whoever reads a setting needs none.


def db_from_powers(powers: NDArray[Real], *, least: float = 1e-20) -> NDArray[Real]:
    """Decibels of each power; what is below `least` counts as that."""
    import numpy as np

    db: NDArray[Real] = 10 * np.log10(np.maximum(powers, powers.dtype.type(least)))
    return db


def powers_from_db(db: NDArray[np.float64]) -> NDArray[np.float64]:
    powers: NDArray[np.float64] = 10 ** (db / 10)
    return powers


def db_from_amplitudes(amplitudes: NDArray[Real], *, least: float = 1e-10) -> NDArray[Real]:
    """Decibels of each amplitude; what is below `least` counts as that."""
    import numpy as np

    db: NDArray[Real] = 20 * np.log10(np.maximum(amplitudes, amplitudes.dtype.type(least)))
    return db


def parse_field(field: str, value: str | float, *, name: str = "") -> float:
    """A value for a field by the unit in its name: min_tone_ms takes 40, "40ms" and "0.04s"."""
    name = name or field
    if not isinstance(value, str) and not field.endswith("_hz"):
        number, _ = _split(value, name=name, allowed="write a finite number")
        if number < 0 and field.endswith(("_ms", "_s")):
            raise SpecError(f"{name} is {value}; a duration is not below 0")
        return number
    if field.endswith("_ms"):
        return round(parse_duration_s(value, name=name) * 1e3, 9)  # 28.5ms is not 28.499999999999996
    if field.endswith("_s"):
        return parse_duration_s(value, name=name)
    if field.endswith("_hz"):
        return parse_frequency_hz(value, name=name)
    if field.endswith("_dbfs"):
        return parse_level_dbfs(value, name=name)
    if field.endswith("_dbspl"):
        return parse_level_dbspl(value, name=name)
    if field.endswith("_db"):
        return parse_db(value, name=name)
    return parse_ratio(value, name=name)


def _split(text: str | float, *, name: str, allowed: str) -> tuple[float, str]:
    """Number and unit; the number is finite."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise SpecError(f"{name} is {text!r}; {allowed}")
    if not isinstance(text, str):
        try:
            number, unit = float(text), ""
        except OverflowError:
            number, unit = math.inf, ""
    else:
        found = _QUANTITY.fullmatch(text.strip().replace("−", "-"))
        if not found:
            raise SpecError(f"{name} is {shorten(text)}; {allowed}")
        number, unit = float(found[1]), found[2] or ""
    if not math.isfinite(number):
        raise SpecError(f"{name} is {shorten(text)}, which is no finite number; {allowed}")
    return number, unit


def _within_db(number: float, text: str | float, *, name: str) -> float:
    if abs(number) > MAX_DB:
        raise SpecError(f"{name} is {shorten(text)}; it must lie within -{MAX_DB:g}..{MAX_DB:g} dB")
    return number


def _digits(number: float) -> str:
    """Six digits and no exponent: an e would not read as a unit's number."""
    return f"{number:.6g}" if 1e-4 <= abs(number) < 1e6 else f"{number:.12f}".rstrip("0").rstrip(".") or "0"
