"""Tone plans: TOML files that say what to listen for.

A plan's sections are the kinds of decision, detectors/registry.py, each of which says what its entries may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from streamer.base import old_names
from streamer.base.errors import SpecError
from streamer.base.shipped import find_config, find_configs
from streamer.base.text import offer, printable, shorten
from streamer.base.toml import KeyPath, TomlFile, is_there, parse_toml, read_toml
from streamer.detectors import Detector
from streamer.detectors.limits import REMEDY
from streamer.detectors.matching.build import build_matchers
from streamer.detectors.matching.grammar import Grammar
from streamer.detectors.registry import KINDS, Kind, Limits, list_heard, load_kind
from streamer.plans.tables import Finding, format_fields, read_table, show_path

ANY_RATE_HZ = 1e12  # what cannot be heard even so is no matter of the rate
NO_PLAN = "none"  # a name for nothing, where something is listened for unless told otherwise
ALL_PLANS = "all"  # and one for all that there is


class PlanError(SpecError):
    """All the mistakes of one file, a line each; beneath a heading when there are several."""

    def __init__(self, name: str, findings: list[Finding]) -> None:
        self.name = name
        self.findings = tuple(sorted(findings, key=lambda finding: finding.line))
        lines = [f"{name}:{found}" for found in self.findings]
        if len(lines) > 1:
            lines = [f"{name}: {len(lines)} mistakes", *(f"  {line}" for line in lines)]
        super().__init__("\n".join(map(printable, lines)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, list(self.findings))  # it is said by a process to another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan that has been read and found in order."""

    name: str
    entries: Mapping[str, tuple[Any, ...]]  # section -> specs, in the order of the file
    file: TomlFile
    paths: Mapping[str, tuple[KeyPath, ...]] = field(
        default_factory=dict
    )  # where each entry stands in the file

    def list_bands(self) -> list[tuple[float, str]]:
        """Each frequency with the name of the entry it belongs to, for a bank."""
        return [
            (hz, label)
            for specs in self.entries.values()
            for spec in specs
            for hz, label in spec.list_tones()
        ]

    def count(self) -> dict[str, int]:
        return {section: len(specs) for section, specs in self.entries.items()}

    def format(self) -> str:
        """The plan as TOML, with every limit it leaves to its default."""
        tables = []
        for section, specs in self.entries.items():
            heading = load_kind(section).heading
            tables += ["\n".join([heading, *format_fields(spec)]) for spec in specs]
        return "\n\n".join(tables) + "\n"


def list_plan_names(plan: Any) -> list[str]:
    """Of plans as Python programs name them; none for None."""
    is_several = isinstance(plan, Iterable) and not isinstance(plan, str | bytes | Mapping)
    listed: list[str] = []
    for name in () if plan is None else plan if is_several else (plan,):
        if not isinstance(name, str | Path):
            allowed = 'a shipped plan\'s name, such as "dtmf", a TOML file, or several of these'
            raise SpecError(f"plan is {shorten(name)}; it must be {allowed}")
        listed.append(str(name))
    return list(choose_plans(listed)) if ALL_PLANS in listed else listed


def choose_plans(said: Sequence[str]) -> tuple[str, ...]:
    """The plans that are meant, a comma between several: none for the word that says so, which stands alone; or all."""
    names = [name for each in said for name in _split(each)]
    if ALL_PLANS in names:
        others = [name for name in names if name != ALL_PLANS]
        names = list(dict.fromkeys([*list_whole_plans(), *others]))
    if NO_PLAN in names and len(names) > 1:
        raise SpecError(
            f"plan is {shorten(','.join(names))}; {NO_PLAN} is nothing to listen for, so it stands alone"
        )
    return () if NO_PLAN in names else tuple(names)


def _split(said: str) -> list[str]:
    """A file may have a comma in its name."""
    return (
        [said]
        if is_there(Path(said))
        else [name for part in said.split(",") if (name := part.strip())] or [said]
    )


def list_whole_plans() -> list[str]:
    """The names of all plans, but for those that are a part of another."""
    return [plan.name for plan in leave_out_parts([_load_file(path) for path in list_plans().values()])]


def leave_out_parts(plans: Sequence[Plan]) -> list[Plan]:
    """Without those whose entries all stand in a larger one too."""
    return [plan for plan in plans if not any(_is_part(plan, other) for other in plans)]


def _is_part(plan: Plan, other: Plan) -> bool:
    is_larger = sum(other.count().values()) > sum(plan.count().values())
    return is_larger and all(
        spec in other.entries.get(section, ()) for section, specs in plan.entries.items() for spec in specs
    )


def list_plans() -> dict[str, Path]:
    """Name -> file of every plan that can be loaded by name."""
    return {name: path for name, path in find_configs("plans").items() if _is_plan(path)}


def describe_plan(path: Path) -> str:
    """What a plan's or a profile's file says it is for; empty where it does not, or cannot be read."""
    with suppress(SpecError):
        description = read_toml(path).values.get("description")
        return printable(description) if isinstance(description, str) else ""
    return ""


def find_plan(name_or_path: str) -> Path:
    """A path, if it looks like one or is there; else a plan's name."""
    if not name_or_path.strip() or "\0" in name_or_path:
        raise SpecError(f"plan is {shorten(name_or_path)}; write a file or one of: {', '.join(list_plans())}")
    path = Path(name_or_path)
    if path.suffix == ".toml" or len(path.parts) > 1:
        return path
    for name in (name_or_path, old_names.PLANS.get(name_or_path)):
        file = None if name is None else find_config("plans", name)
        if file is not None and _is_plan(file):
            return file
    if is_there(path):
        return path
    raise SpecError(f"no plan is called {shorten(name_or_path)}{offer(name_or_path, list_plans())}")


def load_plan(
    name_or_path: str, fs_hz: float | None = None, *, doubt: Callable[[Plan], list[Finding]] | None = None
) -> Plan:
    """Raises PlanError with every mistake in the file, and with fs_hz of what the signal does not allow.

    doubt: finds what else is a mistake
    """
    if name_or_path == NO_PLAN:
        return Plan(name=NO_PLAN, entries={}, file=parse_toml("", name=NO_PLAN))
    path = find_plan(name_or_path)
    if doubt is None:
        return _load_file(path, fs_hz)
    return _read_plan(read_toml(path), name=path.stem, fs_hz=fs_hz, doubt=doubt)


def _load_file(path: Path, fs_hz: float | None = None) -> Plan:
    return _read_once(read_toml(path), path.stem, fs_hz)


@lru_cache(maxsize=256)
def _read_once(file: TomlFile, name: str, fs_hz: float | None) -> Plan:
    return _read_plan(file, name=name, fs_hz=fs_hz)


def check_plans(names: Sequence[str]) -> None:
    """PlanError about the first that is wrong at any rate: said once, and not of each recording that is to be heard."""
    for name in names:
        load_plan(name)


def parse_plan(text: str, *, name: str, fs_hz: float | None = None) -> Plan:
    """A plan from text; `name` stands for the file in messages."""
    return _read_plan(parse_toml(text, name=name), name=Path(name).stem, fs_hz=fs_hz)


def build_detectors(plan: Plan, fs_hz: float, channel: int = 1) -> list[Detector]:
    """What hears the plan in one channel (counted from 1) of a signal sampled at fs_hz."""
    detectors, refused = _build_all(plan, fs_hz, channel)
    findings = [found for _, _, founds in refused for found in founds]
    if findings:
        raise PlanError(plan.file.name, findings)
    return detectors


def build_what_fits(plan: Plan, fs_hz: float, channel: int = 1) -> tuple[list[Detector], list[str]]:
    """As build_detectors, without the entries that this sample rate does not allow; and why, an entry each.

    PlanError when an entry could be heard at no rate.
    """
    detectors, refused = _build_all(plan, fs_hz, channel)
    left_out: list[str] = []
    hopeless: list[Finding] = []
    for section, i, findings in refused:
        spec = plan.entries[section][i]
        hopeless += findings if list(spec.list_obstacles(ANY_RATE_HZ)) else []
        name = f" {shorten(spec.name)}" if load_kind(section).is_list else ""
        reasons = [found.message.removesuffix(REMEDY) for found in findings]
        left_out += [f"{section}{name} of plan {plan.name} is left out: {reason}" for reason in reasons]
    if hopeless:
        raise PlanError(plan.file.name, hopeless)
    return detectors, left_out


def _build_all(
    plan: Plan, fs_hz: float, channel: int
) -> tuple[list[Detector], list[tuple[str, int, list[Finding]]]]:
    """What hears the plan; and section, index and the reasons of each entry that nothing can hear."""
    detectors: list[Detector] = []
    refused: list[tuple[str, int, list[Finding]]] = []
    by_bursts: list[tuple[Callable[..., Grammar], Any]] = []  # which share what they hear
    for section, i in _list_heard_entries(plan):
        kind, spec = load_kind(section), plan.entries[section][i]
        findings = _check_entry(plan, section, i, fs_hz)
        try:
            is_alone = kind.is_alone is not None and kind.is_alone(spec)
            if not findings and kind.grammar is not None and not is_alone:
                by_bursts.append((kind.grammar, spec))
            elif not findings and kind.detector is not None:
                detectors.append(kind.detector(spec, fs_hz=fs_hz, channel=channel))
        except SpecError as error:
            path = plan.paths[section][i]
            findings = [Finding(plan.file.line_of(path), show_path(path), str(error))]
        if findings:
            refused.append((section, i, findings))
    return [*detectors, *build_matchers(by_bursts, fs_hz=fs_hz, channel=channel)], refused


def _list_heard_entries(plan: Plan) -> list[tuple[str, int]]:
    """Section and index of every entry; SpecError where one can be checked only."""
    for section, specs in plan.entries.items():
        kind = load_kind(section)
        if not kind.is_heard:
            named = f' "{specs[0].name}"' if kind.is_list else ""
            raise SpecError(
                f"{plan.file.name}: {kind.heading}{named} can be checked but not heard yet; "
                f"sections that can be heard: {', '.join(list_heard())}"
            )
    return [(section, i) for section, specs in plan.entries.items() for i in range(len(specs))]


def check_signal(plan: Plan, fs_hz: float) -> list[Finding]:
    """What cannot be heard in a signal sampled at fs_hz, or within the times the plan gives."""
    return [
        found
        for section, specs in plan.entries.items()
        for i in range(len(specs))
        for found in _check_entry(plan, section, i, fs_hz)
    ]


def _check_entry(plan: Plan, section: str, index: int, fs_hz: float) -> list[Finding]:
    path = plan.paths[section][index]
    obstacles = plan.entries[section][index].list_obstacles(fs_hz)
    return [Finding(plan.file.line_of(path), show_path(path), why) for why in obstacles]


def _read_plan(
    file: TomlFile,
    *,
    name: str,
    fs_hz: float | None,
    doubt: Callable[[Plan], list[Finding]] | None = None,
) -> Plan:
    findings: list[Finding] = []
    entries: dict[str, tuple[Any, ...]] = {}
    paths: dict[str, tuple[KeyPath, ...]] = {}
    for section, value in file.values.items():
        path: KeyPath = (section,)
        if section in KINDS:
            kind = load_kind(section)
            read = _read_entries if kind.is_list else _read_only_entry
            if found := list(read(kind, value, file, findings)):
                paths[section], entries[section] = zip(*found, strict=True)
        elif section == "live":
            continue  # settings of a profile in the same file
        elif section == "description":
            if not isinstance(value, str):
                findings.append(Finding(file.line_of(path), section, "write a text"))
        else:
            known = (*KINDS, "description")
            findings.append(
                Finding(file.line_of(path), section[:60], f"not a section of a plan{offer(section, known)}")
            )
    if not findings and not any(entries.values()):
        findings.append(Finding(1, "", f"nothing to listen for; write one of: {', '.join(KINDS)}"))
    plan = Plan(name=name, entries=entries, file=file, paths=paths)
    if fs_hz is not None:
        findings += check_signal(plan, fs_hz)
    if doubt is not None:
        findings += doubt(plan)
    if findings:
        raise PlanError(file.name, findings)
    return plan


def _read_entries(
    kind: Kind, value: Any, file: TomlFile, findings: list[Finding]
) -> Iterator[tuple[KeyPath, Any]]:
    section = kind.section
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        findings.append(Finding(file.line_of((section,)), section, f"entries are written {kind.heading}"))
        return
    names: dict[str, int] = {}
    for i, table in enumerate(value):
        path: KeyPath = (section, i)
        spec = read_table(kind.limits, table, path, file, findings)
        if spec is None:
            continue
        if spec.name in names:
            message = f"{shorten(spec.name)} is the name of the entry in line {names[spec.name]} too"
            findings.append(Finding(file.line_of((*path, "name")), show_path((*path, "name")), message))
        names.setdefault(spec.name, file.line_of(path))
        yield path, spec


def _read_only_entry(
    kind: Kind, value: Any, file: TomlFile, findings: list[Finding]
) -> Iterator[tuple[KeyPath, Any]]:
    """One table: a preset, if the kind has some, and what is to differ from it."""
    section = kind.section
    if not isinstance(value, dict):
        findings.append(Finding(file.line_of((section,)), section, f"one table is written {kind.heading}"))
        return
    table, base = dict(value), None
    if kind.presets:
        base = _take_preset(kind, table, file, findings)
    keys_taken = ("preset",) if kind.presets else ()
    spec = read_table(kind.limits, table, (section,), file, findings, base=base, keys_taken=keys_taken)
    if spec is not None:
        yield (section,), spec


def _take_preset(kind: Kind, table: dict[str, Any], file: TomlFile, findings: list[Finding]) -> Limits:
    """The limits that the table's `preset` names, which is then gone from it."""
    default, *_ = kind.presets
    name = table.pop("preset", default)
    if isinstance(name, str) and name in kind.presets:
        return kind.presets[name]
    path = (kind.section, "preset")
    message = f"{shorten(name)} is no preset{offer(str(name), kind.presets)}"
    findings.append(Finding(file.line_of(path), show_path(path), message))
    return kind.presets[default]


def _is_plan(path: Path) -> bool:
    try:
        return not KINDS.keys().isdisjoint(read_toml(path).values)
    except SpecError:
        return True  # listed, so that using it says what is wrong with it
