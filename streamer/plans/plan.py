"""Tone plans: TOML files that say what to listen for.

A plan holds [[tone]], [[sequence]], [[cadence]] and [[code]] entries and a [dtmf] table; sections.py has what
each of them may say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.shipped import find_configs
from streamer.base.text import offer, shorten
from streamer.base.toml import KeyPath, TomlFile, is_there, parse_toml, read_toml
from streamer.detectors import DETECTORS, Detector, find_detector
from streamer.detectors.sections import (
    LIST_SECTIONS,
    PLAN_SECTIONS,
    SECTIONS_WITHOUT_DETECTOR,
    list_limits,
    list_tones,
)
from streamer.plans.tables import Finding, format_fields, read_table, show_path


class PlanError(SpecError):
    """All the mistakes of one file, a line each; beneath a heading when there are several."""

    def __init__(self, name: str, findings: list[Finding]) -> None:
        self.name = name
        self.findings = tuple(sorted(findings, key=lambda finding: finding.line))
        lines = [f"{name}:{found}" for found in self.findings]
        if len(lines) > 1:
            lines = [f"{name}: {len(lines)} mistakes", *(f"  {line}" for line in lines)]
        super().__init__("\n".join(lines))


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
            for hz, name, is_alone in list_tones(section, spec)
        ]

    def count(self) -> dict[str, int]:
        return {section: len(specs) for section, specs in self.entries.items()}

    def format(self) -> str:
        """The plan as TOML, with every limit it leaves to its default."""
        tables = []
        for section, specs in self.entries.items():
            heading = f"[[{section}]]" if section in LIST_SECTIONS else f"[{section}]"
            tables += ["\n".join([heading, *format_fields(spec)]) for spec in specs]
        return "\n\n".join(tables) + "\n"


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
    if is_there(path):
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
                findings.append(Finding(plan.file.line_of(path), show_path(path), str(error)))
    if findings:
        raise PlanError(plan.file.name, findings)
    return detectors


def check_signal(plan: Plan, fs_hz: float) -> list[Finding]:
    """What cannot be heard in a signal sampled at fs_hz, or within the times the plan gives."""
    findings = []
    for section, specs in plan.entries.items():
        for i, spec in enumerate(specs):
            path = _path_of(section, i)
            line = plan.file.line_of(path)
            findings += [Finding(line, show_path(path), limit) for limit in list_limits(section, spec, fs_hz)]
    return findings


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
        spec = read_table(spec_class, table, path, file, findings)
        if spec is None:
            continue
        if spec.name in names:
            message = f"{shorten(spec.name)} is the name of the entry in line {names[spec.name]} too"
            findings.append(Finding(file.line_of((*path, "name")), show_path((*path, "name")), message))
        names.setdefault(spec.name, file.line_of(path))
        yield spec


def _read_dtmf(value: Any, file: TomlFile, findings: list[Finding]) -> Iterator[Any]:
    """A preset, and what is to differ from it."""
    from streamer.detectors.dtmf.detector import PRESETS

    if not isinstance(value, dict):
        findings.append(Finding(file.line_of(("dtmf",)), "dtmf", "one table is written [dtmf]"))
        return
    table = dict(value)
    preset = table.pop("preset", "default")
    if not isinstance(preset, str) or preset not in PRESETS:
        message = f"{shorten(preset)} is no preset{offer(str(preset), PRESETS)}"
        findings.append(Finding(file.line_of(("dtmf", "preset")), "dtmf.preset", message))
        preset = "default"
    spec = read_table(
        type(PRESETS[preset]), table, ("dtmf",), file, findings, base=PRESETS[preset], keys_taken=("preset",)
    )
    if spec is not None:
        yield spec


def _path_of(section: str, index: int) -> KeyPath:
    return (section, index) if section in LIST_SECTIONS else (section,)


def _holds(path: Path, sections: tuple[str, ...]) -> bool:
    try:
        return any(section in read_toml(path).values for section in sections)
    except SpecError:
        return True  # listed, so that using it says what is wrong with it
