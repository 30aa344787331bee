"""Labels that are waited for, held against all that the plans can ever tell."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.base.errors import SpecError
from streamer.base.text import guess, shorten
from streamer.detectors.registry import Labels, load_kind
from streamer.plans.plan import Plan

LISTED = 240  # characters of a message


def check_labels(labels: Sequence[str], plans: Sequence[Plan]) -> None:
    """SpecError for one that no event can ever have."""
    known = [
        load_kind(section).labels(spec)
        for plan in plans
        for section, specs in plan.entries.items()
        for spec in specs
    ]
    for label in labels:
        if not any(each.has(label) for each in known):
            raise SpecError(
                f"label is {shorten(label)}, and no event is ever called so{_offer(label, known)}"
            )


def _offer(label: str, known: Sequence[Labels]) -> str:
    """What was probably meant, and what there is, as far as a line has room."""
    names = list(dict.fromkeys(name for each in known for name in each.names))
    words = list(dict.fromkeys(each.words for each in known if each.words))
    in_capitals = label.upper()
    near = in_capitals if any(each.has(in_capitals) for each in known) else guess(label, names)
    listed, n_rest = "", 0
    for each in (*names, *words):
        is_room = not n_rest and len(listed) + len(each) <= LISTED
        listed += f"{', ' if listed else ''}{each}" if is_room else ""
        n_rest += not is_room
    rest = f", and {n_rest} more (`streamer plan show NAME`)" if n_rest else ""
    return f"; did you mean {near}? There are: {listed}{rest}" if near else f"; there are: {listed}{rest}"
