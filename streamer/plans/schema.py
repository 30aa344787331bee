"""The JSON Schema of a tone plan, made from the kinds' own fields: with it editors complete and check.

It knows keys, types and units' places; what a value must be beyond that, `streamer plan check` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints

from streamer.detectors.registry import KINDS, load_kind
from streamer.plans.tables import key_of

NAME = "streamer.plan/1"
TEXT = {"type": "string"}


def make_plan_schema() -> dict[str, Any]:
    sections: dict[str, Any] = {"description": {**TEXT, "description": "what the plan is for"}}
    for section in KINDS:
        kind = load_kind(section)
        table = _describe_table(kind.limits, kind.keys)
        if kind.presets:
            table["properties"]["preset"] = {"enum": list(kind.presets)}
        sections[section] = {"type": "array", "items": table} if kind.is_list else table
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": NAME,
        "type": "object",
        "properties": {**sections, "live": {"type": "object"}},
        "additionalProperties": False,
    }


def _describe_table(limits: type[Any], meanings: Mapping[str, str]) -> dict[str, Any]:
    """Each field as a key of both spellings: min_on, a text with its unit, and min_on_ms, which may be a number."""
    properties: dict[str, Any] = {}
    needed = []
    kinds = get_type_hints(limits)
    for each in fields(limits):
        meaning = {"description": meanings[each.name]} if each.name in meanings else {}
        keys = dict.fromkeys((key_of(each), each.name))
        for key in keys:
            properties[key] = {**_describe_value(each, kinds[each.name], key), **meaning}
        if each.default is MISSING and each.default_factory is MISSING:
            needed.append({"anyOf": [{"required": [key]} for key in keys]})
    table: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**table, "allOf": needed} if needed else table


def _describe_value(wanted: Field[Any], kind: Any, key: str) -> dict[str, Any]:
    if "rows" in wanted.metadata:
        return {"type": "array", "items": _describe_table(wanted.metadata["rows"], {})}
    if "read" in wanted.metadata:
        return dict(wanted.metadata.get("schema", {}))
    if kind is str:
        return dict(TEXT)
    if kind is bool:
        return {"type": "boolean"}
    if kind is int:
        return {"type": "integer"}
    if key != wanted.name and wanted.name.endswith("_ms"):
        return dict(TEXT)  # a time without its unit in the key has it in the value
    return {"type": ["number", "string"]}
