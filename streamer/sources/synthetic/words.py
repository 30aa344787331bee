"""The words of one part of a signal's specification, read by what they mean: levels, frequencies, lengths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from streamer.base.errors import SpecError
from streamer.base.families import Family, list_families, load_family
from streamer.base.text import shorten
from streamer.base.units import parse_duration_s, parse_frequency_hz, parse_level_dbfs

USAGE = {
    "tone": "tone:HZ[+HZ...][@LEVEL][:LENGTH][:swell=HZ][:turn=LENGTH]",
    "dtmf": "dtmf:DIGITS[@LEVEL][:ON/OFF][:twist=DB]",
    "two-tone": "two-tone:HZ/HZ[@LEVEL][:ON/ON]",
    "cadence": "cadence:HZ[+HZ]/MS,...[xTIMES][@LEVEL]",
    "morse": "morse:TEXT[@LEVEL][:SPEEDwpm][:pitch=HZ]",
    "fsk": "fsk:TEXT[@LEVEL][:TIMES][:mark=HZ][:space=HZ][:baud=NUMBER][:preamble=BYTExNUMBER]",
    "plan": "plan:NAME/LABEL[@LEVEL][:LENGTH]",
    "sweep": "sweep:HZ-HZ[@LEVEL]:LENGTH[:log]",
    "silence": "silence:LENGTH",
    "noise": "noise:LEVEL[:LENGTH]",
    "hum": "hum:HZ[@LEVEL][:LENGTH]",
    "loop": "loop[:TIMES]",
    "seed": "seed:NUMBER",
    "alaw": "alaw",
    "ulaw": "ulaw",
}
FAMILY_USAGE = "{}:DIGITS[@LEVEL][:LENGTH]"  # of every tone family that can be sent
ABOUT_THE_WHOLE = ("loop", "seed", "alaw", "ulaw")  # kinds that do not sound themselves

DEFAULT_LEVEL_DBFS = -12.0  # four tones at once still stay within full scale
MORSE_WPM, MORSE_PITCH_HZ = 20, 700.0  # what a line does not say
MAX_LEVEL_DBFS = 60.0
MAX_CHANNELS = 64
MAX_SIGNAL_S = 366 * 24 * 3600.0


def find_family(kind: str) -> Family | None:
    """The tone family whose digits a kind of part sends; None for one of USAGE, and where there is none."""
    family = None if kind in USAGE else load_family(kind)
    return family if family and family.can_be_sent else None


def list_kinds(written: Iterable[str] = USAGE, *, behind: str = "two-tone") -> list[str]:
    """These kinds, and behind one of them the tone families that can be sent."""
    families = [name for name in list_families(lambda family: family.can_be_sent) if name not in USAGE]
    return [name for kind in written for name in (kind, *(families if kind == behind else ()))]


@dataclass(slots=True, kw_only=True)
class Part:
    """A part's words: KIND:VALUE@LEVEL:field:option=value. What was not used is an error."""

    text: str
    kind: str
    value: str
    level: str | None
    fields: list[str]
    options: dict[str, str]
    fs_hz: float

    @property
    def name(self) -> str:
        return f"signal part {shorten(self.text)}"

    @property
    def sounds(self) -> bool:
        return self.kind not in ABOUT_THE_WHOLE

    @property
    def usage(self) -> str:
        return f"it is written {USAGE.get(self.kind) or FAMILY_USAGE.format(self.kind)}"

    def refuse(self, why: str) -> SpecError:
        return SpecError(f"{self.name}: {why}; {self.usage}")

    def level_dbfs(self) -> float:
        if self.level is None:
            return DEFAULT_LEVEL_DBFS
        return self.parse_level_dbfs(self.level)

    def parse_level_dbfs(self, text: str) -> float:
        level_dbfs = parse_level_dbfs(text, name=f"{self.name}: level")
        if level_dbfs > MAX_LEVEL_DBFS:
            raise SpecError(
                f"{self.name}: level is {shorten(text)}; it must not exceed {MAX_LEVEL_DBFS:g} dBFS"
            )
        return level_dbfs

    def frequency_hz(self, text: str) -> float:
        freq_hz = parse_frequency_hz(text, name=f"{self.name}: frequency") * self.frequency_ratio()
        if freq_hz >= self.fs_hz / 2:
            raise SpecError(
                f"{self.name}: {freq_hz:g} Hz cannot be sampled at {self.fs_hz:g} Hz; "
                f"stay below {self.fs_hz / 2:g} Hz or raise the rate"
            )
        return freq_hz

    def frequency_ratio(self) -> float:
        text = self.options.get("offset", "0%")
        match = re.fullmatch(r"([+-]?\d{1,3}(?:\.\d*)?)%", text, re.ASCII)
        if not match or float(match[1]) <= -99:
            raise SpecError(f"{self.name}: offset is {shorten(text)}; write a percentage such as 1.5% or -2%")
        return 1 + float(match[1]) / 100

    def length_s(self, text: str) -> float:
        length_s = parse_duration_s(text, name=f"{self.name}: length")
        if not 0 < length_s <= MAX_SIGNAL_S:
            raise SpecError(f"{self.name}: length is {shorten(text)}; it must be above 0 and within a year")
        return length_s

    def only_field(self) -> str | None:
        """The one field it may have."""
        if len(self.fields) > 1:
            raise self.refuse(f"{shorten(self.fields[1])} is one thing too many")
        return self.fields[0] if self.fields else None

    def optional_length_s(self) -> float | None:
        text = self.only_field()
        return None if text is None else self.length_s(text)

    def pair_of_lengths_s(self, default: tuple[float, float]) -> tuple[float, float]:
        text = self.only_field()
        if text is None:
            return default
        first, slash, second = text.partition("/")
        if not slash:
            raise self.refuse(f"{shorten(text)} is not two lengths, such as 50ms/50ms")
        return self.length_s(first), self.length_s(second)

    def whole_number(self, what: str, text: str, *, least: int = 1, most: int) -> int:
        if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not least <= int(text) <= most:
            raise SpecError(
                f"{self.name}: {what} is {shorten(text)}; write a whole number in {least}..{most}"
            )
        return int(text)

    def ramp_s(self) -> float:
        ramp_s = parse_duration_s(self.options.get("ramp", "0s"), name=f"{self.name}: ramp")
        return min(ramp_s, MAX_SIGNAL_S)

    def channel(self) -> int | None:
        """Counted from 0; None for all."""
        text = self.options.get("channel")
        return None if text is None else self.whole_number("channel", text, most=MAX_CHANNELS) - 1
