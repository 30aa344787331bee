"""What the parts of a signal's specification sound like: a maker for each word."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from streamer.base.errors import SpecError
from streamer.base.morse import CODES, DIT_S
from streamer.base.pattern import split_element
from streamer.base.text import choose, shorten
from streamer.base.units import db_from_amplitude, parse_db, parse_frequency_hz
from streamer.sources.synthetic.from_plan import read_as_a_sound
from streamer.sources.synthetic.voices import KEY_HZ, Bits, Noise, Sweep, Tones, Voice, dtmf_voice
from streamer.sources.synthetic.words import MORSE_PITCH_HZ, MORSE_WPM, Part, find_family

MAX_TWIST_DB = 60.0
LAST_HUM_MULTIPLE = 6
SWELL_DEPTH = 0.2  # of a tone, as V.8's answer
FSK_TIMES, FSK_PAUSE_S = 3, 1.0
# 47 CFR 11.31 (a)(1)
SAME = {"mark": "2083.3333", "space": "1562.5", "baud": "520.83333", "preamble": "ABx16"}
MAX_STROKES = 100_000  # more than this is a loop


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


def make_tone(part: Part) -> Made:
    freqs_hz = tuple(part.frequency_hz(text) for text in part.value.split("+"))
    swell, turn = part.options.get("swell"), part.options.get("turn")
    voice = Tones(
        freqs_hz=freqs_hz,
        levels_dbfs=(part.level_dbfs(),) * len(freqs_hz),
        modulator_hz=part.frequency_hz(swell) if swell else 0.0,
        depth=SWELL_DEPTH,
        turn_every_s=part.length_s(turn) if turn else 0.0,
    )
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
    """Digits of a tone family, one after the other, or so many at once as it sends."""
    family = find_family(part.kind)
    assert family is not None
    assert family.digit_ms is not None
    said_s = part.optional_length_s()
    digits = family.split_digits(part.value)
    strokes: list[Stroke] = []
    at_s, before = 0.0, ""
    for start in range(0, len(digits), family.digits_at_once):
        if strokes:
            at_s += family.gap_ms / 1e3
        length_s = 0.0
        for digit in digits[start : start + family.digits_at_once]:
            sent = family.repeat_digit if family.repeat_digit and digit == before else digit
            if sent not in family.digits:
                raise part.refuse(f"{part.kind} has no tone for {shorten(sent)}")
            length_s = said_s or family.longer_ms.get(sent, family.digit_ms) / 1e3
            freqs_hz = tuple(part.frequency_hz(f"{freq_hz}") for freq_hz in family.digits[sent])
            voice = Tones(freqs_hz=freqs_hz, levels_dbfs=(part.level_dbfs(),) * len(freqs_hz))
            strokes.append(Stroke(label=sent, voice=voice, start_s=at_s, duration_s=length_s))
            before = sent
        at_s += length_s
    return Made(strokes=tuple(strokes), duration_s=at_s)


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


def make_morse(part: Part) -> Made:
    """Marks of a dit or three, a dit apart; letters three apart, words seven."""
    speed = re.fullmatch(r"(\d{1,3}(?:\.\d*)?)\s*wpm", part.only_field() or f"{MORSE_WPM}wpm", re.ASCII)
    if speed is None or not 1 <= float(speed[1]) <= 100:
        raise part.refuse("its speed is no number of words a minute in 1..100, such as 20wpm")
    dit_s = DIT_S / float(speed[1])
    pitch_hz = part.frequency_hz(part.options.get("pitch", f"{MORSE_PITCH_HZ}"))
    voice = Tones(freqs_hz=(pitch_hz,), levels_dbfs=(part.level_dbfs(),))
    strokes, at_dits = [], 0
    for word in part.value.upper().split():
        for letter in word:
            if letter not in CODES:
                raise part.refuse(f"there is no Morse for {shorten(letter)}")
            for mark in CODES[letter]:
                dits = 3 if mark == "-" else 1
                strokes.append(
                    Stroke(label=letter, voice=voice, start_s=at_dits * dit_s, duration_s=dits * dit_s)
                )
                at_dits += dits + 1
            at_dits += 2
        at_dits += 4
    return Made(strokes=tuple(strokes), duration_s=at_dits * dit_s)


def make_fsk(part: Part) -> Made:
    """A text several times over, each behind its preamble."""
    said = {**SAME, **part.options}
    preamble = re.fullmatch(r"([0-9A-Fa-f]{2})(?:x(\d{1,3}))?", said["preamble"], re.ASCII)
    if preamble is None:
        raise part.refuse(
            f"preamble is {shorten(said['preamble'])}; write a byte and how often, such as ABx16"
        )
    if not part.value.isascii():
        raise part.refuse(f"{shorten(part.value)} is no text in ASCII")
    baud = parse_frequency_hz(said["baud"], name=f"{part.name}: baud")
    if not 1 <= baud <= part.fs_hz / 2:
        raise part.refuse(f"baud is {baud:g}; it must lie in 1..{part.fs_hz / 2:g} bits a second")
    sent = bytes([int(preamble[1], 16)]) * int(preamble[2] or 1) + part.value.encode()
    times = part.whole_number("number of times", part.only_field() or f"{FSK_TIMES}", most=1000)
    voice = Bits(
        bits="".join(f"{byte:08b}"[::-1] for byte in sent),
        baud=baud,
        freqs_hz=(part.frequency_hz(said["space"]), part.frequency_hz(said["mark"])),
        level_dbfs=part.level_dbfs(),
    )
    length_s = len(voice.bits) / voice.baud
    strokes = tuple(
        Stroke(label=part.value, voice=voice, start_s=k * (length_s + FSK_PAUSE_S), duration_s=length_s)
        for k in range(times)
    )
    return Made(strokes=strokes, duration_s=times * (length_s + FSK_PAUSE_S) - FSK_PAUSE_S)


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
        levels_dbfs=tuple(level_dbfs - db_from_amplitude(m) for m in multiples),
    )
    duration_s = part.optional_length_s()
    return Made(strokes=(Stroke(label="hum", voice=voice, duration_s=duration_s),), duration_s=duration_s)


# By kind; every other one is a tone family, whose digits are sent.
MAKERS: dict[str, Callable[[Part], Made]] = {
    "tone": make_tone,
    "dtmf": make_dtmf,
    "two-tone": make_two_tone,
    "cadence": make_cadence,
    "morse": make_morse,
    "fsk": make_fsk,
    "sweep": make_sweep,
    "silence": make_silence,
    "noise": make_noise,
    "hum": make_hum,
}
OPTIONS = {
    "tone": ("offset", "ramp", "channel", "swell", "turn"),
    "dtmf": ("offset", "ramp", "channel", "twist"),
    "noise": ("channel",),
    "silence": (),
    "morse": ("offset", "ramp", "channel", "pitch"),
    "fsk": ("offset", "ramp", "channel", *SAME),
}
COMMON_OPTIONS = ("offset", "ramp", "channel")


def make(part: Part) -> Made:
    """What the part means; SpecError for options it does not take."""
    allowed = OPTIONS.get(part.kind, COMMON_OPTIONS)
    for key in part.options:
        if not allowed:
            raise part.refuse("it takes no options")
        choose(key, allowed, name=f"{part.name}: option")
    if part.kind == "plan":
        part = read_as_a_sound(part)
    try:
        return MAKERS.get(part.kind, make_code)(part)
    except SpecError as error:  # of a number in it, which knows nothing of the whole
        if part.usage in str(error):
            raise
        raise SpecError(f"{error}; {part.usage}") from error
