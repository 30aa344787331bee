"""Numbers as they stand on the screen: fixed widths, decimal points in line, none where nothing was measured."""

from __future__ import annotations

import math
import time

LEVEL_WIDTH = 6
DURATION_WIDTH = 7
COUNT_WIDTH = 6
DIGITAL_ZERO_DBFS = -190.0  # no signal has so little power: what reads so is none at all
NO_LEVEL = f"{'--':>{LEVEL_WIDTH}}"


def format_level(level_dbfs: float | None, offset_db: float = 0.0) -> str:
    """Six cells: -21.3, -inf for digital zero, -- without samples."""
    if level_dbfs is None or math.isnan(level_dbfs):
        return NO_LEVEL
    if level_dbfs <= DIGITAL_ZERO_DBFS:
        return f"{'-inf':>{LEVEL_WIDTH}}"
    return f"{min(level_dbfs + offset_db, 9999.0):{LEVEL_WIDTH}.1f}"


def format_lasting(duration_s: float) -> str:
    """At most seven cells: 150 ms, 3.25 s, 14.1 s, 3:07, 2:03:07."""
    if duration_s < 0.9995:
        return f"{max(0.0, duration_s) * 1e3:.0f} ms"
    if duration_s < 9.995:
        return f"{duration_s:.2f} s"
    if duration_s < 59.95:
        return f"{duration_s:.1f} s"
    return format_clock(duration_s).removeprefix("0:").lstrip("0")


def format_running(duration_s: float) -> str:
    """How long something has lasted so far: 1.2 s, 14 s, 3:07."""
    if duration_s < 9.95:
        return f"{max(0.0, duration_s):.1f} s"
    return f"{duration_s:.0f} s" if duration_s < 59.5 else format_lasting(round(duration_s))


def format_ago(duration_s: float) -> str:
    """For people: 8 s, 4 min, 2 h."""
    if duration_s < 99.5:
        return f"{duration_s:.0f} s"
    return f"{duration_s / 60:.0f} min" if duration_s < 5970 else f"{min(duration_s / 3600, 9999):.0f} h"


def format_loss(lost_s: float) -> str:
    """Seconds that were lost: 42.7 ms, 7.2 s, 310 s."""
    if lost_s < 0.0995:
        return f"{lost_s * 1e3:.3g} ms"
    return f"{lost_s:.1f} s" if lost_s < 100 else f"{min(lost_s, 1e9):.0f} s"


def format_clock(seconds: float) -> str:
    """Time since a beginning: 0:12:07."""
    whole = int(max(0.0, min(seconds, 1e9)))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def format_count(count: int) -> str:
    """At most six cells: 9,999, 99.9k, 12.3M."""
    if count < 10_000:
        return f"{count:,}"
    for unit, size in (("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)):
        if count < 999.5 * size:
            return f"{count / size:.1f}{unit}" if count < 99.95 * size else f"{count / size:.0f}{unit}"
    return "many"


def format_factor(factor: float) -> str:
    """Three digits and no exponent: 24.1, 380, 9,999."""
    if factor >= 9999.5:
        return "9,999"
    digits = 0 if factor >= 99.95 else 1 if factor >= 9.995 else 2
    return f"{factor:,.{digits}f}"


def format_ms(duration_ms: float) -> str:
    """0.7 ms, 85 ms, 1000 ms."""
    return f"{duration_ms:.3g} ms" if duration_ms < 999.5 else f"{min(duration_ms, 1e9):.0f} ms"


class Clock:
    """Stream time to the time of day here, or to the time since the beginning where that is not known."""

    def __init__(self) -> None:
        self.ahead_s: float | None = None  # the wall clock before stream time

    def set(self, t_s: float, unix_s: float | None) -> None:
        self.ahead_s = None if unix_s is None else unix_s - t_s

    def at(self, t_s: float) -> str:
        """HH:MM:SS, or H:MM:SS of a recording."""
        if self.ahead_s is None:
            return f"{format_clock(t_s):>8}"
        return format_time_of_day(t_s + self.ahead_s)

    def tell_day(self, t_s: float, now_s: float) -> str:
        """The day with a space behind it, where it is not that of now."""
        if self.ahead_s is None:
            return ""
        days = [time.localtime(each_s + self.ahead_s) for each_s in (t_s, now_s)]
        return "" if days[0].tm_yday == days[1].tm_yday else time.strftime("%a %d %b ", days[0])

    def day_second(self, t_s: float) -> float:
        """Seconds by which marks stand at round times: of the day here, or since the beginning."""
        if self.ahead_s is None:
            return t_s
        unix_s = t_s + self.ahead_s
        return unix_s + _local_offset_s(int(unix_s // 900))


def format_time_of_day(unix_s: float) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(unix_s))
    except (OverflowError, ValueError, OSError):
        return "--:--:--"


def _local_offset_s(quarter: int) -> float:
    try:
        return float(time.localtime(quarter * 900).tm_gmtoff)
    except (OverflowError, ValueError, OSError):
        return 0.0
