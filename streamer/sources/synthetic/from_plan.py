"""What an entry of a tone plan sounds like: plan:NAME/LABEL, read as the word that makes such a sound.

A plan is looked at as far as it says what is sent; whether it is in order, `streamer plan check` knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamer.base import old_names
from streamer.base.errors import SpecError
from streamer.base.families import load_family
from streamer.base.fields import format_number, read_freqs, read_range_ms
from streamer.base.pattern import Segment, format_pattern, parse_pattern
from streamer.base.shipped import find_configs
from streamer.base.text import offer, shorten
from streamer.base.toml import read_toml
from streamer.base.units import parse_duration_s, parse_frequency_hz
from streamer.sources.synthetic.words import MORSE_PITCH_HZ, MORSE_WPM, Part

CONTINUOUS_MS = 3000.0  # of what has no end of its own
LONG_MS = 10_000.0  # a step that may last so long is sent as long as half again its shortest

MODULATION = {"swell": "swell", "turn": "turn_every"}  # options of a tone -> keys of an entry

Entry = Mapping[str, Any]


def read_as_a_sound(part: Part) -> Part:
    """The part that plan:NAME/LABEL stands for. SpecError where there is no such plan, or it has no such label."""
    said = re.fullmatch(r"(.*?\.toml|[^/]*)/(.+)", part.value)
    if said is None:
        raise part.refuse("it lacks a label behind a slash")
    name, label = said.groups()
    plans = find_configs("plans")
    path = Path(name) if name.endswith(".toml") else plans.get(old_names.PLANS.get(name, name))
    if path is None:
        raise SpecError(f"{part.name}: no plan is called {shorten(name)}{offer(name, plans)}")
    values = read_toml(path).values
    try:
        return _find(part, values, label)
    except (SpecError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(
            f"{part.name}: {path.name} is not in order; `streamer plan check` says why"
        ) from error


def _find(part: Part, values: Mapping[str, Any], label: str) -> Part:
    makers = {"tone": _of_tone, "cadence": _of_cadence, "sequence": _of_sequence}
    names = []
    for section, make in makers.items():
        for entry in values.get(section, []):
            names += [entry[key] for key in ("name", "modulated") if key in entry]
            if entry.get("modulated") == label:
                options = {key: str(entry[word]) for key, word in MODULATION.items() if word in entry}
                return _of_tone(replace(part, options=options | part.options), entry, label)
            if entry["name"] in (label, old_names.LABELS.get(label)) or entry.get("label") == "{freqs}":
                return make(part, entry, label)
    for entry in values.get("presence", []):
        tones = _list_tones(entry)
        names += [f"{hz:.1f}" for hz in tones]
        if re.fullmatch(r"\d{1,5}(\.\d{0,4})?", label, re.ASCII) and float(label) in tones:
            return _of_presence(part, entry, label)
    for entry in values.get("fsk", []):
        for text in entry["texts"]:
            names.append(text["label"])
            if text["label"] == label or re.fullmatch(text["pattern"], label):
                return _of_fsk(part, entry, text, label)
    for entry in values.get("keying", []):
        return _of_keying(part, entry, label)
    for entry in values.get("paired", []):
        return replace(part, kind=entry["family"], value=label)
    codes = values.get("code", [])
    for entry in [*(code for code in codes if label.startswith(f"{code['name']} ")), *codes]:
        return _of_code(part, entry, label)
    if "dtmf" in values:
        return replace(part, kind="dtmf", value=label)
    raise SpecError(f"{part.name}: label is {shorten(label)}{offer(label, names)}")


def _of_tone(part: Part, entry: Entry, _label: str) -> Part:
    freqs_hz = read_freqs(entry["freqs"], name="freqs")
    shortest_ms, longest_ms = (_read_ms(entry.get(key)) for key in ("min_on", "max_on"))
    middle_ms = (shortest_ms + longest_ms) / 2 if longest_ms else max(2 * shortest_ms, CONTINUOUS_MS)
    fields = part.fields or [f"{middle_ms:g}ms"]
    return replace(part, kind="tone", value="+".join(map(format_number, freqs_hz)), fields=fields)


def _of_cadence(part: Part, entry: Entry, _label: str) -> Part:
    """As often as its length asks for, or once more than a listener does."""
    *first, last = parse_pattern(entry["pattern"])
    length_ms = _read_ms(part.only_field())
    if last.ms is None:
        held_ms = length_ms or max(CONTINUOUS_MS, 1.5 * _read_ms(entry.get("hold")))
        return _paced(part, [*first, replace(last, ms=held_ms)], 1)
    cycle_ms = sum(segment.ms or 0.0 for segment in (*first, last))
    times = math.ceil(length_ms / cycle_ms) if length_ms else int(entry.get("repeats", 2)) + 1
    return _paced(part, [*first, last], times)


def _of_sequence(part: Part, entry: Entry, label: str) -> Part:
    """Each step as long as in the middle of what it may; of a family's tones those that the label names."""
    named = iter(label.split("/"))
    segments = []
    for step in entry["steps"]:
        low_ms, high_ms = read_range_ms(step["on"], name="on")
        freqs_hz = read_freqs(step["freqs"] if "freqs" in step else [float(next(named))], name="freqs")
        ms = 1.5 * low_ms if high_ms >= LONG_MS else (low_ms + high_ms) / 2
        segments.append(Segment(freqs_hz=freqs_hz, ms=ms))
    return _paced(part, segments, 1)


def _list_tones(entry: Entry) -> tuple[float, ...]:
    family = load_family(entry["family"]) if "family" in entry else None
    return family.tones if family else read_freqs(entry["freqs"], name="freqs")


def _of_presence(part: Part, _entry: Entry, label: str) -> Part:
    return replace(part, kind="tone", value=label, fields=part.fields or [f"{CONTINUOUS_MS:g}ms"])


def _of_keying(part: Part, entry: Entry, label: str) -> Part:
    """The label is the text; at the usual pitch and speed, or within what the entry takes."""
    lowest_hz, highest_hz = (
        parse_frequency_hz(entry.get(key, entry.get(f"{key}_hz", MORSE_PITCH_HZ)))
        for key in ("min_pitch", "max_pitch")
    )
    pitch_hz = MORSE_PITCH_HZ if lowest_hz <= MORSE_PITCH_HZ <= highest_hz else (lowest_hz + highest_hz) / 2
    wpm = min(max(MORSE_WPM, entry.get("min_wpm", MORSE_WPM)), entry.get("max_wpm", MORSE_WPM))
    options = {"pitch": f"{pitch_hz:g}Hz"} | part.options
    return replace(part, kind="morse", value=label, fields=part.fields or [f"{wpm:g}wpm"], options=options)


def _of_code(part: Part, entry: Entry, label: str) -> Part:
    """By its family, or each of its own digits in the middle of what one may last."""
    digits = label.rpartition(" ")[2]  # forward 5
    if "family" in entry:
        family = load_family(entry["family"])
        if family is None or not family.can_be_sent:
            raise part.refuse(f"{shorten(entry['family'])} does not say how long a digit is")
        return replace(part, kind=entry["family"], value=digits)
    ms = sum(read_range_ms(entry.get("digit_ms", [25, 150]), name="digit_ms")) / 2
    own = {digit: read_freqs(freqs, name=digit) for digit, freqs in entry["digits"].items()}
    segments: list[Segment] = []
    before = ""
    for digit in digits:
        before = entry.get("repeat_digit", digit) if digit == before else digit
        if before not in own:
            raise part.refuse(f"it has no digit {shorten(before)}")
        segments.append(Segment(freqs_hz=own[before], ms=ms))
    return _paced(part, segments, 1)


def _of_fsk(part: Part, entry: Entry, text: Entry, label: str) -> Part:
    """The text that the label is, or an example of those that it names."""
    sent = text.get("example", text["pattern"]) if label == text["label"] else label
    preamble = f"{entry.get('preamble', 'AB')}x{entry.get('preamble_bytes', 16)}"
    said = {key: entry.get(key, entry.get(f"{key}_hz")) for key in ("mark", "space", "baud")}
    options = {key: format_number(parse_frequency_hz(value, name=key)) for key, value in said.items()}
    options["preamble"] = preamble
    times = part.fields or [f"{entry.get('bursts', 3)}"]
    return replace(part, kind="fsk", value=sent, fields=times, options=options | part.options)


def _paced(part: Part, segments: list[Segment], times: int) -> Part:
    return replace(part, kind="cadence", value=f"{format_pattern(tuple(segments))}x{times}", fields=[])


def _read_ms(value: Any) -> float:
    """0 for what is not said."""
    return 0.0 if value is None else parse_duration_s(str(value), name="length") * 1e3
