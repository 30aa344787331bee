"""A picture has room for what it shows, and colours for what there is to see."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.stores.as_png.layout import Style, choose_range, lay_out


@pytest.mark.parametrize(
    ("levels", "style", "expected"),
    [
        ([-10.2, *[-84.0] * 9], Style(), (-85.0, -10.0)),
        ([-10.0, -20.0], Style(), (-50.0, -10.0)),  # at least 40 dB
        ([-10.0, -180.0], Style(), (-90.0, -10.0)),  # at most 80 dB
        ([-200.0, -200.0], Style(), (-80.0, 0.0)),  # digital silence
        ([-10.0, -95.0], Style(floor_db=-60), (-60, -10.0)),
        ([-10.0, *[-84.0] * 9], Style(ceiling_db=-30), (-85.0, -30)),
        ([-80.0, -95.0], Style(floor_db=-60), (-60, -20)),
        ([-10.0, -95.0], Style(floor_db=-80, ceiling_db=-20), (-80, -20)),
    ],
)
def test_colours_span_what_there_is_to_see(levels, style, expected):
    assert choose_range(np.array(levels), style) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Style(width=100), r"width is 100; a picture has 400\.\.20000 pixels"),
        (lambda: Style(height=10**6), "height is 1000000"),
        (
            lambda: Style(floor_db=-10, ceiling_db=-20),
            "floor is -10 dB; it must lie below the ceiling, -20 dB",
        ),
        (lambda: lay_out(Style(), 40), "40 channels do not fit .* --height"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_the_height_that_is_offered_suffices():
    with pytest.raises(SpecError) as raised:
        lay_out(Style(), 40)
    height = int(str(raised.value).partition("--height ")[2].partition(",")[0])
    assert len(lay_out(Style(height=height), 40)) == 40
