"""What a plan asks for and cannot mean, or says twice: no mistake for who listens, but for who checks.

Entries of one plan that tell of the same tones shadow each other; plans that do tell everything twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamer.base.text import shorten
from streamer.detectors.registry import load_kind
from streamer.plans.plan import Plan
from streamer.plans.tables import Finding, show_path


def find_doubts(plan: Plan) -> list[Finding]:
    """Of each entry by itself, and of each that is as one before it."""
    findings = []
    for section, specs in plan.entries.items():
        kind, paths = load_kind(section), plan.paths[section]
        for spec, path in zip(specs, paths, strict=True):
            doubts = kind.doubts(spec) if kind.doubts else ()
            findings += [Finding(plan.file.line_of(path), show_path(path), why) for why in doubts]
        for i, (spec, path) in enumerate(zip(specs, paths, strict=True)):
            earlier = (j for j in range(i) if kind.are_alike and kind.are_alike(specs[j], spec))
            if (j := next(earlier, None)) is not None:  # the first of them; with thousands, not each of each
                why = (
                    f"{shorten(spec.name)} and {shorten(specs[j].name)} in line {plan.file.line_of(paths[j])} "
                    "hear the same: only one of them can be meant"
                )
                findings.append(Finding(plan.file.line_of(path), show_path(path), why))
    return findings


def describe_overlap(one: Plan, other: Plan) -> str:
    """Which entries of two plans hear the same; empty where none do."""
    pairs = [f"{theirs} as {ours}" for ours, theirs in _list_alike(one, other)]
    if not pairs:
        return ""
    shown = ", ".join(pairs[:3]) + (f" and {len(pairs) - 3} more" if len(pairs) > 3 else "")
    return f"plans {one.name} and {other.name} hear the same, and would tell it twice: {shown}"


def _list_alike(one: Plan, other: Plan) -> Iterator[tuple[Any, Any]]:
    for section, specs in one.entries.items():
        kind = load_kind(section)
        for spec in specs:
            for theirs in other.entries.get(section, ()):
                if kind.are_alike and kind.are_alike(spec, theirs):
                    yield spec.name, theirs.name
