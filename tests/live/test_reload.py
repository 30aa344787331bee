"""What a running stream listens to is changed from one sample to the next: nothing is lost, and nothing told twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank, Batch
from streamer.analysis.frames import FrameSpec
from streamer.base.errors import StreamerError
from streamer.events import Event, ReloadRecord
from streamer.live.section import Item
from streamer.live.stream import Stream
from streamer.plans.listening import SetUp, make_set_up
from streamer.recordings.detect import detect
from streamer.sources import open_source, parse_source

FS_HZ = 8000.0


def listen_to(
    freqs_hz: list[float], *, hop: int = 160, length: int = 640, plans: tuple[str, ...] = ("dtmf",)
) -> SetUp:
    bank = Bank(freqs_hz=np.array(freqs_hz))
    frames = FrameSpec(length_samples=length, hop_samples=hop)
    return make_set_up(
        plans, lambda fs_hz: Analysis(bank=bank, frames=frames, fs_hz=fs_hz), needs_plans=False
    )


LOW, HIGH = listen_to([300.0, 700.0]), listen_to([1000.0, 2000.0, 3000.0], hop=100)


def run(
    source: str, act: Callable[[Stream, list[Item]], None], *, speed: float | None = 10.0
) -> tuple[list[Item], Stream]:
    """act: called between steps, with what is told so far"""
    items: list[Item] = []
    deadline = time.monotonic() + 60
    with Stream(parse_source(source, rate_hz=FS_HZ), LOW, speed=speed, n_workers=2) as stream:
        while not stream.finished:
            assert time.monotonic() < deadline
            items += stream.step(0.05)
            act(stream, items)
    return items, stream


def change_once(set_up: SetUp) -> Callable[[Stream, list[Item]], None]:
    """Once something has been measured by what is listened to now."""
    asked = False

    def change(stream: Stream, items: list[Item]) -> None:
        nonlocal asked
        if not asked and any(isinstance(item, Batch) and len(item.levels[0][0]) for item in items):
            asked = True
            stream.reload(set_up)

    return change


def hear_offline(source: str, n_samples: int) -> list[Event]:
    blocks: list[np.ndarray] = []
    with open_source(parse_source(source, rate_hz=FS_HZ)) as opened:
        for block in opened.read_blocks(8000):
            blocks.append(block)
            if 8000 * len(blocks) >= n_samples:
                break
    return detect(np.concatenate(blocks)[:n_samples].T, FS_HZ, begins=True)


def list_changes(items: list[Item]) -> list[ReloadRecord]:
    return [item for item in items if isinstance(item, ReloadRecord)]


def test_digits_without_a_break_are_told_once_each_however_often_it_is_changed() -> None:
    source = "sim:dtmf:0123456789*#:50ms/50ms,loop"
    turns = cycle([HIGH, LOW])
    n_asked = 0

    def change(stream: Stream, items: list[Item]) -> None:
        nonlocal n_asked
        n_done = len(list_changes(items))
        if stream.status.is_ready and n_asked == n_done and n_asked < 5:
            n_asked += 1
            stream.reload(next(turns))
        section = stream.section
        if n_done == 5 and section is not None and section.hearings.is_settled:
            stream.stop()

    items, stream = run(source, change)
    stats = stream.stats
    events = [item for item in items if isinstance(item, Event)]
    expected = hear_offline(source, stats.captured)
    for phase in ("begin", "end"):
        told = [event for event in events if event.phase == phase]
        wanted = [event for event in expected if event.phase == phase]
        assert [event.label for event in told] == [event.label for event in wanted]
        assert [event.id for event in told] == list(range(1, len(wanted) + 1))
        assert max(abs(a.sample - b.sample) for a, b in zip(told, wanted, strict=True)) <= 1
    assert (stats.analysed, stats.dropped, stats.pending) == (stats.captured, 0, 0)


def test_levels_go_over_from_one_bank_to_the_next_at_the_sample_that_is_told() -> None:
    source = "sim:sweep:100-3900@-10:30s"
    items, _ = run(source, change_once(HIGH))
    [record] = list_changes(items)
    assert record.state == "done"
    at = items.index(record)
    with open_source(parse_source(source, rate_hz=FS_HZ)) as opened:
        samples = np.concatenate(list(opened.read_blocks(8000)))[:, 0].copy()
    for part, set_up in ((items[:at], LOW), (items[at:], HIGH)):
        batches = [item for item in part if isinstance(item, Batch)]
        assert all(first.stop_sample == second.start_sample for first, second in pairwise(batches))
        runs = [batch.levels[0][0] for batch in batches if len(batch.levels[0][0])]
        analysis = runs[0].analysis
        first, stop = runs[0].first_frame, runs[-1].first_frame + len(runs[-1])
        whole = np.empty((analysis.frames.frames_within(len(samples)), len(analysis.bank)), np.complex64)
        Analyser(analysis).compute(samples, whole)
        assert np.array_equal(np.concatenate([run.values for run in runs]), whole[first:stop])
        hop = analysis.frames.hop_samples
        ends = first * hop + analysis.frames.length_samples, (stop - 1) * hop + analysis.frames.length_samples
        if set_up is LOW:
            assert 0 <= record.sample - ends[1] < hop
        else:
            assert -hop < ends[0] - record.sample <= hop
            assert stop == len(whole)


def test_a_tone_that_sounds_on_is_begun_once_and_ended_once() -> None:
    source = "sim:silence:1s,dtmf:5@-10:40s/10ms,silence:1s"
    asked = False

    def change(stream: Stream, items: list[Item]) -> None:
        nonlocal asked
        if not asked and any(isinstance(item, Event) for item in items):
            asked = True
            stream.reload(HIGH)

    items, stream = run(source, change)
    begin, end = [item for item in items if isinstance(item, Event)]
    assert (begin.phase, end.phase, begin.id, end.id, begin.sample) == ("begin", "end", 1, 1, end.sample)
    assert end.duration_s == pytest.approx(40.0, abs=0.002)
    assert len(list_changes(items)) == 1
    assert stream.section is not None
    assert stream.section.hearings.is_settled  # the one before did not wait for its end


def test_what_sounds_already_when_it_is_first_asked_for_is_told(tmp_path: Path) -> None:
    plan = tmp_path / "alarms.toml"
    plan.write_text(
        '[[level]]\nname = "whistle"\nfreq = 1000\nabove = "-40dBFS"\nfor = "500ms"\naverage = "250ms"\n'
    )
    asked = False

    def change(stream: Stream, _items: list[Item]) -> None:
        nonlocal asked
        if stream.status.is_ready and stream.status.analysed_end > 3 * FS_HZ and not asked:
            asked = True
            stream.reload(listen_to([300.0], plans=("dtmf", str(plan))))

    items, _ = run("sim:tone:1000@-20:60s,silence:2s", change)
    begin, end = [item for item in items if isinstance(item, Event)]
    assert (begin.label, begin.phase, end.phase, begin.id, end.id) == ("whistle", "begin", "end", 1, 1)
    assert end.t_s + (end.duration_s or 0) == pytest.approx(60.0, abs=0.2)


def test_what_the_ring_cannot_hold_is_refused_and_all_stays() -> None:
    refusals: list[str] = []

    def change(stream: Stream, _items: list[Item]) -> None:
        if stream.status.is_ready and not refusals:
            with pytest.raises(StreamerError, match="below 4000 Hz"):
                stream.reload(listen_to([5000.0]))
            stream.reload(listen_to([300.0], length=40_000, hop=1000))
            refusals.append("asked")

    items, stream = run("sim:dtmf:123456789:50ms/50ms", change)
    [record] = list_changes(items)
    assert (record.state, "start anew" in record.message) == ("refused", True)
    assert "".join(i.label for i in items if isinstance(i, Event) and i.phase == "end") == "123456789"
    assert stream.stats.dropped == 0
