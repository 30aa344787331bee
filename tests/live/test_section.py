"""A section with real workers, and samples that come from the test instead of a source."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from streamer.analysis.bank import Analysis, Bank, Batch
from streamer.analysis.frames import FrameSpec
from streamer.base.errors import StreamerError
from streamer.events import Event, GapRecord, SilenceRecord, WorkerRecord
from streamer.live.dispatcher import Dispatchers
from streamer.live.hearing import LIVE_SPANS_PER_MESSAGE
from streamer.live.ring import RingWriter
from streamer.live.ring_fields import N_LANES, GapReason
from streamer.live.section import Item, Section
from streamer.live.spans import IndexPipe
from streamer.plans.listening import make_set_up
from streamer.sources import SourceInfo

FS_HZ = 8000.0


def make_info(*, is_live: bool = False, fs_hz: float = FS_HZ) -> SourceInfo:
    return SourceInfo(name="test", fs_hz=fs_hz, channels=1, is_live=is_live)


def make_section(
    info: SourceInfo,
    index: Sequence[IndexPipe],
    *,
    speed: float | None = None,
    duration_s: float | None = None,
    after: Section | None = None,
    silence_s: float | None = None,
) -> Section:
    frames = FrameSpec(length_samples=600, hop_samples=150)
    bank = Bank(freqs_hz=np.array([697.0, 1209.0]))
    set_up = make_set_up(
        ["dtmf"], lambda fs_hz: Analysis(bank=bank, frames=frames, fs_hz=fs_hz), silence_s=silence_s
    )
    return Section(info, set_up(info), index, speed=speed, n_workers=1, duration_s=duration_s, after=after)


@pytest.fixture
def index() -> Iterator[list[IndexPipe]]:
    """Of each lane."""
    pipes = [IndexPipe() for _ in range(N_LANES)]
    yield pipes
    for pipe in pipes:
        pipe.close()


@contextmanager
def closing(section: Section) -> Iterator[Section]:
    try:
        yield section
    finally:
        section.close()


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_until_ready(section: Section) -> None:
    def is_ready() -> bool:
        section.pool.read_messages()
        return section.is_ready

    wait_until(is_ready)


def drain(section: Section) -> list[Item]:
    """No more samples: what the workers make of those that came."""
    items: list[Item] = []
    section.end()

    def is_drained() -> bool:
        items.extend(section.collect())
        return section.is_drained()

    wait_until(is_drained)
    return items


def make_digit(n_samples: int, *, at: int) -> np.ndarray:
    """A 5 of 80 ms in silence."""
    n = np.arange(n_samples)
    on = (n >= at) & (n < at + 0.08 * FS_HZ)
    sines = sum(np.sin(2 * np.pi * f * n / FS_HZ) for f in (770, 1336))
    return (0.2 * on * sines).astype(np.float32)[:, None]


def push(section: Section, samples: np.ndarray, *, sample_0_s: float | None = None) -> RingWriter:
    """As a source would, in blocks. sample_0_s: when sample 0 was; each block comes as soon as it is over"""
    writer = RingWriter(section.ring, device_channels=(0,))
    for at in range(0, len(samples), 800):
        block = samples[at : at + 800]
        came_s = time.monotonic()
        if sample_0_s is not None:
            came_s = sample_0_s + (section.ring.written_samples + len(block)) / section.info.fs_hz
        writer.push(block, round(came_s * 1e9))
    if sample_0_s is not None:
        writer.note_sample_0(round(sample_0_s * 1e9))
    return writer


def hand_out(section: Section, writer: RingWriter, index: Sequence[IndexPipe]) -> None:
    """As a source would; and wait until the workers have done it all."""
    dispatchers = Dispatchers(writer, [pipe.writer.fileno() for pipe in index])
    dispatchers.serve(section.run.lanes)
    wait_until(dispatchers.advance)
    n_spans = section.ring.dispatched_spans
    wait_until(lambda: section.pool.results.is_done(0, n_spans))


def list_gaps(items: list[Item]) -> list[tuple[int, int, str]]:
    return [(gap.sample, gap.lost_samples, gap.reason) for gap in items if isinstance(gap, GapRecord)]


def test_what_came_is_told_once_in_order_and_adds_up(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(), index)) as section:
        push(section, make_digit(16_001, at=4000))
        items = drain(section)
    batches = [item for item in items if isinstance(item, Batch)]
    assert [batch.start_sample for batch in batches] == [0, *(batch.stop_sample for batch in batches[:-1])]
    assert batches[-1].stop_sample == 16_001
    digits = [(event.label, event.phase) for event in items if isinstance(event, Event)]
    assert digits == [("5", "begin"), ("5", "end")]
    stats = section.stats
    assert (stats.captured, stats.analysed, stats.dropped, stats.pending) == (16_001, 16_001, 0, 0)
    assert stats.realtime_factor is not None
    assert stats.latency_ms_p50 is None  # it came as fast as it went


def test_digits_whose_levels_were_made_in_time_are_heard_though_the_ring_holds_them_no_more(
    index: Sequence[IndexPipe],
) -> None:
    with closing(make_section(make_info(is_live=True), index)) as section:
        wait_until_ready(section)
        capacity = section.ring.spec.capacity_samples
        digits = np.concatenate([make_digit(4000, at=2000)] * (capacity * 3 // 4 // 4000))
        hand_out(section, push(section, digits), index)
        push(section, np.zeros((capacity, 1), np.float32))  # meanwhile nobody has collected anything
        items = drain(section)
    labels = "".join(item.label for item in items if isinstance(item, Event) and item.phase == "end")
    assert labels == "5" * (len(digits) // 4000)
    stats = section.stats
    assert (stats.unheard, stats.rejections) == (0, {})
    assert stats.captured == stats.analysed + stats.dropped


def test_what_a_detector_could_not_read_is_unheard_and_told_once(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(), index)) as section:
        section.pool.collector.read = lambda _channel, _start, _stop: None  # type: ignore[method-assign]
        push(section, make_digit(16_000, at=4000))
        items = drain(section)
    gaps = [item for item in items if isinstance(item, GapRecord)]
    assert {gap.reason for gap in gaps} == {"unheard"}
    assert all(a.sample + a.lost_samples <= b.sample for a, b in pairwise(gaps))
    digit = next(gap for gap in gaps if gap.sample + gap.lost_samples > 4000)
    assert digit.sample < 4640
    stats = section.stats
    assert stats.unheard == sum(gap.lost_samples for gap in gaps) > 0
    assert (stats.captured, stats.analysed, stats.dropped) == (16_000, 16_000, 0)
    assert section.gap_count == len(gaps)


def test_a_digit_that_a_gap_cuts_is_over_before_the_gap_is_told(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(), index)) as section:
        writer = push(section, make_digit(4600, at=4000))
        writer.skip(800, GapReason.INPUT_OVERFLOW)
        push(section, np.zeros((4000, 1), np.float32))
        items = drain(section)
    told = [item for item in items if not isinstance(item, Batch)]
    assert [type(item) for item in told] == [Event, Event, GapRecord]
    assert list_gaps(told) == [(4600, 800, "input_overflow")]
    stats = section.stats
    assert (stats.captured, stats.analysed, stats.dropped, section.gap_count) == (9400, 8600, 800, 1)


def test_how_its_source_is_to_run(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(), index, speed=2.0, duration_s=1.00001)) as section:
        run = section.run
        assert (run.speed, run.limit_samples, run.clock_offset_s) == (2.0, 8001, None)
        assert run.lanes[0].spans_per_message == LIVE_SPANS_PER_MESSAGE
        assert section.pending_samples < run.lanes[0].span_samples
        assert section.is_starved
        push(section, np.zeros((run.lanes[0].span_samples, 1), np.float32))
        assert not section.is_starved


def test_the_clocks_of_a_live_source_are_learned_from_its_blocks(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(is_live=True), index, speed=None)) as section:
        assert section.run.speed is None
        assert section.blocks[0] == 0
        sample_0_s = time.monotonic() - 2
        push(section, np.zeros((8000, 1), np.float32), sample_0_s=sample_0_s)
        assert section.blocks == (10, pytest.approx(sample_0_s + 1))
        drain(section)
        # If it is lost now, time goes on from here when it is back.
        assert section.run.clock_offset_s == pytest.approx(sample_0_s)
        assert section.clock.at_s(8000) == pytest.approx(time.time() - 1, abs=0.5)
        latency_ms = section.stats.latency_ms_p50
        assert latency_ms is not None
        assert latency_ms > 900


def test_a_section_follows_another_without_a_hole_in_the_books(index: Sequence[IndexPipe]) -> None:
    before = make_section(make_info(is_live=True), index)
    sample_0_s = time.monotonic() - 3
    push(before, np.zeros((8000, 1), np.float32), sample_0_s=sample_0_s)
    drain(before)
    assert list_gaps(before.note_missed(sample_0_s + 3)) == [(8000, 16_000, "device_lost")]
    stats = before.stats
    assert (stats.captured, stats.analysed, stats.dropped, stats.pending) == (24_000, 8000, 16_000, 0)
    before.make_way()
    began_s = time.monotonic()
    with closing(make_section(make_info(is_live=True, fs_hz=4000.0), index, after=before)) as section:
        assert section.run.clock_offset_s is not None
        assert began_s < section.run.clock_offset_s <= time.monotonic()
        assert (section.stats.captured, section.gap_count) == (0, 1)
        assert section.stats.latency_ms_p50 == before.stats.latency_ms_p50
        assert section.lasted_s == 3
        wait_until_ready(section)  # the workers of before have left it the index
        push(section, np.zeros((4000, 1), np.float32))
        drain(section)
        assert section.stats.analysed == 4000
        assert section.lasted_s == 3 + 1


def test_before_the_first_sample_nothing_can_be_missed(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(is_live=True), index)) as section:
        assert drain(section) == []
        assert section.note_missed(time.monotonic()) == []
        assert section.stats.captured == 0


def test_a_worker_that_dies_while_the_process_server_is_stopped_is_not_said_to_have_ended_well(
    index: Sequence[IndexPipe],
) -> None:
    with closing(make_section(make_info(), index)) as section:
        wait_until_ready(section)
        [worker] = section.pool.pids
        server = find_parent(worker)
        os.kill(server, signal.SIGSTOP)
        try:
            os.kill(worker, signal.SIGKILL)
            items: list[Item] = []
            wait_until(lambda: bool(items.extend(section.supervise()) or items))
        finally:
            os.kill(server, signal.SIGCONT)
        assert [item.reason for item in items if isinstance(item, WorkerRecord)] == [
            "ended, how is not known"
        ]


def find_parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_workers_that_cannot_be_kept_alive_are_an_error_that_says_what_works(
    index: Sequence[IndexPipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(make_section(make_info(), index)) as section:
        assert section.supervise() == []
        monkeypatch.setattr(type(section.pool), "is_hopeless", True)
        with pytest.raises(StreamerError, match="`streamer detect` works without them"):
            section.supervise()


def test_after_a_pause_in_a_pipe_what_came_before_and_what_comes_after_have_each_their_time(
    index: Sequence[IndexPipe],
) -> None:
    info = SourceInfo(name="radio", fs_hz=FS_HZ, channels=1, is_piped=True)
    with closing(make_section(info, index, speed=1.0)) as section:
        began_s = time.monotonic() - 100
        push_at(section, make_digit(8000, at=4000), began_s)
        push_at(section, make_digit(8000, at=4000), began_s + 60)  # the squelch was closed for a minute
        items = drain(section)
    first, second = (
        read_unix_s(item.time) for item in items if isinstance(item, Event) and item.phase == "end"
    )
    # Each block of 0.1 s comes as soon as it is over.
    assert first == pytest.approx(time.time() - time.monotonic() + began_s + 0.5, abs=0.05)
    assert second - first == pytest.approx(60, abs=0.01)


def push_at(section: Section, samples: np.ndarray, began_s: float) -> None:
    """As a pipe would: in blocks that come as they are made, the first of them from this moment on."""
    writer = RingWriter(section.ring, device_channels=(0,))
    for at in range(0, len(samples), 800):
        block = samples[at : at + 800]
        writer.push(block, round((began_s + (at + len(block)) / FS_HZ) * 1e9))


def read_unix_s(text: str | None) -> float:
    assert text is not None
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("info", "speed", "has_time"),
    [
        (SourceInfo(name="file", fs_hz=FS_HZ, channels=1), 1.0, False),
        (SourceInfo(name="pipe", fs_hz=FS_HZ, channels=1, is_piped=True), 1.0, True),
        (
            SourceInfo(name="pipe", fs_hz=FS_HZ, channels=1, is_piped=True),
            None,
            False,
        ),  # faster than it sounds
        (SourceInfo(name="mic", fs_hz=FS_HZ, channels=1, is_live=True), 1.0, True),
    ],
)
def test_what_comes_at_its_own_pace_has_the_time_of_its_arrival(
    info: SourceInfo, speed: float | None, has_time: bool, index: Sequence[IndexPipe]
) -> None:
    with closing(make_section(info, index, speed=speed)) as section:
        push(section, make_digit(8000, at=4000))
        events = [item for item in drain(section) if isinstance(item, Event)]
        assert [event.time is not None for event in events] == [has_time] * 2
        stats = section.stats
        assert (stats.sample, stats.t_s, stats.time is not None) == (8000, 1.0, has_time)


def test_stats_tell_how_loud_the_input_was_since_the_last_ones(index: Sequence[IndexPipe]) -> None:
    with closing(make_section(make_info(), index)) as section:
        square = np.where(np.arange(8000) % 8 < 4, 0.1, -0.1).astype(np.float32)
        square[[100, 5000]] = 1.0
        push(section, square[:, None])
        drain(section)
        stats = section.take_stats()
        assert (stats.input_dbfs, stats.peak_dbfs, stats.clipped) == ([-16.9], [0.0], 2)
        stats = section.take_stats()
        assert (stats.input_dbfs, stats.peak_dbfs, stats.clipped) == ([], [], 2)


def test_a_silence_that_lasts_is_told_at_its_begin_and_its_end_and_ends_with_the_signal(
    index: Sequence[IndexPipe],
) -> None:
    with closing(make_section(make_info(), index, silence_s=2.0)) as section:
        push(section, np.concatenate([make_digit(8000, at=7000), np.zeros((20_000, 1), np.float32)]))
        push(section, np.concatenate([make_digit(8000, at=4000), np.zeros((20_000, 1), np.float32)]))
        items = [*drain(section), *section.flush()]
    silences = [item for item in items if isinstance(item, SilenceRecord)]
    assert [silence.phase for silence in silences] == ["begin", "end"] * 2
    first, over, second, last = silences
    assert first.sample == over.sample == pytest.approx(7640, abs=900)
    assert over.duration_s == pytest.approx((32_000 - 7640) / FS_HZ, abs=0.2)
    assert second.sample == pytest.approx(32_640, abs=900)
    assert last.duration_s == pytest.approx((56_000 - 32_640) / FS_HZ, abs=0.2)
    assert first.t_s == first.sample / FS_HZ


def test_a_pipe_that_sends_nothing_is_silent_from_its_last_sample_to_its_next(
    index: Sequence[IndexPipe],
) -> None:
    info = SourceInfo(name="radio", fs_hz=FS_HZ, channels=1, is_piped=True)
    with closing(make_section(info, index, speed=1.0, silence_s=10.0)) as section:
        began_s = time.monotonic() - 100
        push_at(section, 10 * make_digit(8000, at=7000), began_s)
        section.collect()
        [begin] = [item for item in section.supervise() if isinstance(item, SilenceRecord)]
        assert (begin.phase, begin.sample, begin.t_s) == ("begin", 8000, 1.0)
        assert read_unix_s(begin.time) == pytest.approx(time.time() - 99, abs=1)
        assert section.supervise() == []
        push_at(section, make_digit(8000, at=4000), began_s + 61)
        [end] = [item for item in section.supervise() if isinstance(item, SilenceRecord)]
        assert (end.phase, end.sample, end.time) == ("end", 8000, begin.time)
        assert end.duration_s == pytest.approx(61, abs=1)


def test_after_it_has_stood_still_while_it_collected_it_does_not_rest_as_long(
    index: Sequence[IndexPipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(make_section(make_info(), index)) as section:
        now_s = 100.0
        monkeypatch.setattr("streamer.live.section.time.monotonic", lambda: now_s)

        def stand_still(_upto: int | None) -> list[object]:
            nonlocal now_s
            now_s += 14.0  # SIGSTOP, and SIGCONT
            return []

        monkeypatch.setattr(section, "_collect", stand_still)
        section.collect()
        assert 0 < section.rest_s <= 0.1
