"""Tone plans: TOML files that say what to listen for.

A plan holds [[tone]], [[sequence]], [[cadence]] and [[code]] entries and a [dtmf] table. A key is the name of
the field it fills, min_on_ms = 250, or that name without its unit and a value with it, min_on = "250ms".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from streamer import families
from streamer.detectors import DETECTORS, Detector, find_detector
from streamer.errors import SpecError
from streamer.tomlfile import KeyPath, TomlFile, parse_toml, read_toml
from streamer.units import (
    NUMBER,
    choose,
    format_duration,
    offer,
    parse_duration_range_s,
    parse_duration_s,
    parse_field,
    parse_frequency_hz,
    shorten,
)

MAIN_LOBE_BINS = 4.0  # of hann, the detectors' window: two tones this far apart leave each other alone

UNIT_SUFFIXES = ("_ms", "_hz", "_dbfs", "_db")


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in a file."""

    line: int
    path: str  # tone[0].freqs[1], or "" for the file as a whole
    message: str

    def __str__(self) -> str:
        return f"{self.line}: {self.path}: {self.message}" if self.path else f"{self.line}: {self.message}"


class PlanError(SpecError):
    """All the mistakes of one file, a line each; beneath a heading when there are several."""

    def __init__(self, name: str, findings: list[Finding]) -> None:
        self.name = name
        self.findings = tuple(sorted(findings, key=lambda finding: finding.line))
        lines = [f"{name}:{found}" for found in self.findings]
        if len(lines) > 1:
            lines = [f"{name}: {len(lines)} mistakes", *(f"  {line}" for line in lines)]
        super().__init__("\n".join(lines))


# --- what an entry may say -------------------------------------------------------------------------------
# ToneSpec and DtmfSpec stand beside their detectors. The three below have none yet.


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a sequence: these frequencies together, for at least and at most so long."""

    freqs_hz: tuple[float, ...]
    on_ms: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceSpec:
    """Tones one after the other: two-tone paging, special information tones."""

    name: str
    steps: tuple[Step, ...]
    tolerance: float = 0.015
    max_gap_ms: float = 200.0
    cooldown_ms: float = 0.0  # after a match, how long the same one is not reported again

    def __post_init__(self) -> None:
        _check_ratio("tolerance", self.tolerance)
        if len(self.steps) < 2:
            raise SpecError(
                f"steps holds {len(self.steps)}; a sequence has at least 2, a lone tone is a [[tone]]"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a cadence; no freqs_hz is silence, no ms is until something else comes."""

    freqs_hz: tuple[float, ...]
    ms: float | None
    is_repeated: bool = True
    modulation_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CadenceSpec:
    """A rhythm of tones and silences, heard `repeats` times over."""

    name: str
    pattern: tuple[Segment, ...]
    repeats: int = 2
    tolerance: float = 0.015
    duration_tolerance: float = 0.1  # ITU-T E.180 allows senders this much

    def __post_init__(self) -> None:
        _check_ratio("tolerance", self.tolerance)
        _check_ratio("duration_tolerance", self.duration_tolerance)
        if not 1 <= self.repeats <= 1000:
            raise SpecError(f"repeats is {self.repeats}; it must lie in 1..1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpec:
    """Digits, a tone or a group of tones each: one of the known families, or an alphabet of its own."""

    name: str
    family: str = ""
    digits: Mapping[str, tuple[float, ...]] | None = None
    digit_ms: tuple[float, float] = (25.0, 150.0)
    max_gap_ms: float = 15.0
    min_digits: int = 5
    repeat_digit: str = ""  # sent in place of a digit equal to the one before
    tolerance: float = 0.015
    cooldown_ms: float = 0.0

    def __post_init__(self) -> None:
        _check_ratio("tolerance", self.tolerance)
        if bool(self.family) == bool(self.digits):
            raise SpecError(
                "write either family, such as zvei1, or digits of its own, such as { 1 = [1060] }"
            )
        if self.family:
            choose(self.family, CODE_FAMILIES, name="family")
        if not 1 <= self.min_digits <= 100:
            raise SpecError(f"min_digits is {self.min_digits}; it must lie in 1..100")
        if self.repeat_digit and self.digits and self.repeat_digit not in self.digits:
            choose(self.repeat_digit, self.digits, name="repeat_digit")

    @property
    def freqs_hz(self) -> tuple[float, ...]:
        if self.digits:
            return tuple(sorted({hz for group in self.digits.values() for hz in group}))
        return CODE_FAMILIES[self.family]


CODE_FAMILIES: dict[str, tuple[float, ...]] = {
    "dtmf": families.DTMF_LOW_HZ + families.DTMF_HIGH_HZ,
    "r1": families.R1_HZ,
    "r2-forward": families.R2_FORWARD_HZ,
    "r2-backward": families.R2_BACKWARD_HZ,
    **{name: tuple(hz for hz in tones if hz is not None) for name, tones in families.SELCALL_HZ.items()},
}

SECTIONS_WITHOUT_DETECTOR: dict[str, type[Any]] = {
    "sequence": SequenceSpec,
    "cadence": CadenceSpec,
    "code": CodeSpec,
}
LIST_SECTIONS = ("tone", *SECTIONS_WITHOUT_DETECTOR)
PLAN_SECTIONS = (*LIST_SECTIONS, "dtmf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan that has been read and found in order."""

    name: str
    entries: Mapping[str, tuple[Any, ...]]  # section -> specs, in the order of the file
    file: TomlFile

    def list_bands(self) -> list[tuple[float, str]]:
        """Each frequency with the name of the entry it belongs to, for a bank."""
        return [
            (hz, name if is_alone else f"{name} {hz:g}")
            for section, specs in self.entries.items()
            for spec in specs
            for hz, name, is_alone in _tones_of(section, spec)
        ]

    def count(self) -> dict[str, int]:
        return {section: len(specs) for section, specs in self.entries.items()}

    def format(self) -> str:
        """The plan as TOML, with every limit it leaves to its default."""
        tables = []
        for section, specs in self.entries.items():
            heading = f"[[{section}]]" if section in LIST_SECTIONS else f"[{section}]"
            tables += ["\n".join([heading, *_format_fields(spec)]) for spec in specs]
        return "\n\n".join(tables) + "\n"


# --- finding plans ---------------------------------------------------------------------------------------


def find_configs(kind: str) -> dict[str, Path]:
    """Name -> file of what streamer ships and what the user keeps in the folder `kind`; the user's wins."""
    from platformdirs import user_config_path  # most commands look for none

    package = Path(__file__).resolve().parent
    shipped = package / "configs"  # in a wheel; in a source checkout it lies beside the package
    found: dict[str, Path] = {}
    for folder in (
        shipped if shipped.is_dir() else package.parent / "configs",
        user_config_path("streamer") / kind,
    ):
        try:
            found |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
        except OSError:  # a folder that may not be read holds nothing for us
            continue
    return found


def list_plans() -> dict[str, Path]:
    """Name -> file of every plan that can be loaded by name."""
    return {name: path for name, path in find_configs("plans").items() if _holds(path, PLAN_SECTIONS)}


def find_plan(name_or_path: str) -> Path:
    """A path, if it looks like one or is there; else a plan's name."""
    if not name_or_path.strip() or "\0" in name_or_path:
        raise SpecError(f"plan is {shorten(name_or_path)}; write a file or one of: {', '.join(list_plans())}")
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        return path
    plans = list_plans()
    if name_or_path in plans:
        return plans[name_or_path]
    if path.is_file():
        return path
    raise SpecError(f"no plan is called {shorten(name_or_path)}{offer(name_or_path, plans)}")


def load_plan(name_or_path: str, fs_hz: float | None = None) -> Plan:
    """Raises PlanError with every mistake in the file, and with fs_hz of what the signal does not allow."""
    path = find_plan(name_or_path)
    return _read_plan(read_toml(path), name=path.stem, fs_hz=fs_hz)


def parse_plan(text: str, *, name: str, fs_hz: float | None = None) -> Plan:
    """A plan from text; `name` stands for the file in messages."""
    return _read_plan(parse_toml(text, name=name), name=Path(name).stem, fs_hz=fs_hz)


def build_detectors(plan: Plan, fs_hz: float, channel: int = 1) -> list[Detector]:
    """What hears the plan in one channel (counted from 1) of a signal sampled at fs_hz."""
    for section, specs in plan.entries.items():
        if specs and section not in DETECTORS:
            raise SpecError(
                f'{plan.file.name}: [[{section}]] "{specs[0].name}" can be checked but not heard yet; '
                f"sections that can be heard: {', '.join(DETECTORS)}"
            )
    findings = check_signal(plan, fs_hz)
    if findings:
        raise PlanError(plan.file.name, findings)
    detectors: list[Detector] = []
    for section, specs in plan.entries.items():
        make = find_detector(section)[1]
        for i, spec in enumerate(specs):
            try:
                detectors.append(make(spec, fs_hz=fs_hz, channel=channel))
            except SpecError as error:
                path = _path_of(section, i)
                findings.append(Finding(plan.file.line_of(path), _show(path), str(error)))
    if findings:
        raise PlanError(plan.file.name, findings)
    return detectors


# --- reading -----------------------------------------------------------------------------------------------


def _read_plan(file: TomlFile, *, name: str, fs_hz: float | None) -> Plan:
    findings: list[Finding] = []
    entries: dict[str, tuple[Any, ...]] = {}
    for section, value in file.values.items():
        path: KeyPath = (section,)
        if section == "dtmf":
            entries[section] = tuple(_read_dtmf(value, file, findings))
        elif section in LIST_SECTIONS:
            entries[section] = tuple(_read_entries(section, value, file, findings))
        elif section == "live":
            continue  # settings of a profile in the same file
        elif section == "description":
            if not isinstance(value, str):
                findings.append(Finding(file.line_of(path), section, "write a text"))
        else:
            known = (*PLAN_SECTIONS, "description")
            findings.append(
                Finding(file.line_of(path), section[:60], f"not a section of a plan{offer(section, known)}")
            )
    if not findings and not any(entries.values()):
        findings.append(Finding(1, "", f"nothing to listen for; write one of: {', '.join(PLAN_SECTIONS)}"))
    plan = Plan(name=name, entries={section: specs for section, specs in entries.items() if specs}, file=file)
    if not findings and fs_hz is not None:
        findings += check_signal(plan, fs_hz)
    if findings:
        raise PlanError(file.name, findings)
    return plan


def _read_entries(section: str, value: Any, file: TomlFile, findings: list[Finding]) -> Iterator[Any]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        findings.append(Finding(file.line_of((section,)), section, f"entries are written [[{section}]]"))
        return
    spec_class = SECTIONS_WITHOUT_DETECTOR.get(section) or find_detector(section)[0]
    names: dict[str, int] = {}
    for i, table in enumerate(value):
        path = (section, i)
        spec = _read_table(spec_class, table, path, file, findings)
        if spec is None:
            continue
        if spec.name in names:
            message = f"{shorten(spec.name)} is the name of the entry in line {names[spec.name]} too"
            findings.append(Finding(file.line_of((*path, "name")), _show((*path, "name")), message))
        names.setdefault(spec.name, file.line_of(path))
        yield spec


def _read_dtmf(value: Any, file: TomlFile, findings: list[Finding]) -> Iterator[Any]:
    """A preset, and what is to differ from it."""
    from streamer.detectors.dtmf import PRESETS

    if not isinstance(value, dict):
        findings.append(Finding(file.line_of(("dtmf",)), "dtmf", "one table is written [dtmf]"))
        return
    table = dict(value)
    preset = table.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        message = f"{shorten(preset)} is no preset{offer(str(preset), PRESETS)}"
        findings.append(Finding(file.line_of(("dtmf", "preset")), "dtmf.preset", message))
        preset = "default"
    spec = _read_table(type(PRESETS[preset]), table, ("dtmf",), file, findings, base=PRESETS[preset])
    if spec is not None:
        yield spec


def _read_table(
    spec_class: type[Any],
    table: dict[str, Any],
    path: KeyPath,
    file: TomlFile,
    findings: list[Finding],
    *,
    base: Any = None,
) -> Any:
    """The spec a table describes, starting from `base`; None when there were findings."""
    found_before = len(findings)
    by_key = _fields_by_key(spec_class)
    values: dict[str, Any] = {}
    keys: dict[str, str] = {}  # field -> the key it was written as

    def report(where: KeyPath, message: str) -> None:
        findings.append(Finding(file.line_of(where), _show(where), message))

    for key, value in table.items():
        where = (*path, key)
        wanted = by_key.get(key)
        if wanted is None:
            extra = ["preset"] if path == ("dtmf",) else []
            choices = [_key_of(each) for each in fields(spec_class)] + extra
            report(where, f"not a key here{offer(key, choices)}")
        elif wanted.name in keys:
            report(where, f"said twice, as {keys[wanted.name]} and as {key}")
        else:
            keys[wanted.name] = key
            try:
                values[wanted.name] = _read_value(wanted, key, value, where, file, findings)
            except SpecError as error:
                report(where, str(error))
    for each in fields(spec_class):
        is_required = base is None and each.default is MISSING and each.default_factory is MISSING
        if is_required and each.name not in keys:
            report(path, f"{_key_of(each)} is missing")
    if len(findings) > found_before:
        return None
    try:
        return replace(base, **values) if base is not None else spec_class(**values)
    except SpecError as error:
        # a spec checks its fields together and knows no keys: point at the one it speaks of
        spoken_of = next((keys[name] for name in keys if name in str(error)), None)
        report((*path, spoken_of) if spoken_of else path, str(error))
        return None


def _read_value(
    wanted: Field[Any], key: str, value: Any, where: KeyPath, file: TomlFile, findings: list[Finding]
) -> Any:
    """By the field's type; tables within it report their own findings."""
    kind = str(wanted.type)
    if kind == "str":
        if not isinstance(value, str) or not value.strip() or len(value) > 80 or not value.isprintable():
            raise SpecError(f"{key} is {shorten(value)}; write a short text")
        return value
    if kind == "int":
        if isinstance(value, bool) or not isinstance(value, int):
            raise SpecError(f"{key} is {shorten(value)}; write a whole number")
        return value
    if kind == "tuple[Step, ...]":
        if not isinstance(value, list) or not all(isinstance(step, dict) for step in value):
            raise SpecError(f'{key} is a list such as [{{freqs = [1185.2], on = "0.6s-1.5s"}}, ...]')
        return tuple(_read_table(Step, step, (*where, i), file, findings) for i, step in enumerate(value))
    if kind == "tuple[Segment, ...]":
        return parse_pattern(value, name=key)
    if kind.startswith("Mapping"):
        if not isinstance(value, dict) or not value:
            raise SpecError(f"{key} is a table such as {{ 1 = [1060], 2 = [1160] }}")
        return {digit: _read_freqs(freqs, name=f"digit {shorten(digit)}") for digit, freqs in value.items()}
    if kind == "tuple[float, ...]":
        return _read_freqs(value, name=key)
    if kind == "tuple[float, float]":
        return _read_range_ms(value, name=key)
    if not isinstance(value, str | int | float):
        raise SpecError(f"{key} is {shorten(value)}; write one value")
    if key != wanted.name and wanted.name.endswith("_ms") and not isinstance(value, str):
        raise SpecError(
            f'{key} is {value}, without a unit; write {key} = "{value}ms" or {wanted.name} = {value}'
        )
    return parse_field(wanted.name, value, name=key)


def _read_freqs(value: Any, *, name: str) -> tuple[float, ...]:
    freqs = value if isinstance(value, list) else [value]
    if not freqs:
        raise SpecError(f"{name} is empty; write at least one frequency in hertz, such as [440]")
    freqs_hz = sorted(parse_frequency_hz(freq, name=name) for freq in freqs)
    for low_hz, high_hz in pairwise(freqs_hz):
        if low_hz == high_hz:
            raise SpecError(f"{name} has {low_hz:g} Hz twice")
    return tuple(freqs_hz)


def _read_range_ms(value: Any, *, name: str) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2:
        low_ms, high_ms = (parse_field(f"{name.removesuffix('_ms')}_ms", each, name=name) for each in value)
        if low_ms > high_ms:
            raise SpecError(f"{name} is {value}; the shorter of the two comes first")
        return low_ms, high_ms
    low_s, high_s = parse_duration_range_s(value, name=name)
    return low_s * 1e3, high_s * 1e3


_ELEMENT = re.compile(r"\s*(!?)\s*([^/!]+?)\s*(?:/\s*([^/]+?)\s*)?")


def parse_pattern(text: Any, *, name: str = "pattern") -> tuple[Segment, ...]:
    """Segments from Asterisk's shorthand, as in its indications.conf: [!]freq[+freq|*freq][/ms],...

    0 is silence, * modulates, and what ! stands before is not repeated. No time is until something else comes.
    """
    example = "write freq[+freq]/ms, with 0 for silence, such as 480+620/500,0/500"
    if not isinstance(text, str) or not text.strip():
        raise SpecError(f"{name} is {shorten(text)}; {example}")
    segments = []
    for element in text.split(","):
        found = _ELEMENT.fullmatch(element)
        if not found:
            raise SpecError(f"{name} has {shorten(element)}; {example}")
        bang, tones, time = found.groups()
        ms = _pattern_ms(time, name=f"{name}, in {shorten(element)},")
        carrier, star, modulation = tones.partition("*")
        if star and "+" in tones:
            raise SpecError(f"{name} has {shorten(element)}; * takes two frequencies and no +")
        freqs_hz: tuple[float, ...] = ()
        if not re.fullmatch(r"0+(\.0*)?", tones):
            freqs_hz = _read_freqs(
                [part.strip() for part in carrier.split("+")], name=f"{name}, in {shorten(element)},"
            )
        segments.append(
            Segment(
                freqs_hz=freqs_hz,
                ms=ms,
                is_repeated=not bang,
                modulation_hz=parse_frequency_hz(modulation, name=name) if star else None,
            )
        )
    if not any(segment.freqs_hz for segment in segments):
        raise SpecError(f"{name} is {shorten(text)}, silence only; {example}")
    if any(segment.ms is None for segment in segments[:-1]):
        raise SpecError(f"{name} is {shorten(text)}; only the last part may go without a time")
    return tuple(segments)


def _pattern_ms(time: str | None, *, name: str) -> float | None:
    if time is None:
        return None
    ms = float(time) if re.fullmatch(NUMBER, time, re.ASCII) else parse_duration_s(time, name=name) * 1e3
    if not ms < 86_400_000:
        raise SpecError(f"{name} lasts {shorten(time)}; a day is the most")
    return ms or None  # Asterisk writes /0 for: until something else comes


# --- what the signal allows ----------------------------------------------------------------------------------


def check_signal(plan: Plan, fs_hz: float) -> list[Finding]:
    """What cannot be heard in a signal sampled at fs_hz, or within the times the plan gives."""
    findings = []
    for section, specs in plan.entries.items():
        for i, spec in enumerate(specs):
            path = _path_of(section, i)
            line = plan.file.line_of(path)
            findings += [Finding(line, _show(path), limit) for limit in _limits_of(section, spec, fs_hz)]
    return findings


def _limits_of(section: str, spec: Any, fs_hz: float) -> Iterator[str]:
    too_high = sorted({hz for hz, _, _ in _tones_of(section, spec) if hz >= fs_hz / 2})
    for hz in too_high:
        yield (
            f"{hz:g} Hz cannot be heard at a sample rate of {fs_hz:g} Hz; it must lie below {fs_hz / 2:g} Hz: "
            "leave it out or raise --rate"
        )
    if too_high:
        return
    if section == "tone":
        if spec.window_ms is not None and spec.window_ms > spec.min_on_ms:
            yield (
                f"min_on is {_ms(spec.min_on_ms)}, shorter than the window of {_ms(spec.window_ms)}; "
                f"raise min_on or write window_ms = {spec.min_on_ms:g}"
            )
        yield from _parting(spec.freqs_hz, spec.window_ms or spec.min_on_ms, "min_on")
    elif section == "sequence":
        for step in spec.steps:
            yield from _parting(step.freqs_hz, step.on_ms[0], "on")
    elif section == "cadence":
        for segment in spec.pattern:
            if segment.ms is not None:
                yield from _parting(segment.freqs_hz, segment.ms, "the pattern")


def _parting(freqs_hz: tuple[float, ...], longest_ms: float, key: str) -> Iterator[str]:
    """Tones heard at once must be parted within the time there is: from each other, and from DC at 0 Hz."""
    if not freqs_hz:
        return
    for low_hz, high_hz in pairwise((0.0, *freqs_hz)):
        needed_ms = math.ceil(MAIN_LOBE_BINS / (high_hz - low_hz) * 1e3 - 1e-6)
        if needed_ms > longest_ms:
            what = (
                f"{low_hz:g} and {high_hz:g} Hz lie {high_hz - low_hz:g} Hz apart"
                if low_hz > 0
                else (f"{high_hz:g} Hz has a period of {_ms(1e3 / high_hz)}")
            )
            yield (
                f"{what}; hearing that takes a window of {_ms(needed_ms)}, and {key} gives {_ms(longest_ms)}: "
                f"allow at least {_ms(needed_ms)}"
            )


def _tones_of(section: str, spec: Any) -> Iterator[tuple[float, str, bool]]:
    """Each frequency, the name of its entry and whether it is the only one there."""
    if section == "dtmf":
        yield from ((hz, "", True) for hz in families.DTMF_LOW_HZ + families.DTMF_HIGH_HZ)
        return
    if section == "sequence":
        freqs_hz = {hz for step in spec.steps for hz in step.freqs_hz}
    elif section == "cadence":
        freqs_hz = {hz for segment in spec.pattern for hz in segment.freqs_hz}
    else:
        freqs_hz = set(spec.freqs_hz)
    yield from ((hz, spec.name, len(freqs_hz) == 1) for hz in sorted(freqs_hz))


# --- pieces ------------------------------------------------------------------------------------------------


def _key_of(field: Field[Any]) -> str:
    """min_on for min_on_ms: how people write it."""
    for suffix in UNIT_SUFFIXES:
        if field.name.endswith(suffix) and field.name != suffix[1:]:
            return field.name.removesuffix(suffix)
    return field.name


def _path_of(section: str, index: int) -> KeyPath:
    return (section, index) if section in LIST_SECTIONS else (section,)


def _fields_by_key(spec_class: type[Any]) -> dict[str, Field[Any]]:
    return {key: field for field in fields(spec_class) for key in (_key_of(field), field.name)}


def _show(path: KeyPath) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in path)
    return "".join(c if c.isprintable() else "?" for c in shown.removeprefix("."))


def _ms(milliseconds: float) -> str:
    return format_duration(milliseconds / 1e3)


def _check_ratio(name: str, value: float) -> None:
    if not 0 < value <= 0.2:
        raise SpecError(f"{name} is {value:g}; it must lie above 0% and up to 20%")


def _format_fields(spec: Any) -> list[str]:
    values = {each.name: getattr(spec, each.name) for each in fields(spec)}
    return [
        f"{name} = {_format_value(value)}"
        for name, value in values.items()
        if value is not None and value != ""  # not said: no window of its own, no family
    ]


def _format_value(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], Segment):
        return json.dumps(",".join(map(_format_segment, value)))
    if isinstance(value, Step):
        return "{" + ", ".join(_format_fields(value)) + "}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_format_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_format_value, value)) + "]"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return json.dumps(value, ensure_ascii=False)  # a JSON text is a TOML text


def _format_segment(segment: Segment) -> str:
    tones = "+".join(map(_format_value, segment.freqs_hz)) or "0"
    modulation = f"*{_format_value(segment.modulation_hz)}" if segment.modulation_hz else ""
    time = f"/{_format_value(segment.ms)}" if segment.ms else ""
    return f"{'' if segment.is_repeated else '!'}{tones}{modulation}{time}"


def _holds(path: Path, sections: tuple[str, ...]) -> bool:
    try:
        return any(section in read_toml(path).values for section in sections)
    except SpecError:
        return True  # listed, so that using it says what is wrong with it
