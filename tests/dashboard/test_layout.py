"""The layout alone: rows and columns as a function of size and facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.dashboard.layout import Facts, deal, deal_side
from streamer.dashboard.parts import PARTS

WISHES = {part.name: part.wish for part in PARTS}
PLACES = [part.name for part in sorted(PARTS, key=lambda part: part.place)]


def rows_of(width, height, bands, **more) -> dict[str, int]:
    facts = Facts(width=width, height=height, bands=bands, **{"event_rows": 60, **more})
    return {name: rect.height for name, rect in deal(facts, WISHES, PLACES).items()}


@pytest.mark.parametrize(
    ("size", "bands", "more", "rows"),
    [
        # The design's own screens, from the top.
        ((40, 8), 8, {"event_rows": 5}, "state 1, tape 1, levels 4, events 2"),
        (
            (60, 15),
            23,
            {"is_text": True, "tape_rows": 9},
            "state 1, tape 3, levels 5, waterfall 3, events 2, keys 1",
        ),
        (
            (80, 24),
            23,
            {"event_rows": 5},
            "state 1, tape 1, analysis 1, levels 8, waterfall 6, events 6, keys 1",
        ),
        (
            (80, 24),
            8,
            {"event_rows": 5, "tape_rows": 6},
            "state 1, tape 6, analysis 1, levels 9, events 6, keys 1",
        ),
        (
            (120, 40),
            391,
            {},
            "state 1, tape 1, analysis 1, levels 11, waterfall 16, events 8, last hour 1, keys 1",
        ),
        (
            (120, 40),
            23,
            {},
            "state 1, tape 1, analysis 1, levels 24, history 6, events 5, last hour 1, keys 1",
        ),
        (
            (200, 60),
            8,
            {"tape_rows": 30},
            "state 1, tape 20, analysis 1, levels 25, history 11, last hour 1, keys 1",
        ),
        ((200, 60), 391, {}, "state 1, tape 1, analysis 1, levels 16, waterfall 39, last hour 1, keys 1"),
        ((200, 60), 23, {}, "state 1, tape 1, analysis 1, levels 47, history 8, last hour 1, keys 1"),
        ((80, 24), 23, {"is_history": True}, "state 1, tape 1, history 15, events 6, keys 1"),
        ((80, 24), 23, {"view": "events"}, "state 1, tape 1, events 21, keys 1"),
        ((80, 24), 23, {"view": "waterfall"}, "state 1, tape 1, waterfall 21, keys 1"),
        ((80, 24), 23, {"view": "levels"}, "state 1, tape 1, levels 21, keys 1"),
        ((80, 24), 23, {"view": "text"}, "state 1, tape 22, keys 1"),
        ((20, 2), 8, {}, "state 1, tape 1"),
        ((1, 1), 8, {}, "state 1"),
    ],
)
def test_rows_are_dealt_by_the_order_of_worth(size, bands, more, rows):
    assert ", ".join(f"{name} {n}" for name, n in rows_of(*size, bands, **more).items()) == rows


facts = st.builds(
    Facts,
    width=st.integers(1, 320),
    height=st.integers(1, 90),
    bands=st.integers(1, 500),
    view=st.sampled_from(["auto", "levels", "waterfall", "text", "events"]),
    form=st.sampled_from(["auto", "down", "across"]),
    is_history=st.booleans(),
    is_text=st.booleans(),
    tape_rows=st.integers(1, 40),
    event_rows=st.integers(0, 500),
    tallies=st.integers(0, 30),
    wants_engine=st.booleans(),
    outputs=st.integers(0, 12),
)


@given(facts)
def test_parts_stand_one_below_the_other_and_leave_no_row_where_one_can_grow(facts):
    rects = deal(facts, WISHES, PLACES)
    y = 0
    for rect in rects.values():
        assert (rect.x, rect.y) == (0, y)
        assert rect.height >= 1
        y += rect.height
    assert y <= facts.height
    if any(
        name in rects and WISHES[name](facts).fills for name in ("waterfall", "history", "events", "tape")
    ):
        assert y == facts.height


@given(facts)
def test_the_side_column_lies_beside_all_but_the_state_line(facts):
    rects, side = deal(facts, WISHES, PLACES), deal_side(facts)
    assert bool(side) == facts.has_side
    for rect in side.values():
        assert rect.x >= max(r.x + r.width for name, r in rects.items() if name != "state")
        assert rect.x + rect.width == facts.width
        assert 1 <= rect.y <= rect.y + rect.height <= facts.height


@given(facts, st.integers(1, 30))
def test_a_higher_screen_takes_nothing_away_from_what_was_shown(facts, more):
    import dataclasses

    taller = dataclasses.replace(facts, height=facts.height + more)
    if taller.is_down == facts.is_down and taller.has_side == facts.has_side:
        assert set(deal(facts, WISHES, PLACES)) <= set(deal(taller, WISHES, PLACES))


@pytest.mark.parametrize(
    ("width", "height", "bands", "is_down"),
    [
        (80, 24, 8, True),
        (80, 24, 11, True),
        (80, 24, 12, False),
        (120, 40, 27, True),
        (200, 60, 55, True),
        (39, 40, 8, False),
    ],
)
def test_bands_lie_down_where_there_are_rows_for_all_of_them(width, height, bands, is_down):
    assert Facts(width=width, height=height, bands=bands).is_down is is_down
