"""Silences that last, drawn as looks of 0.1 s: # is loud, . is silent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.live.silence import PauseKeeper, Silence, SilenceKeeper

FS_HZ, SPAN = 1000.0, 50  # two spans a look
LOUD, SILENT = 0.5e-6 * 1.01, 0.5e-6 * 0.99  # mean squares of sines of hardly more and less than -60 dBFS


def make_keeper(lasts_s: float = 0.5) -> SilenceKeeper:
    return SilenceKeeper(fs_hz=FS_HZ, span_samples=SPAN, lasts_s=lasts_s)


def draw(looks: str) -> np.ndarray:
    return np.array([[LOUD if look == "#" else SILENT] for look in looks for _ in range(2)], np.float32)


def begin(sample: int) -> Silence:
    return Silence(sample=sample)


def end(sample: int, end_sample: int) -> Silence:
    return Silence(sample=sample, end_sample=end_sample)


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ("....", []),  # 0.4 s is not long enough
        (".....", [begin(0)]),
        ("#....#....#", []),
        ("##.....", [begin(200)]),
        ("##............", [begin(200)]),  # once, however long
        ("##......#", [begin(200), end(200, 800)]),
        ("##.....#.....#", [begin(200), end(200, 700), begin(800), end(800, 1300)]),
    ],
)
def test_a_silence_is_told_when_it_has_lasted_and_when_it_is_over(looks: str, told: list[Silence]) -> None:
    assert make_keeper().add(draw(looks)) == told


def test_the_loudest_channel_breaks_the_silence() -> None:
    loud, silent = draw("######"), draw("......")
    assert make_keeper().add(np.concatenate([silent, loud], axis=1)) == []
    assert make_keeper().add(np.concatenate([silent, silent], axis=1)) == [begin(0)]


def test_a_click_is_no_end_of_a_silence() -> None:
    keeper = make_keeper()
    clicks = draw("..........")
    clicks[::2] = 0.9e-6  # in one span of a look
    clicks[1::2] = 0
    assert keeper.add(clicks) == [begin(0)]


def test_a_silence_is_over_where_the_signal_breaks_off_and_counted_anew_behind() -> None:
    keeper = make_keeper()
    assert keeper.add(draw("#......")) == [begin(100)]
    assert keeper.finish(730, next_sample=5000) == [end(100, 730)]
    assert keeper.finish(5000, next_sample=5000) == []
    assert keeper.add(draw("....")) == []
    assert keeper.add(draw(".#")) == [begin(5000), end(5000, 5500)]


@given(st.text("#.", max_size=60), st.lists(st.integers(0, 120), max_size=8))
def test_however_the_spans_come_the_silences_are_the_same(looks: str, cuts: list[int]) -> None:
    spans = draw(looks) if looks else np.zeros((0, 1), np.float32)
    whole, in_parts = make_keeper().add(spans), []
    keeper = make_keeper()
    for part in np.split(spans, sorted(cuts)):
        in_parts += keeper.add(part)
    assert in_parts == whole


def test_a_pause_that_lasts_is_told_once_and_is_over_with_the_next_block() -> None:
    keeper = PauseKeeper(lasts_s=10)
    assert not keeper.is_due(n_blocks=0, newest_s=0.0, now_s=99.0)  # nothing has come yet: it has not begun
    assert not keeper.is_due(n_blocks=3, newest_s=100.0, now_s=109.9)
    assert keeper.is_due(n_blocks=3, newest_s=100.0, now_s=110.0)
    assert not keeper.is_due(n_blocks=3, newest_s=100.0, now_s=4000.0)
    assert not keeper.has_gone_on(3)
    assert keeper.has_gone_on(4)
    assert keeper.finish(4000.5) == 3900.5
    assert not keeper.has_gone_on(5)
    assert keeper.is_due(n_blocks=5, newest_s=4001.0, now_s=4011.0)
