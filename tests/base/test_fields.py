from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.fields import format_number, read_freqs, read_range_ms


def test_frequencies_are_one_or_a_list_and_come_ascending():
    assert read_freqs("1.1k", name="freqs") == (1100,)
    assert read_freqs([1200, "1.1k"], name="freqs") == (1100, 1200)


@pytest.mark.parametrize("value", ["0.6s-1.5s", [600, 1500], ["600ms", 1500]])
def test_a_range_is_a_text_or_a_pair(value):
    assert read_range_ms(value, name="on") == (600, 1500)


@pytest.mark.parametrize(
    ("reader", "value", "message"),
    [
        (read_freqs, [], "x is empty; write at least one frequency"),
        (read_freqs, [440, 440.0], "x has 440 Hz twice"),
        (read_range_ms, [2, 1], r"x is \[2, 1\]; the shorter of the two comes first"),
        (read_range_ms, [1], r'x is "\[1\]"; write the shortest and the longest'),
    ],
)
def test_a_mistake_names_what_it_was_written_for(reader, value, message):
    with pytest.raises(SpecError, match=message):
        reader(value, name="x")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_back_as_it_was(number):
    assert float(format_number(number)) == number
