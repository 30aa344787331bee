"""Patterns as entries of a tone plan, ready to paste."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from streamer.base.errors import SpecError
from streamer.base.fields import format_number
from streamer.base.morse import DIT_S
from streamer.plans.plan import parse_plan
from streamer.recordings.identify.patterns import Part, Pattern

HELD, LONGER, SHORTER = 0.6, 1.25, 0.75
CADENCE_PAUSE_MS = 12.0  # shorter ones are none
PITCH_HZ = 60.0
WHOLE_RATIO = 0.0003  # so near to it, a frequency is a whole number
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def draft(pattern: Pattern, name: str) -> str:
    """The entry as TOML."""
    return "\n".join(
        [f"[[{SECTIONS[_choose(pattern)]}]]", f'name = "{name}"', *_LINES[_choose(pattern)](pattern)]
    )


def name_patterns(patterns: Sequence[Pattern]) -> list[str]:
    """tone-1, cadence-1, cadence-2, ..."""
    counts: Counter[str] = Counter()
    names = []
    for pattern in patterns:
        counts[pattern.kind] += 1
        names.append(f"{pattern.kind}-{counts[pattern.kind]}")
    return names


def is_heard_at(entry: str, fs_hz: float) -> bool:
    """Whether the entry asks for nothing that the sample rate or a window does not allow."""
    try:
        parse_plan(entry, name="draft.toml", fs_hz=fs_hz)
    except SpecError:
        return False
    return True


def _choose(pattern: Pattern) -> str:
    """A sequence in which a tone comes twice in a row is a rhythm, heard once."""
    if pattern.kind == "sequence":
        tones = [_write_tones(part) for part in pattern.parts]
        if any(one == after for one, after in pairwise(tones)):
            return "once"
    return pattern.kind


def _write_hz(hz: float) -> str:
    whole = round(hz)
    return format_number(float(whole) if abs(hz - whole) <= WHOLE_RATIO * hz else round(hz, 2))


def _write_tones(part: Part) -> str:
    return "+".join(map(_write_hz, part.freqs_hz))


def _write_list(part: Part) -> str:
    return f"[{', '.join(map(_write_hz, part.freqs_hz))}]"


def _write_cadence(pattern: Pattern) -> list[str]:
    elements = []
    for part in pattern.parts:
        is_joined = part.pause_s * 1e3 < CADENCE_PAUSE_MS
        elements.append(f"{_write_tones(part)}/{(part.on_s + is_joined * part.pause_s) * 1e3:.0f}")
        elements += [] if is_joined else [f"0/{part.pause_s * 1e3:.0f}"]
    return [f'pattern = "{",".join(elements)}"', f"repeats = {min(pattern.times, 2)}", 'tolerance = "1%"']


def _write_once(pattern: Pattern) -> list[str]:
    pattern_line, *_ = _write_cadence(pattern)
    return [pattern_line, "repeats = 1", 'tolerance = "1%"']


def _write_sequence(pattern: Pattern) -> list[str]:
    n = len(pattern.parts)
    steps = []
    for k, part in enumerate(pattern.parts):
        lengths_s = [chord.length_s for chord in pattern.chords[k::n]]
        low_ms, high_ms = SHORTER * min(lengths_s) * 1e3, LONGER * max(lengths_s) * 1e3
        steps.append(f'  {{ freqs = {_write_list(part)}, on = "{low_ms:.0f}ms-{high_ms:.0f}ms" }},')
    gap_ms = max(1.5e3 * max(part.pause_s for part in pattern.parts), 30.0)
    return ['tolerance = "1%"', f'max_gap = "{gap_ms:.0f}ms"', "steps = [", *steps, "]"]


def _write_code(pattern: Pattern) -> list[str]:
    digits = ", ".join(
        f"{digit} = {_write_list(part)}" for digit, part in zip(DIGITS, pattern.parts, strict=False)
    )
    low_ms, high_ms = SHORTER * pattern.spread_s[0] * 1e3, LONGER * pattern.spread_s[0] * 1e3
    first_ms = max(LONGER * pattern.spread_s[1] * 1e3, high_ms)
    gap_ms = max(1.5e3 * max(part.pause_s for part in pattern.parts), 15.0)
    return [
        f"digits = {{ {digits} }}",
        f'digit_ms = "{low_ms:.0f}ms-{high_ms:.0f}ms"',
        f'first_digit_ms = "{low_ms:.0f}ms-{first_ms:.0f}ms"',
        f"max_gap_ms = {gap_ms:.0f}",
        "min_digits = 4",
        'tolerance = "1%"',
    ]


def _write_tone(pattern: Pattern) -> list[str]:
    (part,) = pattern.parts
    min_on_ms = HELD * pattern.spread_s[0] * 1e3
    return [f"freqs = {_write_list(part)}", 'tolerance = "1%"', f'min_on = "{min(min_on_ms, 5000):.0f}ms"']


def _write_keying(pattern: Pattern) -> list[str]:
    (hz,) = pattern.parts[0].freqs_hz
    wpm = DIT_S / pattern.spread_s[0]
    low_hz = max(200.0, hz - PITCH_HZ)
    return [
        f"min_pitch = {low_hz:.0f}",
        f"max_pitch = {max(hz + PITCH_HZ, low_hz + 60):.0f}",
        f"min_wpm = {min(max(round(0.7 * wpm), 5), 55)}",
        f"max_wpm = {min(max(round(1.5 * wpm), 10), 60)}",
    ]


SECTIONS = {
    "cadence": "cadence",
    "once": "cadence",
    "sequence": "sequence",
    "code": "code",
    "tone": "tone",
    "keying": "keying",
}
_LINES = {
    "cadence": _write_cadence,
    "once": _write_once,
    "sequence": _write_sequence,
    "code": _write_code,
    "tone": _write_tone,
    "keying": _write_keying,
}
