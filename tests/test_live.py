"""open_stream, as a program uses it."""

from __future__ import annotations

import numpy as np
import pytest

import streamer


def test_levels_and_events_come_in_stream_order() -> None:
    with streamer.open_stream(
        "sim:silence:200ms,dtmf:7@-20:80ms/80ms,silence:200ms", bands="852,1209", plan="dtmf", speed=None
    ) as stream:
        items = list(stream)
    levels = [item for item in items if isinstance(item, streamer.Levels)]
    digits = [item for item in items if isinstance(item, streamer.Event)]
    assert [(event.label, event.phase) for event in digits] == [("7", "begin"), ("7", "end")]
    loudest = np.concatenate([run.level_dbfs for run in levels]).max(axis=0)
    assert loudest == pytest.approx([-20, -20], abs=0.5)
    assert stream.stats.pending == 0


def test_a_source_that_is_not_there_raises_its_error() -> None:
    with (
        streamer.open_stream("/nowhere.flac") as stream,
        pytest.raises(streamer.SourceError, match="nowhere"),
    ):
        list(stream)


def test_bands_above_half_the_rate_raise_an_error_that_names_the_band() -> None:
    with (
        streamer.open_stream("sim:tone:440:1s", bands="30000") as stream,
        pytest.raises(streamer.SpecError, match="30000"),
    ):
        list(stream)
