"""What was dialled, called or keyed, as lines: for scripts that want nothing else, and for people who look back."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from streamer.detectors.registry import spell
from streamer.events import End, Event, Record, Start

PAUSE_S = 10.0  # a digit that comes so long after the one before it belongs to another call
MAX_DIGITS = 1000  # of a number where there are pauses to end it: a beacon that makes none is told in parts


class DialledNumbers:
    """Digits into numbers, each channel's for itself, whatever else is heard between them."""

    def __init__(self, *, pause_s: float | None = PAUSE_S) -> None:
        """pause_s: what ends a number; None: all digits of a channel are one"""
        self._pause_s = pause_s
        self._open: dict[int, Event] = {}  # by channel

    def join(self, digit: Event) -> tuple[Event, bool]:
        """The number that this digit belongs to, as one event up to here, and whether the digit begins it."""
        before = self._open.get(digit.channel)
        if before is None or self.is_over(before, digit.t_s):
            number = msgspec.structs.replace(
                digit,
                label=digit.label.lstrip(),
                level_dbfs=None,
                level_dbspl=None,
                snr_db=None,
                twist_db=None,
            )
        else:
            number = msgspec.structs.replace(
                before, label=before.label + digit.label, duration_s=_find_end_s(digit) - before.t_s
            )
        self._open[digit.channel] = number
        return number, number.id == digit.id

    def is_over(self, number: Event, t_s: float) -> bool:
        """Whether what comes at t_s is no part of it any more."""
        if self._pause_s is None:
            return False
        return t_s > _find_end_s(number) + self._pause_s or len(number.label) >= MAX_DIGITS


def _find_end_s(event: Event) -> float:
    return event.t_s + (event.duration_s or 0.0)


class DigitLines:
    """A format: the digits of each channel as one line, and nothing else; calls apart, Morse as it was keyed.

    pause_s None: when the source has ended, a line for each channel, be it empty. Else, for sources without an end,
    when so much time has passed without a digit: then there are lines for numbers only.
    names_sources: before the digits stands whose they are, as there is more than one
    """

    def __init__(self, *, pause_s: float | None = None, names_sources: bool = False) -> None:
        self._pause_s, self._names_sources = pause_s, names_sources
        self._source, self._channels = "", 1
        self._begin()

    def _begin(self) -> None:
        self._numbers = DialledNumbers(pause_s=self._pause_s)
        self._dialled: dict[int, Event] = {}

    def __call__(self, record: Record) -> tuple[str, ...]:
        if isinstance(record, Start) and not record.sample:
            lines = self._take(self._dialled) if self._pause_s is not None else ()
            self._source, self._channels = record.source, record.channels
            self._begin()
            return lines
        if isinstance(record, End):
            lines = self._take(range(1, self._channels + 1) if self._pause_s is None else self._dialled)
            self._begin()
            return lines
        lines = self._take_finished(record)
        said = spell(record) if isinstance(record, Event) and record.phase == "end" else None
        if isinstance(record, Event) and said is not None:
            for channel in record.channels or [record.channel]:
                digit = msgspec.structs.replace(record, label=said, channel=channel, channels=None)
                self._dialled[channel] = self._numbers.join(digit)[0]
        return lines

    def _take_finished(self, record: Record) -> tuple[str, ...]:
        t_s = getattr(record, "t_s", None)
        if t_s is None:
            return ()
        over = [channel for channel, number in self._dialled.items() if self._numbers.is_over(number, t_s)]
        return self._take(over)

    def _take(self, channels: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._write(channel) for channel in list(channels))

    def _write(self, channel: int) -> str:
        number = self._dialled.pop(channel, None)
        parts = [self._source] if self._names_sources else []
        if self._channels > 1:
            parts.append(f"channel {channel}")
        parts.append("" if number is None else number.label)
        return "  ".join(parts)
