"""The one-line language of made-up signals, for sim:SPEC and `streamer generate SPEC`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.families import Family, list_families, load_family
from streamer.base.pattern import split_element
from streamer.base.units import (
    choose,
    parse_db,
    parse_duration_s,
    parse_frequency_hz,
    parse_level_dbfs,
    shorten,
)
from streamer.sources.formats.g711 import LAWS
from streamer.sources.synthetic.sounds import KEY_HZ, Noise, Signal, Sound, Sweep, Tones, Voice, dtmf_voice

USAGE = {
    "tone": "tone:HZ[+HZ...][@LEVEL][:LENGTH]",
    "dtmf": "dtmf:DIGITS[@LEVEL][:ON/OFF][:twist=DB]",
    "two-tone": "two-tone:HZ/HZ[@LEVEL][:ON/ON]",
    "cadence": "cadence:HZ[+HZ]/MS,...[xTIMES][@LEVEL]",
    "sweep": "sweep:HZ-HZ[@LEVEL]:LENGTH[:log]",
    "silence": "silence:LENGTH",
    "noise": "noise:LEVEL[:LENGTH]",
    "hum": "hum:HZ[@LEVEL][:LENGTH]",
    "loop": "loop[:TIMES]",
    "seed": "seed:NUMBER",
    "alaw": "alaw",
    "ulaw": "ulaw",
}
FAMILY_USAGE = "{}:DIGITS[@LEVEL][:LENGTH]"  # of every tone family whose digits have a length
GRAMMAR = """\
A signal is parts joined by commas, which follow each other; parts joined by + begin together.
tone, noise and hum without a LENGTH do not take a turn: they sound beneath the whole, from its beginning to
its end. A signal of nothing else never ends.

  tone:350+440@-20:2s           sines together, 2 s long; LEVEL is that of each, in dBFS (-12)
  dtmf:5550123@-10:50ms/50ms    digits 0-9 A-D * #, on and off; twist=3dB puts the high tone above the low one
  two-tone:349.0/433.7          two tones after each other, 1s/3s unless it says otherwise
  zvei1:12345@-10               selective calling: one tone a digit, or the repeat tone if it equals the one
                                before; any family of `streamer bands`; LENGTH if not the family's own
  cadence:480+620/500,0/500x3   Asterisk's shorthand: HZ/MS, + for both, * for modulated by, 0 for silence,
                                ! for the first time only; x3 is thrice
  sweep:100-4000:5s             a glide; with :log as many octaves in every second
  silence:1s                    nothing
  noise:-40                     white and Gaussian, as strong as a sine of that level
  hum:50@-40                    mains: the frequency and its multiples up to the sixth, each at 1/multiple

Parts that sound also take offset=1.5% (frequencies higher by that much), ramp=5ms (raised cosines inside both
ends of every tone, which otherwise begins and ends at once) and channel=2 (of that channel only).
The whole is played again and again with loop, thrice with loop:3; alaw or ulaw sends it through a telephone's
codec; seed:7 gives other noise. The word demo alone is what --demo plays.
"""

DEFAULT_LEVEL_DBFS = -12.0  # four tones at once still stay within full scale
MAX_LEVEL_DBFS = 60.0
MAX_TWIST_DB = 60.0
LAST_HUM_MULTIPLE = 6
MAX_CHANNELS = 64
MAX_SEED = 2**63 - 1
MAX_STROKES = 100_000  # more than this is a loop
MAX_SIGNAL_S = 366 * 24 * 3600.0

# A receiver is lifted, digits are dialled, it rings, the line is engaged; a pager is called; the mains hum along.
DEMO = ",".join(
    (
        "noise:-62",
        "hum:50@-50",
        "silence:1s",
        "tone:350+440@-24:2.5s",
        "silence:200ms",
        "dtmf:5550123@-16:90ms/90ms",
        "silence:740ms",
        "cadence:440+480/2000,0/3000x2@-24",
        "silence:300ms",
        "cadence:480+620/500,0/500x4@-24",
        "silence:1s",
        "two-tone:349.0/433.7@-14",
        "silence:1s",
        "sweep:200-3400@-30:3s:log:ramp=50ms",
        "silence:1s",
        "loop",
    )
)

_NEXT_PART = re.compile(r"\s*,\s*(?=[A-Za-z])")  # a cadence has commas too, but then a digit or ! follows
_WITH_PART = re.compile(r"\s*\+\s*(?=[A-Za-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """One sound of a part. start_s: after the part's start   duration_s: None for the whole signal"""

    label: str
    voice: Voice
    start_s: float = 0.0
    duration_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a part makes; duration_s None sounds beneath the whole."""

    strokes: tuple[Stroke, ...]
    duration_s: float | None


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
        """Whether it takes part in the signal's time; else it says something about the whole."""
        return self.kind in MAKERS or self.kind not in USAGE

    def refuse(self, why: str) -> SpecError:
        return SpecError(
            f"{self.name}: {why}; it is written {USAGE.get(self.kind) or FAMILY_USAGE.format(self.kind)}"
        )

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


def make_tone(part: Part) -> Made:
    freqs_hz = tuple(part.frequency_hz(text) for text in part.value.split("+"))
    voice = Tones(freqs_hz=freqs_hz, levels_dbfs=(part.level_dbfs(),) * len(freqs_hz))
    duration_s = part.optional_length_s()
    return Made(
        strokes=(Stroke(label=part.value, voice=voice, duration_s=duration_s),), duration_s=duration_s
    )


def make_dtmf(part: Part) -> Made:
    digits = re.sub(r"[- ]", "", part.value.upper())  # as people write numbers: 555-0123
    wrong = [digit for digit in digits if digit not in KEY_HZ]
    if wrong or not digits:
        raise part.refuse(f"{shorten(wrong[0])} is no digit: 0-9 A-D * #" if wrong else "it has no digits")
    on_s, off_s = part.pair_of_lengths_s((0.05, 0.05))
    twist_db = parse_db(part.options.get("twist", "0"), name=f"{part.name}: twist")
    if abs(twist_db) > MAX_TWIST_DB:
        raise SpecError(f"{part.name}: twist is {twist_db:g} dB; it must lie within +-{MAX_TWIST_DB:g} dB")
    strokes = []
    for i, digit in enumerate(digits):
        voice = dtmf_voice(
            digit,
            level_dbfs=part.level_dbfs(),
            high_over_low_db=twist_db,
            frequency_ratio=part.frequency_ratio(),
        )
        strokes.append(Stroke(label=digit, voice=voice, start_s=i * (on_s + off_s), duration_s=on_s))
    return Made(strokes=tuple(strokes), duration_s=len(digits) * (on_s + off_s))


def make_two_tone(part: Part) -> Made:
    texts = part.value.split("/")
    if len(texts) != 2:
        raise part.refuse(f"{shorten(part.value)} is not two frequencies")
    lengths_s = part.pair_of_lengths_s((1.0, 3.0))  # Motorola Quick Call II
    strokes, at_s = [], 0.0
    for text, length_s in zip(texts, lengths_s, strict=True):
        voice = Tones(freqs_hz=(part.frequency_hz(text),), levels_dbfs=(part.level_dbfs(),))
        strokes.append(Stroke(label=text, voice=voice, start_s=at_s, duration_s=length_s))
        at_s += length_s
    return Made(strokes=tuple(strokes), duration_s=at_s)


def make_code(part: Part) -> Made:
    """Digits of a tone family, one right after the other."""
    family = find_family(part.kind)
    assert family is not None
    assert family.digit_ms is not None
    length_s = part.optional_length_s() or family.digit_ms / 1e3
    strokes: list[Stroke] = []
    for digit in part.value.upper():
        is_repeat = bool(strokes) and bool(family.repeat_digit) and strokes[-1].label == digit
        sent = family.repeat_digit if is_repeat else digit
        if sent not in family.digits:
            raise part.refuse(f"{part.kind} has no tone for {shorten(sent)}")
        freqs_hz = tuple(part.frequency_hz(f"{freq_hz}") for freq_hz in family.digits[sent])
        voice = Tones(freqs_hz=freqs_hz, levels_dbfs=(part.level_dbfs(),) * len(freqs_hz))
        strokes.append(Stroke(label=sent, voice=voice, start_s=len(strokes) * length_s, duration_s=length_s))
    return Made(strokes=tuple(strokes), duration_s=len(strokes) * length_s)


def make_cadence(part: Part) -> Made:
    pattern, times = part.value, 1
    if match := re.fullmatch(r"(.*\d)\s*x\s*(\d{1,6})", pattern, re.ASCII):
        pattern, times = match[1], int(match[2])
    elements = [_read_element(part, text.strip()) for text in pattern.split(",")]
    if len(elements) == 1 and elements[0][1] is None:
        stroke = elements[0][0]
        return Made(strokes=(stroke,) if stroke else (), duration_s=None)
    if times * len(elements) > MAX_STROKES:
        raise part.refuse(f"{times} times is more than {MAX_STROKES} sounds; use loop for that")
    strokes, at_s = [], 0.0
    for number in range(times):
        for stroke, length_s, is_once in elements:
            if length_s is None:
                raise part.refuse("every element of a pattern needs /MS, or nothing would follow it")
            if is_once and number:
                continue
            if stroke:
                strokes.append(replace(stroke, start_s=at_s))
            at_s += length_s
    return Made(strokes=tuple(strokes), duration_s=at_s)


def _read_element(part: Part, text: str) -> tuple[Stroke | None, float | None, bool]:
    """One HZ[+HZ]/MS: its sound (None is silence), length (None is for ever) and whether it is not repeated."""
    element = split_element(text)
    length_s = None
    if element.time is not None:
        if not re.fullmatch(r"\d{1,9}(\.\d*)?", element.time, re.ASCII) or not float(element.time):
            raise part.refuse(f"{shorten(text)} has no length in ms above 0 behind its slash")
        length_s = float(element.time) / 1e3
    if element.tones == "0":
        return None, length_s, not element.is_repeated
    freqs_hz = tuple(part.frequency_hz(freq) for freq in element.carriers)
    voice = Tones(
        freqs_hz=freqs_hz,
        levels_dbfs=(part.level_dbfs(),) * len(freqs_hz),
        modulator_hz=0.0 if element.modulator is None else part.frequency_hz(element.modulator),
    )
    stroke = Stroke(label=element.tones, voice=voice, duration_s=length_s)
    return stroke, length_s, not element.is_repeated


def make_sweep(part: Part) -> Made:
    is_log = "log" in part.fields
    part.fields = [text for text in part.fields if text != "log"]
    first, dash, last = part.value.partition("-")
    length_s = part.optional_length_s()
    if not dash or length_s is None:
        raise part.refuse("it needs two frequencies and a length")
    voice = Sweep(
        from_hz=part.frequency_hz(first),
        to_hz=part.frequency_hz(last),
        duration_s=length_s,
        level_dbfs=part.level_dbfs(),
        is_log=is_log,
    )
    return Made(strokes=(Stroke(label=part.value, voice=voice, duration_s=length_s),), duration_s=length_s)


def make_silence(part: Part) -> Made:
    part.fields.insert(0, part.value)
    return Made(strokes=(), duration_s=part.optional_length_s())


def make_noise(part: Part) -> Made:
    level_dbfs = part.parse_level_dbfs(part.value)
    duration_s = part.optional_length_s()
    stroke = Stroke(label="noise", voice=Noise(level_dbfs=level_dbfs), duration_s=duration_s)
    return Made(strokes=(stroke,), duration_s=duration_s)


def make_hum(part: Part) -> Made:
    level_dbfs, mains_hz = part.level_dbfs(), part.frequency_hz(part.value)
    multiples = [m for m in range(1, LAST_HUM_MULTIPLE + 1) if m * mains_hz < part.fs_hz / 2]
    voice = Tones(
        freqs_hz=tuple(mains_hz * m for m in multiples),
        levels_dbfs=tuple(level_dbfs - 20 * math.log10(m) for m in multiples),
    )
    duration_s = part.optional_length_s()
    return Made(strokes=(Stroke(label="hum", voice=voice, duration_s=duration_s),), duration_s=duration_s)


MAKERS: dict[str, Callable[[Part], Made]] = {
    "tone": make_tone,
    "dtmf": make_dtmf,
    "two-tone": make_two_tone,
    "cadence": make_cadence,
    "sweep": make_sweep,
    "silence": make_silence,
    "noise": make_noise,
    "hum": make_hum,
}
OPTIONS = {"dtmf": ("offset", "ramp", "channel", "twist"), "noise": ("channel",), "silence": ()}
COMMON_OPTIONS = ("offset", "ramp", "channel")


def find_family(kind: str) -> Family | None:
    """The tone family that a kind of part sends digits of; None for one of USAGE, and where there is none."""
    family = None if kind in USAGE else load_family(kind)
    return family if family and family.can_be_sent else None


def list_kinds(written: dict[str, Any], *, behind: str) -> list[str]:
    """These kinds, and behind one of them the families of tones that can be sent."""
    families = [name for name in list_families(lambda family: family.can_be_sent) if name not in USAGE]
    return [name for kind in written for name in (kind, *(families if kind == behind else ()))]


def parse_signal(text: str, *, fs_hz: float = 48000.0, seed: int = 0) -> Signal:
    """The signal a specification means, see GRAMMAR; a seed in it wins."""
    if text.strip() == "demo":
        text = DEMO
    if not 0 <= seed <= MAX_SEED:
        raise SpecError(f"seed is {seed}; it must lie in 0..{MAX_SEED}")
    sounds: list[Sound] = []
    rounds: int | None = 1
    law: str | None = None
    at_s = 0.0
    for group in _NEXT_PART.split(text.strip()):
        longest_s = 0.0
        for part_text in _WITH_PART.split(group):
            part = _read_part(part_text, fs_hz)
            if part.sounds:
                made = _make(part)
                sounds += _place(part, made, at_s=at_s, number=len(sounds))
                longest_s = max(longest_s, made.duration_s or 0.0)
            elif part.kind == "loop":
                rounds = _whole_number(part, "loop", part.value, 10**6) if part.value else None
            elif part.kind == "seed":
                seed = _whole_number(part, "seed", part.value, MAX_SEED)
            else:
                law = part.kind
        at_s += longest_s
        if at_s > MAX_SIGNAL_S:
            raise SpecError(f"signal {shorten(text)} is longer than a year")
    if not sounds and not at_s:
        sounding = ", ".join(list_kinds(MAKERS, behind="cadence"))
        raise SpecError(f"signal {shorten(text)} has nothing that sounds; there are: {sounding}")
    return Signal(
        fs_hz=fs_hz,
        sounds=tuple(sounds),
        round_samples=round(at_s * fs_hz),
        rounds=rounds,
        channels=1 + max((sound.channel or 0 for sound in sounds), default=0),
        seed=seed,
        law=law,
    )


def _read_part(text: str, fs_hz: float) -> Part:
    kind, *fields = (field.strip() for field in text.strip().split(":"))
    if kind not in USAGE and not find_family(kind):
        choose(kind, list_kinds(USAGE, behind="two-tone"), name=f"signal part {shorten(text)}: kind")
    options: dict[str, str] = {}
    plain: list[str] = []
    for field in fields[1:]:
        key, equals, value = field.partition("=")
        if equals:
            options[key] = value
        else:
            plain.append(field)
    value, at, level = (fields[0] if fields else "").partition("@")
    part = Part(
        text=text.strip(),
        kind=kind,
        value=value.strip(),
        level=level.strip() if at else None,
        fields=plain,
        options=options,
        fs_hz=fs_hz,
    )
    if not part.value and part.sounds:
        raise part.refuse("it lacks a value")
    is_word = kind in LAWS
    if not part.sounds and (plain or options or at or (part.value and is_word)):
        raise part.refuse("that is more than it takes")
    if at and kind in ("noise", "silence"):
        raise part.refuse(f"{kind} takes no @LEVEL")
    return part


def _make(part: Part) -> Made:
    allowed = OPTIONS.get(part.kind, COMMON_OPTIONS)
    for key in part.options:
        if not allowed:
            raise part.refuse("it takes no options")
        choose(key, allowed, name=f"{part.name}: option")
    return MAKERS.get(part.kind, make_code)(part)


def _place(part: Part, made: Made, *, at_s: float, number: int) -> list[Sound]:
    """The part's strokes at their samples; every edge is rounded by itself, so that none drifts."""
    ramp_s = parse_duration_s(part.options.get("ramp", "0s"), name=f"{part.name}: ramp")
    channel = (
        _whole_number(part, "channel", part.options["channel"], MAX_CHANNELS)
        if "channel" in part.options
        else None
    )
    sounds = []
    for i, stroke in enumerate(made.strokes):
        begin = round((at_s + stroke.start_s) * part.fs_hz)
        voice = replace(stroke.voice, number=number + i) if isinstance(stroke.voice, Noise) else stroke.voice
        n_samples = None
        if stroke.duration_s is not None:
            n_samples = round((at_s + stroke.start_s + stroke.duration_s) * part.fs_hz) - begin
        sounds.append(
            Sound(
                label=stroke.label,
                voice=voice,
                start_sample=begin if n_samples is not None else 0,
                n_samples=n_samples,
                ramp_samples=round(min(ramp_s, MAX_SIGNAL_S) * part.fs_hz),
                channel=None if channel is None else channel - 1,
            )
        )
    return sounds


def _whole_number(part: Part, what: str, text: str, largest: int) -> int:
    """From 1 (a seed: from 0)."""
    smallest = 0 if what == "seed" else 1
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII) or not smallest <= int(text) <= largest:
        raise SpecError(
            f"{part.name}: {what} is {shorten(text)}; write a whole number in {smallest}..{largest}"
        )
    return int(text)
