"""Source to events through real processes: complete, in order, and the same numbers as offline."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank, Batch
from streamer.analysis.frames import FrameSpec
from streamer.base.errors import SourceError, StreamerError
from streamer.events import Event, WorkerRecord
from streamer.live import hearings
from streamer.live.section import Item
from streamer.live.stream import Stream
from streamer.plans.listening import make_set_up
from streamer.recordings.detect import detect
from streamer.sources import SourceInfo, parse_source

FS_HZ = 8000


def choose_display(fs_hz: float) -> Analysis:
    spec = FrameSpec(length_samples=600, hop_samples=150)
    return Analysis(bank=Bank(freqs_hz=np.geomspace(50, 3900, 40)), frames=spec, fs_hz=fs_hz)


set_up = make_set_up(["dtmf"], choose_display)


def make_recording(path: Path, *, seconds: float = 3.0, channels: int = 1) -> np.ndarray:
    """Two digits in noise, as 16 bit samples; returns what a reader of the file gets, (n, channels)."""
    n = round(seconds * FS_HZ)
    t = np.arange(n) / FS_HZ
    signal_ = np.random.default_rng(2).normal(0, 0.003, (n, channels))
    for at, low, high in ((0.5, 770, 1336), (1.0, 941, 1477)):
        on = (t >= at) & (t < at + 0.08)
        signal_ += (on * 0.2 * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)))[:, None]
    soundfile.write(path, signal_, FS_HZ, subtype="PCM_16")
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def run(
    source: str, *, speed: float | None, n_workers: int = 2, duration_s: float | None = None
) -> tuple[list[Item], Stream]:
    items: list[Item] = []
    deadline = time.monotonic() + 60
    spec = parse_source(source, rate_hz=FS_HZ if source.startswith("sim:") else None)
    with Stream(spec, set_up, speed=speed, n_workers=n_workers, duration_s=duration_s) as stream:
        while not stream.finished:
            assert time.monotonic() < deadline
            items += stream.step(0.2)
    return items, stream


def test_at_full_speed_no_digit_is_lost_and_the_duration_is_right_to_a_sample() -> None:
    # Far longer than the ring: the source waits for the detectors too, who look at its samples again.
    items, stream = run("sim:dtmf:0123456789:50ms/50ms,loop", speed=None, duration_s=120.0001)
    digits = "".join(event.label for event in list_events(items) if event.phase == "end")
    assert digits == "0123456789" * 120
    assert stream.stats.captured == stream.stats.analysed == 960_001


def join_values(items: list[Item], channel: int = 0) -> np.ndarray:
    return np.concatenate([item.levels[0][channel].values for item in items if isinstance(item, Batch)])


def list_events(items: list[Item]) -> list[Event]:
    return [item for item in items if isinstance(item, Event)]


def test_replayed_at_full_speed_at_its_pace_and_offline_the_numbers_are_equal_bit_for_bit(
    tmp_path: Path,
) -> None:
    samples = make_recording(tmp_path / "a.wav", channels=2)
    at_once, stream = run(f"{tmp_path}/a.wav", speed=None)
    paced, paced_stream = run(f"{tmp_path}/a.wav", speed=3.0, n_workers=1)
    display = set_up(SourceInfo(name="a", fs_hz=FS_HZ, channels=2)).display
    for channel in range(2):
        offline = np.empty((display.frames.frames_within(len(samples)), 40), np.complex64)
        Analyser(display).compute(np.ascontiguousarray(samples[:, channel]), offline)
        assert np.array_equal(join_values(at_once, channel), offline)
        assert np.array_equal(join_values(paced, channel), offline)
    events = detect(samples.T, FS_HZ, begins=True)
    assert [event.label for event in events if event.phase == "end"] == ["5", "5", "#", "#"]
    assert list_events(at_once) == events
    assert list_events(paced) == events
    for finished in (stream, paced_stream):
        stats = finished.stats
        assert (stats.captured, stats.analysed, stats.dropped, stats.pending) == (
            len(samples),
            len(samples),
            0,
            0,
        )


def test_a_raw_stream_of_1500_channels_keeps_its_16_bits_and_tells_what_detect_tells(tmp_path: Path) -> None:
    n_channels, n = 1500, FS_HZ // 2
    samples = np.zeros((n, n_channels), np.int16)
    sounding = {3: "5", 700: "9", 1499: "5"}  # none of them with the samples of another
    for channel, key in sounding.items():
        samples[100 + channel :, channel] = 9000 * make_key(key)[: n - 100 - channel]
    samples[:, 8] = np.random.default_rng(8).normal(0, 3000, n)
    (tmp_path / "many.raw").write_bytes(samples.astype("<i2").tobytes())
    spec = parse_source(
        f"{tmp_path}/many.raw", sample_format="s16le", rate_hz=FS_HZ, channels=str(n_channels)
    )
    listen = make_set_up(["dtmf"], choose_display, is_shown=False)
    items: list[Item] = []
    with Stream(spec, listen, speed=None, n_workers=2) as stream:
        while not stream.finished:
            items += stream.step(0.2)
            if stream.section is not None:
                ring = stream.section.ring.spec
    assert ring.has_16_bits
    assert ring.size_bytes < 140e6
    assert len(items) == len(list_events(items))  # nobody looks at levels
    stats = stream.stats
    assert (stats.analysed, stats.dropped, stats.unheard) == (n, 0, 0)
    assert stats.peak_dbfs[700] == pytest.approx(-11.2 + 6.0, abs=0.1)
    expected = []
    for channel in sounding:
        [event] = detect(samples[:, channel].astype(np.float32) / 32768, FS_HZ)
        expected.append(msgspec.structs.replace(event, channel=channel + 1, id=0))
    told = [event for event in list_events(items) if event.phase == "end"]
    assert [event.label for event in expected] == ["5", "9", "5"]
    assert sorted((msgspec.structs.replace(e, id=0) for e in told), key=lambda e: e.channel) == expected


def make_key(key: str) -> np.ndarray:
    low, high = {"5": (770, 1336), "9": (852, 1477)}[key]
    t = np.arange(FS_HZ) / FS_HZ
    return (t < 0.08) * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t))


def test_a_file_shorter_than_a_window_ends_without_events(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.zeros(7), FS_HZ)
    items, stream = run(f"{tmp_path}/short.wav", speed=None)
    assert list_events(items) == []
    assert (stream.stats.captured, stream.stats.analysed) == (7, 7)


def test_a_source_that_is_not_there_says_so() -> None:
    with pytest.raises(SourceError, match=r"nowhere\.wav: No such file"):
        run("/nowhere.wav", speed=None)


def test_stopping_keeps_what_was_captured(tmp_path: Path) -> None:
    make_recording(tmp_path / "a.wav", seconds=60)
    with Stream(parse_source(f"{tmp_path}/a.wav"), set_up, speed=1.0) as stream:
        while stream.section is None or stream.section.ring.written_samples < FS_HZ:
            stream.step(0.2)
        stream.stop()
        began = time.monotonic()
        while not stream.finished:
            stream.step(0.2)
        assert time.monotonic() - began < 2
    stats = stream.stats
    assert stream.error is None
    assert FS_HZ <= stats.captured < 10 * FS_HZ
    assert (stats.captured, stats.pending, stats.dropped) == (stats.analysed, 0, 0)


def test_workers_killed_in_mid_run_change_nothing(tmp_path: Path) -> None:
    samples = make_recording(tmp_path / "a.wav", seconds=4)
    items: list[Item] = []
    kills = 0
    with Stream(parse_source(f"{tmp_path}/a.wav"), set_up, speed=2.0, n_workers=2) as stream:
        while not stream.finished:
            items += stream.step(0.2)
            section = stream.section
            if section is not None and kills < 3 and section.ring.written_samples > (kills + 1) * FS_HZ:
                os.kill(section.pool.pids[kills % 2], signal.SIGKILL)
                kills += 1
    assert kills == 3
    assert len([item for item in items if isinstance(item, WorkerRecord)]) == 3
    assert list_events(items) == detect(samples.T, FS_HZ, begins=True)
    assert stream.stats.analysed == len(samples)


def test_a_killed_capture_process_is_an_error_and_what_it_captured_counts(tmp_path: Path) -> None:
    make_recording(tmp_path / "a.wav", seconds=60)
    with Stream(parse_source(f"{tmp_path}/a.wav"), set_up, speed=1.0) as stream:
        while stream.section is None or stream.section.ring.written_samples < FS_HZ:
            stream.step(0.2)
        assert stream.capture_pid is not None
        os.kill(stream.capture_pid, signal.SIGKILL)
        while not stream.finished:
            stream.step(0.2)
    assert stream.error is not None
    assert "died" in str(stream.error)
    assert stream.stats.captured == stream.stats.analysed


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    make_recording(tmp_path / "a.wav")
    shared = Path("/dev/shm")
    before = set(shared.iterdir()) if shared.is_dir() else set()
    _, stream = run(f"{tmp_path}/a.wav", speed=None)
    after = set(shared.iterdir()) if shared.is_dir() else set()
    assert after <= before
    assert stream.section is not None
    assert stream.section.pool.pids == []
    assert stream.capture_pid is None


def test_channels_that_memory_cannot_hold_are_refused_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wide.raw").write_bytes(bytes(2 * 3000 * 10))
    spec = parse_source(f"{tmp_path}/wide.raw", sample_format="s16le", rate_hz=FS_HZ, channels="3000")
    monkeypatch.setattr(hearings, "find_free_bytes", lambda: 50_000_000)
    said = r"3000 channels at 8000 Hz need \d{3} MB for samples and levels, and 50 MB are free: choose fewer"
    listen = make_set_up(["dtmf"], choose_display, is_shown=False)
    with Stream(spec, listen, speed=None) as stream, pytest.raises(StreamerError, match=said):
        step_on(stream)


def step_on(stream: Stream) -> None:
    while not stream.finished:
        stream.step(0.2)
