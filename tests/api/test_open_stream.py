"""open_stream, as a program uses it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import streamer
from streamer.analysis.values import Measurement
from streamer.api.feeds import EngineFeed
from streamer.recordings.threads import measure_rows
from streamer.sources import open_source, parse_source
from tests.signals import dtmf_digits
from tests.virtual_mic import JACK, JACK_NAME, JackMic, require_virtual_mic


def test_levels_and_events_come_in_stream_order() -> None:
    with streamer.open_stream(
        "sim:silence:200ms,dtmf:7@-20:80ms/80ms,silence:200ms", bands="852,1209", plan="dtmf", speed=None
    ) as stream:
        items = list(stream)
    levels = [item for item in items if isinstance(item, streamer.Levels)]
    digits = [item for item in items if isinstance(item, streamer.Event)]
    assert [(event.label, event.phase) for event in digits] == [("7", "begin"), ("7", "end")]
    loudest = np.concatenate([run.level_dbfs for run in levels], axis=1).max(axis=1)
    assert loudest == pytest.approx([-20, -20], abs=0.5)
    assert stream.stats.pending == 0


def test_a_source_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(streamer.SourceError, match=r"/nowhere\.flac: No such file"):
        streamer.open_stream("/nowhere.flac")


def test_bands_above_half_the_rate_are_told_at_once_by_an_error_that_names_the_band() -> None:
    with pytest.raises(streamer.SpecError, match="30000"):
        streamer.open_stream("sim:tone:440:1s", bands="30000")


@pytest.mark.parametrize(("fs_hz", "highest_hz"), [(48000, 7943.3), (8000, 3981.1), (50, 19.95)])
def test_without_bands_there_are_those_of_live_as_far_as_the_rate_carries_them(
    fs_hz: int, highest_hz: float, tmp_path: Path
) -> None:
    samples = np.full(60_000, 0.1)
    soundfile.write(tmp_path / "call.wav", samples, fs_hz)
    for source in (tmp_path / "call.wav", [samples]):
        with streamer.open_stream(source, rate=fs_hz, speed=None) as stream:
            levels = next(item for item in stream if isinstance(item, streamer.Levels))
        assert levels.freqs_hz[-1] == pytest.approx(highest_hz, rel=1e-3)


def test_bands_somebody_asked_for_are_not_left_out() -> None:
    with pytest.raises(streamer.SpecError, match="band 5k is"):
        list(streamer.open_stream([np.zeros(9)], rate=8000, bands="third-octave:50-8k"))


def test_a_source_that_cannot_be_meant_is_told_at_once_as_what_it_is() -> None:
    with pytest.raises(streamer.SpecError, match='signal part "tone": it lacks a value'):
        streamer.open_stream("sim:tone")


# --- for, and with


def open_dialled(**more: object) -> streamer.api.open_stream.OpenStream:
    return streamer.open_stream(DIALLED, bands="dtmf", plan="dtmf", speed=None, **more)


DIALLED = "sim:silence:100ms,dtmf:421@-20:80ms/80ms"


def digits_of(items: list[object]) -> str:
    return "".join(item.label for item in items if isinstance(item, streamer.Event) and item.phase == "end")


def test_a_stream_is_iterated_over_without_with_and_closes_itself_at_its_end() -> None:
    stream = open_dialled()
    assert "48000 Hz, 1 channel>" in repr(stream)
    assert digits_of(list(stream)) == "421"
    assert repr(stream).endswith(", ended>")
    assert stream.stats.pending == 0
    assert next(stream, None) is None


def test_a_second_iteration_goes_on_where_the_first_was_left() -> None:
    with open_dialled() as stream:
        items = [next(item for item in stream if isinstance(item, streamer.Event))]
        for item in stream:
            items.append(item)
            break
        items += stream
    assert digits_of(items) == "421"


@pytest.mark.parametrize(
    "again", [iter, list, lambda stream: stream.__aiter__(), lambda stream: stream.__enter__()]
)
def test_a_stream_that_has_ended_says_so_when_it_is_used_again(again: object) -> None:
    stream = open_dialled()
    list(stream)
    with pytest.raises(
        streamer.StreamerError, match=r"stream of sim:.* has ended, and goes by once: call open_stream"
    ):
        again(stream)  # type: ignore[operator]


@pytest.mark.parametrize("use", [iter, next, list])
def test_a_stream_that_was_closed_says_so_when_it_is_used(use: object) -> None:
    with open_dialled() as stream:
        next(stream)
    with pytest.raises(streamer.StreamerError, match=r"stream of sim:.* is closed, and goes by once"):
        use(stream)  # type: ignore[operator]
    stream.stop()
    stream.close()
    assert repr(stream).endswith(", closed>")


def test_a_stream_that_nobody_holds_lets_go_of_its_source() -> None:
    stream = open_dialled()
    tap = stream._tap
    next(stream)
    del stream
    assert tap.is_closed


def test_a_stream_that_its_own_thread_collects_as_garbage_lets_go_of_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = [open_dialled()]
    tap, read = held[0]._tap, held[0]._tap.feed.read

    def read_and_drop() -> list[object]:
        held.clear()
        return read()

    monkeypatch.setattr(tap.feed, "read", read_and_drop)
    tap._begin_to_read(tap._read).result(timeout=30)
    assert tap.is_closed


def test_the_traceback_of_an_interrupted_loop_does_not_hold_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A notebook keeps it, and the microphone would stay open."""
    closed = []
    close, read = EngineFeed.close, EngineFeed.read
    monkeypatch.setattr(EngineFeed, "close", lambda feed: closed.append(close(feed)))

    def read_and_interrupt(feed: EngineFeed) -> list[object]:
        os.kill(os.getpid(), signal.SIGINT)
        return read(feed)

    monkeypatch.setattr(EngineFeed, "read", read_and_interrupt)

    def listen() -> None:
        for _ in open_dialled():
            pass

    with pytest.raises(KeyboardInterrupt) as kept:
        listen()
    assert kept.tb
    assert closed == [None]


def test_the_traceback_of_a_cancelled_task_does_not_hold_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = []
    close = EngineFeed.close
    monkeypatch.setattr(EngineFeed, "close", lambda feed: closed.append(close(feed)))

    async def listen() -> None:
        async for _ in streamer.open_stream("sim:loop,tone:440:1s", bands="440"):
            pass

    async def cut_short() -> asyncio.CancelledError:
        task = asyncio.create_task(listen())
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as kept:
            return kept
        raise AssertionError

    kept = asyncio.run(cut_short())
    assert kept.__traceback__
    assert closed == [None]


def test_a_program_that_leaves_its_stream_open_ends_in_silence() -> None:
    code = "import streamer\nstream = streamer.open_stream('sim:loop,tone:440:1s')\nprint(next(stream))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.startswith("<Levels of channel 1: ")


def test_stopped_by_another_thread_what_was_captured_still_comes() -> None:
    with streamer.open_stream("sim:loop,tone:440:1s", bands="440") as stream:
        items = [next(stream)]
        threading.Thread(target=stream.stop).start()
        items += stream
    assert stream.stats.captured == stream.stats.analysed > 0
    last = [item for item in items if isinstance(item, streamer.Levels)][-1]
    assert last.starts[-1] + last.frames.length_samples + last.frames.hop_samples > stream.stats.captured


def test_a_loop_that_ctrl_c_has_left_may_be_taken_up_again_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = open_dialled()
    read, cuts, items = stream._tap.feed.read, 0, []

    def read_and_interrupt() -> list[object]:
        os.kill(os.getpid(), signal.SIGINT)  # which the main thread hears, that waits for this
        return read()

    monkeypatch.setattr(stream._tap.feed, "read", read_and_interrupt)
    while True:
        try:
            items.append(next(stream))
        except KeyboardInterrupt:
            cuts += 1
        except StopIteration:
            break
    assert cuts > 1
    assert_equal_items(items, list(open_dialled()))


# --- async for


def test_a_stream_is_iterated_over_asynchronously_to_the_same_items() -> None:
    async def listen() -> tuple[list[object], int]:
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        counting = asyncio.create_task(count_turns())
        async with open_dialled() as stream:
            items = [item async for item in stream]
        counting.cancel()
        return items, turns

    items, turns = asyncio.run(listen())
    assert turns > len(items)  # the loop went on meanwhile
    assert_equal_items(items, list(open_dialled()))


def test_a_task_that_is_cancelled_while_it_waits_loses_nothing() -> None:
    async def listen() -> list[object]:
        items: list[object] = []
        stream = open_dialled()
        while True:
            try:
                items.append(await asyncio.wait_for(anext(stream), 1e-3))
            except TimeoutError:
                continue
            except StopAsyncIteration:
                return items

    assert_equal_items(asyncio.run(listen()), list(open_dialled()))


def test_an_error_of_the_source_reaches_the_asynchronous_loop_after_what_was_heard() -> None:
    def break_off():
        yield np.zeros(800)
        raise OSError("unplugged")

    items: list[object] = []

    async def listen() -> None:
        async for item in streamer.open_stream(break_off(), bands="440", rate=8000):
            items.append(item)  # noqa: PERF401

    with pytest.raises(OSError, match="unplugged"):
        asyncio.run(listen())
    [levels] = items
    assert levels.shape == (1, 1)


# --- iterators


@pytest.mark.parametrize("channels", [1, 2])
def test_an_iterator_of_blocks_is_a_source_to_the_same_items(channels: int, tmp_path: Path) -> None:
    import soundfile

    x = np.stack([dtmf_digits("159", 8000)[0], dtmf_digits("840", 8000)[0]][:channels], axis=1)
    soundfile.write(tmp_path / "x.wav", x, 8000, subtype="FLOAT")
    asked = {"bands": "dtmf+notes:A2-A5", "plan": "dtmf", "window_length": 300, "hop_length": 70}
    blocks = soundfile.blocks(tmp_path / "x.wav", blocksize=137, dtype="float32")
    stream = streamer.open_stream(blocks, rate=8000, **asked)
    assert stream.info is None
    heard = list(stream)
    assert stream.info.channels == channels
    assert stream.stats.captured == len(x)
    with streamer.open_stream(tmp_path / "x.wav", speed=None, **asked) as live:
        assert_equal_items(heard, list(live))


@pytest.mark.parametrize(
    ("source", "told", "message"),
    [
        (iter([]), {}, "give it too, such as rate=8000"),
        (iter([]), {"rate": 8000, "bands": "5000"}, "5000"),
        (iter([]), {"rate": 8000, "channels": "left"}, 'channels is "left"'),
        (7, {}, 'source is "7"; it must be mic, .* or an iterable of blocks'),
        (b"mic", {}, "it must be mic, .* or an iterable of blocks"),
    ],
)
def test_what_cannot_be_a_source_is_told_at_once(
    source: object, told: dict[str, object], message: str
) -> None:
    with pytest.raises(streamer.SpecError, match=message):
        streamer.open_stream(source, **{"bands": "440", **told})


def test_an_asynchronous_iterator_is_pointed_to_the_listener() -> None:
    async def make_blocks():
        yield np.zeros(10)

    with pytest.raises(streamer.SpecError, match=r"streamer\.Listener"):
        streamer.open_stream(make_blocks(), rate=8000)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([np.zeros((9, 2)), np.zeros(9)], r"shape \(9, 1\), and the blocks before it had 2 channels"),
        ([np.zeros(9, complex)], r"complex128 of shape \(9,\)"),
        (["x"], "of shape"),
    ],
)
def test_a_block_that_is_none_is_told(blocks: list[object], message: str) -> None:
    with pytest.raises(streamer.SpecError, match=message):
        list(streamer.open_stream(blocks, rate=8000, bands="440"))


def test_channels_are_chosen_of_an_iterators_blocks() -> None:
    x = np.stack([np.zeros(800), dtmf_digits("7", 8000)[0][:800]], axis=1)
    stream = streamer.open_stream([x], rate=8000, bands="852", channels="2")
    [levels] = stream
    assert stream.info.channels == 1
    assert levels.level_dbfs.max() > -30


def test_an_iterator_may_be_stopped_and_an_endless_one_is_heard_as_it_goes() -> None:
    blocks = itertools.repeat(np.zeros(100, np.int16))
    with streamer.open_stream(blocks, rate=8000, bands="440", window_length=100, hop_length=100) as stream:
        runs = list(itertools.islice(stream, 5))
        stream.stop()
        assert list(stream) == []
    assert [run.first_frame for run in runs] == [0, 1, 2, 3, 4]


def assert_equal_items(items: list[object], others: list[object]) -> None:
    """Of the same signal, bit for bit, whatever runs the levels came in."""

    def unite(told: list[object]) -> tuple[list[object], dict[int, np.ndarray]]:
        runs = [item for item in told if isinstance(item, streamer.Levels)]
        channels = {run.channel for run in runs}
        return (
            [item for item in told if not isinstance(item, streamer.Levels)],
            {c: np.concatenate([run.values for run in runs if run.channel == c], axis=1) for c in channels},
        )

    (events, values), (other_events, other_values) = unite(items), unite(others)
    assert events == other_events
    assert values.keys() == other_values.keys()
    for channel in values:
        np.testing.assert_array_equal(values[channel], other_values[channel])


# --- devices


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
    live = np.concatenate([run.values for run in levels], axis=1)
    analysis = levels[0].analysis
    with open_source(parse_source(sound, rate_hz=8000)) as source:
        samples = np.concatenate([block[:, 0].copy() for block in source.read_blocks(1000)])
    measurement = Measurement(analysis=analysis, dtype=np.dtype(np.float32), scale="power")
    (offline,) = measure_rows(measurement, samples[np.newaxis], workers=2, report=None)
    assert len(set(analysis.window_samples)) > 3
    assert live.T.shape == offline.shape
    assert (offline == live.T).all()
    assert (offline == np.concatenate([run.power for run in levels], axis=1).T).all()


@pytest.mark.parametrize("speed", ["max", True, 0, -1, float("nan"), float("inf")])
def test_a_speed_that_cannot_be_meant_is_refused_at_once(speed: object) -> None:
    with pytest.raises(streamer.SpecError, match=r"speed is .*; give a number above 0, or None"):
        streamer.open_stream("sim:dtmf:1", bands="dtmf", speed=speed)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, -1, 1.5, True])
def test_workers_that_cannot_be_meant_are_refused_at_once(workers: object) -> None:
    with pytest.raises(streamer.SpecError, match=r"workers is .*; give a whole number above 0, or None"):
        streamer.open_stream("sim:dtmf:1", bands="dtmf", workers=workers)  # type: ignore[arg-type]


def test_channels_may_be_a_number() -> None:
    with streamer.open_stream("sim:dtmf:1", bands="dtmf", channels=1, speed=None) as stream:
        assert any(isinstance(item, streamer.Levels) for item in stream)
