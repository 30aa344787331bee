"""The page `plans` has every key of every section, as the kinds of decision have them."""

from __future__ import annotations

from tests.plans.page import PAGE, make_page


def test_the_page_is_what_the_kinds_say_of_themselves() -> None:
    assert PAGE.read_text() == make_page(), "make it anew: python -m tests.plans.page"
