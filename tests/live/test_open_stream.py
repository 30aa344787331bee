"""open_stream, as a program uses it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import streamer
from streamer.analysis.values import Measurement
from streamer.recordings.threads import measure_rows
from streamer.sources import open_source, parse_source
from tests.virtual_mic import JACK, JACK_NAME, JackMic, require_virtual_mic


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


@pytest.mark.audio
def test_a_program_learns_that_its_microphone_was_lost_and_came_back_with_other_channels() -> None:
    require_virtual_mic(JACK)
    code = f"""
import streamer
with streamer.open_stream("mic:{JACK_NAME}", channels="all", bands="500,1000", window_length=480) as stream:
    for item in stream:
        kind = type(item).__name__
        if kind == "ErrorRecord":
            print(kind, item.message, flush=True)
        elif kind == "SourceInfo":
            print(kind, item.channels, flush=True)
        else:
            channel = getattr(item, "channel", "-")
            print(kind, channel, flush=True)
"""
    with JackMic(channels=2) as jack:
        program = subprocess.Popen(
            [sys.executable, "-c", code], env=jack.env, stdout=subprocess.PIPE, text=True
        )
        lines: list[str] = []
        try:
            _read_until("Levels 2", program, lines)
            jack.crash()
            _read_until("ErrorRecord mic:system is gone", program, lines)
            jack.channels = 1
            jack.start()
            _read_until("ErrorRecord mic:system came back with 48000 Hz, 1 channel instead", program, lines)
            _read_until("SourceInfo 1", program, lines)
            lines.clear()
            _read_until("Levels 1", program, lines)
            assert not any(line.startswith("Levels 2") for line in lines)
        finally:
            program.kill()
            program.communicate()


def _read_until(beginning: str, program: subprocess.Popen[str], lines: list[str]) -> None:
    assert program.stdout is not None
    while not lines or not lines[-1].startswith(beginning):
        line = program.stdout.readline()
        assert line, lines
        lines.append(line)


@pytest.mark.parametrize("workers", [1, 2])
def test_levels_of_bands_are_those_of_the_array_to_the_last_bit(workers: int) -> None:
    sound = "sim:sweep:50-3000:2s+noise:-30"
    with streamer.open_stream(
        sound, bands="third-octave:63-3k+dtmf", speed=None, rate=8000, workers=workers
    ) as stream:
        levels = [item for item in stream if isinstance(item, streamer.Levels)]
    live = np.concatenate([run.values for run in levels])
    analysis = levels[0].analysis
    with open_source(parse_source(sound, rate_hz=8000)) as source:
        samples = np.concatenate([block[:, 0].copy() for block in source.read_blocks(1000)])
    measurement = Measurement(analysis=analysis, dtype=np.dtype(np.float32), scale="power")
    (offline,) = measure_rows(measurement, samples[np.newaxis], workers=2, report=None)
    assert len(set(analysis.window_samples)) > 3
    assert live.shape == offline.shape
    assert (live == offline).all()
    assert (np.concatenate([run.power for run in levels]) == offline).all()
