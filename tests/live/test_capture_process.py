"""A capture process as the main process sees it."""

from __future__ import annotations

import os
import pickle
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from streamer.base.processes import get_context
from streamer.base.text import as_unicode
from streamer.live.capture_messages import Ended, Lane, Opened, Run, decode, encode
from streamer.live.capture_process import CaptureProcess
from streamer.live.ring import Ring, RingSpec
from streamer.live.spans import MESSAGE, IndexPipe, from_message
from streamer.sources import SourceInfo, parse_source
from tests.live.parts import FS_HZ


@pytest.fixture
def index() -> Iterator[IndexPipe]:
    pipe = IndexPipe()
    yield pipe
    pipe.close()


def start(source: str, index: IndexPipe) -> CaptureProcess:
    rate_hz = FS_HZ if source.startswith("sim:") else None
    return CaptureProcess(parse_source(source, rate_hz=rate_hz), [index])


def receive(process: CaptureProcess) -> Opened | Ended | None:
    assert select.select([process.connection], [], [], 10)[0], "nothing came"
    return process.receive()


def give_ring(process: CaptureProcess) -> Ring:
    ring = Ring(RingSpec(channels=1, capacity_samples=10_000, fs_hz=FS_HZ))
    run = Run(
        ring=ring.spec,
        speed=None,
        lanes=(Lane(number=0, span_samples=800, n_slots=64, spans_per_message=4, room_samples=9000),),
        limit_samples=None,
    )
    process.give(run, ring.block)
    return ring


def test_it_says_what_it_found_fills_the_ring_it_is_given_and_says_that_it_is_done(index: IndexPipe) -> None:
    process = start("sim:noise:-20:1s", index)
    opened = receive(process)
    assert isinstance(opened, Opened)
    assert (opened.info.fs_hz, opened.info.channels, opened.info.is_live) == (FS_HZ, 1, False)
    ring = give_ring(process)
    assert receive(process) == Ended()
    assert (ring.written_samples, ring.total_samples, ring.dispatched_spans) == (8000, 8000, 10)
    messages = os.read(index.reader.fileno(), 4096)
    spans = [from_message(value) for (value,) in MESSAGE.iter_unpack(messages)]
    assert [first for first, _ in spans] == [sum(n for _, n in spans[:i]) for i in range(len(spans))]
    assert sum(n for _, n in spans) == 10
    process.close(grace_s=1)


def test_a_source_that_is_not_there_is_said_instead(index: IndexPipe) -> None:
    process = start("/nowhere.flac", index)
    ended = receive(process)
    assert isinstance(ended, Ended)
    assert (ended.exit_code, ended.trace) == (3, None)
    assert "/nowhere.flac" in str(ended.error)
    process.close(grace_s=1)


def test_before_it_has_a_ring_it_can_be_told_to_stop(index: IndexPipe) -> None:
    process = start("sim:noise:-20:1s", index)
    assert isinstance(receive(process), Opened)
    process.ask_to_stop()
    assert receive(process) is None  # it is gone
    process.close(grace_s=1)


def test_one_that_was_killed_is_gone_and_may_be_given_a_ring_all_the_same(index: IndexPipe) -> None:
    process = start("sim:noise:-20:1s", index)
    assert isinstance(receive(process), Opened)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    assert receive(process) is None
    assert give_ring(process).total_samples is None
    process.close()


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.putenv, ("STREAMER_TEST", "went off")


@pytest.mark.parametrize(
    "said",
    [
        pickle.dumps(Bomb()),
        pickle.dumps(("Opened", {})),
        b"",
        b"\xff" * 100,
        msgspec.msgpack.encode({"type": "Opened", "info": {"name": "x", "fs_hz": "fast", "channels": 1}}),
        msgspec.msgpack.encode({"type": "Opened", "info": {"name": "x", "fs_hz": -1.0, "channels": 1}}),
        msgspec.msgpack.encode({"type": "Run"}),
        msgspec.msgpack.encode({"type": "Ended", "error": "x" * 10_000_000}),
    ],
    ids=["code", "pickle", "nothing", "noise", "wrong type", "wrong value", "our own", "too much"],
)
def test_what_a_capture_process_says_is_read_as_a_message_or_it_counts_as_gone(
    index: IndexPipe, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(pickle, "loads", lambda *args: loaded.append(args))
    process = start("sim:noise:-20:1s", index)
    own, (ours, theirs) = process.connection, get_context().Pipe(duplex=True)
    process.connection = ours

    def say() -> None:
        with suppress(OSError):  # nobody reads the rest of what is too much
            theirs.send_bytes(said)

    talk = threading.Thread(target=say, daemon=True)
    talk.start()
    try:
        assert process.receive() is None
    finally:
        ours.close()
        process.connection = own
        process.close()
        talk.join(5)
    assert not loaded


@pytest.mark.parametrize("name", ["plain.wav", "latin1-\udce4\udcf6.wav", "\N{SNOWMAN}.wav"])
def test_messages_arrive_as_they_were_whatever_the_names_in_them(name: str) -> None:
    start_time = datetime(2026, 11, 22, 7, 31, tzinfo=UTC)
    info = SourceInfo(name=name, fs_hz=8000, channels=2, is_live=True, n_samples=5, start_time=start_time)
    shown = as_unicode(name)
    assert decode(encode(Opened(info=info))) == Opened(info=replace(info, name=shown))
    ended = Ended(error=f"{name} is empty", exit_code=3, remarks=(name,))
    assert decode(encode(ended)) == Ended(error=f"{shown} is empty", exit_code=3, remarks=(shown,))
