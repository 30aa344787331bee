"""A kind of decision is one file and one line."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from streamer.detectors import registry
from streamer.detectors.registry import KINDS, load_kind


@pytest.mark.parametrize("section", KINDS)
def test_every_kind_declares_its_section_its_limits_and_what_hears_it(section):
    kind = load_kind(section)
    assert kind.section == section
    assert is_dataclass(kind.limits)
    assert kind.limits.__name__.endswith("Spec")
    assert kind.detector is None or kind.detector.__name__.lower().endswith("detector")
    assert kind.is_list == ("name" in {field.name for field in fields(kind.limits)})
    assert kind.event_type in ("match", section)
    assert all(isinstance(preset, kind.limits) for preset in kind.presets.values())
    assert not kind.presets or next(iter(kind.presets)) == "default"
    with pytest.raises(FrozenInstanceError):
        kind.section = "other"


def test_what_is_short_is_told_when_it_is_over_and_digits_are_what_was_dialled():
    types = registry.list_event_types()
    assert {"tone", "dtmf"} <= set(types)
    assert types[-1] == "match"  # which several kinds tell of
    assert [registry.tells_begin(event_type) for event_type in ("tone", "dtmf", "match")] == [
        True,
        False,
        True,
    ]
    assert [registry.is_digit(event_type) for event_type in ("tone", "dtmf", "match")] == [False, True, False]


def test_what_can_be_heard_is_listed_in_the_order_of_kinds():
    heard = registry.list_heard()
    assert heard == [section for section in KINDS if section in heard]
    assert {"tone", "dtmf"} <= set(heard)
