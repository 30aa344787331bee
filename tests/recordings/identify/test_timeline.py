"""Whatever overlaps is found, each thing once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.recordings.identify.timeline import Timeline

stretches = st.tuples(st.floats(0, 20), st.floats(0.001, 10)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.lists(stretches, max_size=30), stretches)
def test_what_overlaps_is_found_once(things: list[tuple[float, float]], asked: tuple[float, float]) -> None:
    line = Timeline((start_s, stop_s, i) for i, (start_s, stop_s) in enumerate(things))
    found = [i for _, _, i in line.list_in(*asked)]
    assert sorted(found) == [
        i for i, (start_s, stop_s) in enumerate(things) if start_s < asked[1] and asked[0] < stop_s
    ]
