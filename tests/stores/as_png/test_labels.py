"""Labels above a panel: all told, none on another, whatever the events."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streamer.stores.as_png.labels import GAP, Marked, place_labels

LEFT, RIGHT = 100.0, 600.0


def measure(text: str) -> float:
    return 8.0 * len(text)


def place(*marked: tuple[float, float, str]) -> list[tuple[str, float]]:
    placed = place_labels([Marked(*each) for each in marked], measure, left=LEFT, right=RIGHT)
    return [(label.text, label.x) for label in placed]


def test_a_label_stands_over_the_middle_of_its_event() -> None:
    assert place((200, 300, "5"), (400, 420, "us-busy")) == [("5", 250), ("us-busy", 410)]


def test_digits_that_are_too_close_are_joined_as_they_were_dialled() -> None:
    assert place(*((200 + 10 * i, 205 + 10 * i, digit) for i, digit in enumerate("5550123"))) == [
        ("5550123", 232.5)
    ]


def test_words_that_are_too_close_stand_side_by_side() -> None:
    assert place((200, 230, "us-busy"), (232, 262, "us-dial"))[0][0] == "us-busy us-dial"


def test_what_would_leave_the_panel_is_moved_into_it() -> None:
    assert place((100, 102, "us-dial"), (590, 600, "us-busy")) == [("us-dial", 128), ("us-busy", 572)]


@given(
    st.lists(
        st.tuples(st.floats(LEFT, RIGHT), st.floats(0, 50), st.sampled_from(["5", "#", "us-dial"])),
        max_size=60,
    )
)
def test_no_label_is_lost_and_none_lies_on_another_or_outside(events: list[tuple[float, float, str]]) -> None:
    marked = [Marked(left, min(left + length, RIGHT), label) for left, length, label in sorted(events)]
    placed = place_labels(marked, measure, left=LEFT, right=RIGHT)
    assert "".join(label.text for label in placed).replace(" ", "") == "".join(
        event.label for event in marked
    )
    for one, other in pairwise(placed):
        assert one.x + one.room / 2 + GAP <= other.x - other.room / 2 + 1e-9
    for label in placed:
        assert label.x - label.room / 2 >= LEFT - 1e-9
        assert label.x + label.room / 2 <= RIGHT + 1e-9
