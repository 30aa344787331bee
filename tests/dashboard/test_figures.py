from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.dashboard import figures


@pytest.mark.parametrize(
    ("format_it", "value", "text"),
    [
        (figures.format_level, -21.34, " -21.3"),
        (figures.format_level, -200.0, "  -inf"),
        (figures.format_level, None, "    --"),
        (figures.format_level, 3.0, "   3.0"),
        (figures.format_lasting, 0.15, "150 ms"),
        (figures.format_lasting, 0.9996, "1.00 s"),
        (figures.format_lasting, 3.25, "3.25 s"),
        (figures.format_lasting, 14.1, "14.1 s"),
        (figures.format_lasting, 187.0, "3:07"),
        (figures.format_lasting, 3601.0, "1:00:01"),
        (figures.format_running, 1.24, "1.2 s"),
        (figures.format_running, 14.2, "14 s"),
        (figures.format_running, 187.0, "3:07"),
        (figures.format_ago, 240.0, "4 min"),
        (figures.format_loss, 7.2, "7.2 s"),
        (figures.format_loss, 0.0427, "42.7 ms"),
        (figures.format_clock, 727.9, "0:12:07"),
        (figures.format_count, 9999, "9,999"),
        (figures.format_count, 99_900, "99.9k"),
        (figures.format_count, 999_999, "1.0M"),
        (figures.format_factor, 24.13, "24.1"),
        (figures.format_ms, 1000.0, "1000 ms"),
        (figures.format_ms, 21.25, "21.2 ms"),
    ],
)
def test_numbers_are_written_as_people_read_them(format_it, value, text):
    assert format_it(value) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 10**15), st.floats(0, 1e9))
def test_no_number_is_wider_than_its_column(level, count, seconds):
    assert len(figures.format_level(level)) >= figures.LEVEL_WIDTH
    assert len(figures.format_level(max(-199.0, min(99.0, level)))) == figures.LEVEL_WIDTH
    assert len(figures.format_count(count)) <= figures.COUNT_WIDTH
    if seconds < 36000:
        assert len(figures.format_lasting(seconds)) <= figures.DURATION_WIDTH
    for text in (figures.format_count(count), figures.format_lasting(seconds), figures.format_ago(seconds)):
        assert "e+" not in text
