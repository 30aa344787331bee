"""Clips hold their event where they say, the folder its budget."""

from __future__ import annotations

import json
import math
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.events import Event
from streamer.outputs import check_outputs, open_outputs, to_clips
from streamer.outputs.clip_plans import ClipPlans
from streamer.outputs.output import Output
from streamer.outputs.to_clips import NAME
from tests.outputs import burst
from tests.outputs.burst import FS_HZ, Tape, value_at
from tests.outputs.counterparts import wait_until
from tests.outputs.records import DIGIT, START
from tests.programs import files_no_longer_than, read_lines, run


def make_event(number: int, t_s: float, *, duration_s: float = 0.1, **more: Any) -> Event:
    about = {"id": number, "t_s": t_s, "sample": round(t_s * FS_HZ), "duration_s": duration_s, **more}
    return msgspec.structs.replace(DIGIT, **about)


def read_index(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]


def check_clip(folder: Path, line: dict[str, Any], *, channel: int = 0) -> None:
    """The event's first sample lies at the offset, to half a sample."""
    samples, fs_hz = soundfile.read(folder / line["clip"], dtype="float32")
    assert fs_hz == FS_HZ
    at = round(line["clip_offset_s"] * fs_hz)
    assert samples[at] == value_at(np.array([line["sample"]]), channel)[0]
    assert len(samples) == round(line["clip_duration_s"] * fs_hz)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_clip_has_its_event_where_it_says_with_what_was_before_and_after(
    tmp_path: Path, suffix: str
) -> None:
    tape = Tape(10.0, channels=2)
    [output] = open_outputs([f"clips:{tmp_path}/c?pre=1.5s&post=0.5s&format={suffix}"], audio=tape)
    for event in (START, make_event(1, 4.0), make_event(2, 0.5, channel=2), make_event(3, 9.9)):
        output.put(event)
    wait_until(lambda: output.books.sent == 2)
    assert output.books.queued == 1  # its post-roll has not come yet
    tape.end_sample = 11 * FS_HZ
    wait_until(lambda: output.books.sent == 3)
    assert output.finish(timeout_s=10)
    first, early, last = read_index(tmp_path / "c")
    assert (first["clip_offset_s"], first["clip_duration_s"]) == (1.5, 2.1)
    assert (early["clip_offset_s"], early["clip_duration_s"]) == (0.5, 1.1)  # before it there was nothing
    assert last["clip_duration_s"] == 2.1
    for line, channel in ((first, 0), (early, 1), (last, 0)):
        assert line["clip"].endswith(suffix)
        check_clip(tmp_path / "c", line, channel=channel)


def test_what_is_longer_than_longest_is_cut_at_its_end_and_a_run_that_ends_ends_its_clips(
    tmp_path: Path,
) -> None:
    [output] = open_outputs([f"clips:{tmp_path}?pre=1s&post=1s&longest=3s"], audio=Tape(20.0))
    for event in (START, make_event(1, 5.0, duration_s=10.0), make_event(2, 19.5)):
        output.put(event)
    assert output.finish(timeout_s=10)
    assert [line["clip_duration_s"] for line in read_index(tmp_path)] == [3.0, 1.5]


def test_a_rhythm_that_is_known_late_is_there_whole(tmp_path: Path) -> None:
    tape = Tape(1.0)
    [output] = open_outputs([f"clips:{tmp_path}?pre=1s&post=1s"], audio=tape)
    output.look_every_s = 0.01
    output.put(START)
    for second in range(2, 30):  # the ring forgets what is 4 s old, as live's does
        tape.gone_before, tape.end_sample = max(0, second - 4) * FS_HZ, second * FS_HZ
        wait_until(lambda: output._history is not None and output._history.end == tape.end_sample)
    output.put(make_event(1, 10.0, duration_s=12.0))
    assert output.finish(timeout_s=10)
    [line] = read_index(tmp_path)
    assert line["clip_duration_s"] == 14.0
    check_clip(tmp_path, line)


def test_what_is_gone_is_counted_and_told(tmp_path: Path) -> None:
    tape = Tape(30.0)
    tape.gone_before = 26 * FS_HZ
    [output] = open_outputs([f"clips:{tmp_path}"], audio=tape)
    for event in (START, make_event(1, 5.0)):
        output.put(event)
    wait_until(lambda: output.books.lost == 1)
    assert output.books.error == "what was heard is gone already"
    assert len(output.take_news()) == 1
    assert output.finish(timeout_s=10)


RING_S = 65  # as live's has at 1 kHz


def play_on(output: Output, tape: Tape, told: int) -> int:
    """As the main loop does: what has been copied is told, and then written over. Up to where it is told then."""
    limit = None if output.is_behind else output.catch_up(told)
    if limit is None or limit < tape.end_sample:
        return told
    tape.end_sample += RING_S * FS_HZ
    return limit


def test_what_comes_meanwhile_is_not_copied_over_a_clip_that_can_only_now_be_written(tmp_path: Path) -> None:
    tape = Tape(RING_S)
    tape.capacity_samples = RING_S * FS_HZ
    [output] = open_outputs([f"clips:{tmp_path}"], audio=tape)
    output.put(START)
    told = play_on(output, tape, 0)
    for number in range(20):
        output.put(make_event(number, told / FS_HZ - RING_S + 1.0))  # heard in what is told now
        before = told
        while told == before:
            told = play_on(output, tape, told)
    assert output.finish(timeout_s=10)
    assert (output.books.sent, output.books.lost) == (20, 0)
    for line in read_index(tmp_path):
        check_clip(tmp_path, line)


def test_what_comes_meanwhile_is_not_copied_over_a_clip_that_waits_for_another_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write = threading.Event()
    encode = to_clips.encode_file
    monkeypatch.setattr(to_clips, "encode_file", lambda *a, **k: (may_write.wait(10), encode(*a, **k))[1])
    tape = Tape(RING_S)
    tape.capacity_samples = RING_S * FS_HZ
    [output] = open_outputs([f"clips:{tmp_path}"], audio=tape)
    output.put(START)
    told = play_on(output, tape, 0)
    for number, at_s in enumerate((1.0, 40.0)):
        output.put(make_event(number, at_s))
    for _ in range(50):  # the disk takes its time
        told = play_on(output, tape, told)
        time.sleep(0.001)
    may_write.set()
    assert output.finish(timeout_s=10)
    assert (output.books.sent, output.books.lost) == (2, 0)
    for line in read_index(tmp_path):
        check_clip(tmp_path, line)


def test_a_burst_of_events_stays_within_the_budget_and_every_clip_left_has_its_events(tmp_path: Path) -> None:
    verdict = burst.run(tmp_path, events=2000)
    assert (verdict.events, verdict.lost, verdict.wrong) == (2000, 0, 0)
    assert 500_000 < verdict.most_bytes <= 1_000_000
    assert 1000 < verdict.clips < 1100  # those that lie apart have one each
    assert 1000 < verdict.checked < 2000  # the oldest clips went


def list_clips(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if NAME.fullmatch(path.name) and path.exists()]


def test_all_outputs_are_told_the_clip_and_the_offset_as_soon_as_the_event_begins(tmp_path: Path) -> None:
    tape = Tape(10.0)
    clips, file = open_outputs([f"clips:{tmp_path}?pre=1s&post=1s", f"{tmp_path}/e.jsonl"], audio=tape)
    alarm = make_event(1, 6.0, duration_s=3.0)
    begin = msgspec.structs.replace(alarm, phase="begin", duration_s=None)
    later = msgspec.structs.replace(alarm, t_s=6.002, sample=round(6.002 * FS_HZ))  # measured more exactly
    for record in (START, begin, later):
        told = clips.annotate(record)
        for output in (clips, file):
            output.put(told)
    tape.end_sample = 12 * FS_HZ
    for output in (clips, file):
        assert output.finish(timeout_s=10)
    first, last = read_lines((tmp_path / "e.jsonl").read_text())[1:]
    assert (first["phase"], first["clip_offset_s"]) == ("begin", 1.0)
    assert (last["phase"], last["clip_offset_s"]) == ("end", 1.002)
    [line] = read_index(tmp_path)
    assert line["clip"] == first["clip"] == last["clip"]
    check_clip(tmp_path, line)


def test_what_goes_on_and_on_has_its_clip_as_soon_as_that_is_as_long_as_it_may_be(tmp_path: Path) -> None:
    tape = Tape(10.0)
    [output] = open_outputs([f"clips:{tmp_path}?pre=1s&post=1s&longest=4s"], audio=tape)
    output.look_every_s = 0.01
    alarm = make_event(1, 2.0, duration_s=1000.0)
    for record in (START, msgspec.structs.replace(alarm, phase="begin", duration_s=None)):
        output.put(output.annotate(record))
    wait_until(lambda: len(list_clips(tmp_path)) == 1)
    tape.gone_before = tape.end_sample = 1010 * FS_HZ
    output.put(output.annotate(alarm))
    assert output.finish(timeout_s=10)
    [line] = read_index(tmp_path)
    assert line["clip_duration_s"] == 4.0
    check_clip(tmp_path, line)


def test_events_whose_clips_would_overlap_share_one(tmp_path: Path) -> None:
    [output] = open_outputs([f"clips:{tmp_path}?pre=1s&post=1s"], audio=Tape(20.0, channels=2))
    events = [make_event(1, 3.0), make_event(2, 4.5), make_event(3, 6.7), make_event(4, 4.5, channel=2)]
    for record in (START, *events):
        output.put(record)
    assert output.finish(timeout_s=10)
    one, two, apart, other = read_index(tmp_path)
    assert one["clip"] == two["clip"]
    assert (one["clip_offset_s"], two["clip_offset_s"], two["clip_duration_s"]) == (1.0, 2.5, 3.6)
    assert len({one["clip"], apart["clip"], other["clip"]}) == 3
    for line in (one, two, apart):
        check_clip(tmp_path, line)
    check_clip(tmp_path, other, channel=1)


def test_an_output_that_comes_late_has_no_silence_before_its_events(tmp_path: Path) -> None:
    tape = Tape(30.0)
    tape.gone_before = 27 * FS_HZ  # what live's ring still has when settings are read again
    [output] = open_outputs([f"clips:{tmp_path}?pre=2s&post=1s"], audio=tape)
    output.put(output.annotate(START))
    wait_until(lambda: output._plans.heard_from == 27 * FS_HZ)
    output.put(output.annotate(make_event(1, 28.0)))
    assert output.finish(timeout_s=10)
    [line] = read_index(tmp_path)
    assert (line["clip_offset_s"], line["clip_duration_s"]) == (1.0, 2.1)
    check_clip(tmp_path, line)


@given(
    events=st.lists(
        st.tuples(st.integers(0, 400_000), st.integers(1, 40_000), st.integers(1, 2), st.booleans()),
        max_size=30,
    ),
    pre=st.integers(0, 3),
    post=st.integers(0, 3),
    look_every=st.integers(1, 5),
)
def test_wherever_they_lie_events_are_in_their_clips(
    events: list[tuple[int, int, int, bool]], pre: int, post: int, look_every: int
) -> None:
    """(where it begins, how long it lasts, channel, whether its begin is told), told in the order of their ends."""
    plans = ClipPlans(pre_s=pre, post_s=post, longest_s=10.0, suffix="wav")
    plans.begin("r", FS_HZ)
    told: list[tuple[int, int, Event]] = []
    for number, (sample, lasts, channel, has_begin) in enumerate(events):
        event = make_event(number, sample / FS_HZ, duration_s=lasts / FS_HZ, channel=channel, sample=sample)
        if has_begin:
            told.append((sample + 800, 0, msgspec.structs.replace(event, phase="begin", duration_s=None)))
        told.append((sample + lasts + 800, 1, event))
    clips, names = {}, {}
    for number, (now, _, event) in enumerate(sorted(told, key=lambda each: each[:2])):
        if number % look_every == 0:
            plans.close("r", heard=now)
        placed, clip = plans.place(event)
        clips[clip.name] = clip
        assert (
            names.setdefault(event.id, clip.name) == clip.name == placed.clip
        )  # begin and end name the same
        assert placed.clip_offset_s == pytest.approx((event.sample - clip.start) / FS_HZ, abs=1e-6)
        assert clip.channel == event.channel
        if event.phase == "end":
            stop = event.t_s + (event.duration_s or 0.0) + post
            assert clip.stop == clip.most or clip.stop >= round(stop * FS_HZ)
            assert clip.start <= event.sample < clip.most
    left = plans.close("r", heard=math.inf)
    assert all(clip.is_closed and not clip.lasting for clip in clips.values())
    assert len(clips) >= len(left)


def test_a_clip_that_is_larger_than_the_budget_is_not_made_which_is_told(tmp_path: Path) -> None:
    tape = Tape(100.0)
    tape.read = lambda start, stop: np.zeros((1, stop - start), np.float32)  # type: ignore[method-assign]
    [output] = open_outputs([f"clips:{tmp_path}?pre=10s&post=10s&longest=50s&budget=1MB"], audio=tape)
    start = msgspec.structs.replace(START, fs=48000)
    tape.end_sample = 60 * 48000
    before = make_event(1, 14.0, sample=14 * 48000)
    for record in (start, before, make_event(2, 38.0, sample=38 * 48000)):
        output.put(record)
    assert output.finish(timeout_s=10)
    assert (output.books.sent, output.books.lost) == (0, 2)
    assert "a clip has 1.9 MB, and the budget is 1 MB" in str(output.books.error)
    assert list_clips(tmp_path) == []


def test_a_full_disk_keeps_no_part_of_a_clip_that_did_not_fit(tmp_path: Path) -> None:
    with files_no_longer_than(1000):
        [output] = open_outputs([f"clips:{tmp_path}"], audio=Tape(20.0))
        for event in (START, make_event(1, 5.0)):
            output.put(event)
        wait_until(lambda: output.books.lost == 1)
    assert output.finish(timeout_s=10)
    assert [path.name for path in tmp_path.iterdir() if "wav" in path.name] == []


def test_a_full_disk_ends_no_run_at_the_index_and_leaves_whole_lines_in_it(tmp_path: Path) -> None:
    with files_no_longer_than(2500):
        [output] = open_outputs([f"clips:{tmp_path}?pre=0s&post=0s"], audio=Tape(20.0))
        output.put(START)
        for number in range(8):
            output.put(make_event(number + 1, number + 1.0))
            wait_until(lambda number=number: output.books.sent + output.books.lost == number + 1)
    assert output.finish(timeout_s=10)
    assert not output.has_failed
    assert len(list_clips(tmp_path)) == 8
    assert len(read_index(tmp_path)) == output.books.sent > 0
    assert output.books.lost > 0
    assert "File too large" in output.take_news()[0]


def test_what_others_keep_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.wav").write_bytes(bytes(3_000_000))
    [output] = open_outputs([f"clips:{tmp_path}?budget=1MB"], audio=Tape(10.0))
    for event in (START, make_event(1, 4.0)):
        output.put(event)
    assert output.finish(timeout_s=10)
    assert (tmp_path / "mine.wav").stat().st_size == 3_000_000
    assert len(list_clips(tmp_path)) == 1


@pytest.mark.slow
def test_live_makes_clips_that_detect_hears_the_same_in(tmp_path: Path) -> None:
    done = run(
        "live",
        "sim:silence:1s,dtmf:59@-12:80ms/400ms,silence:2s+noise:-70",
        "-r",
        "8k",
        "-q",
        "-o",
        f"clips:{tmp_path}?pre=0.3s&post=0.2s",
        "-o",
        f"{tmp_path}/e.jsonl",
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = read_index(tmp_path)
    assert [line["label"] for line in lines] == ["5", "9"]
    for line in lines:
        heard = [
            event["t_s"]
            for event in read_lines(run("detect", str(tmp_path / line["clip"]), "--json").stdout)
            if event.get("phase") == "end" and event["label"] == line["label"]
        ]
        assert heard == [pytest.approx(line["clip_offset_s"], abs=0.0005)]
    told = [event for event in read_lines((tmp_path / "e.jsonl").read_text()) if event["type"] == "dtmf"]
    assert [event["phase"] for event in told] == ["begin", "end"] * 2
    assert {(event["id"], event["clip"]) for event in told} == {(line["id"], line["clip"]) for line in lines}


def test_what_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target in (
        "clips:",
        f"clips:{tmp_path}/file",
        f"clips:{tmp_path}?budget=1TB",
        f"clips:{tmp_path}?pre=40s",
    ):
        with pytest.raises(SpecError):
            check_outputs([target])
    with pytest.raises(SpecError, match="only live keeps what was heard"):
        open_outputs([f"clips:{tmp_path}"])


@pytest.mark.slow
def test_a_recording_at_full_speed_loses_no_clip_and_joins_those_that_overlap(tmp_path: Path) -> None:
    source = "sim:silence:20s,dtmf:5@-10:100ms/100ms,silence:200s,dtmf:123@-10:100ms/100ms,silence:60s,loop+noise:-60"
    events = tmp_path / "events.jsonl"
    done = run(
        *("live", source, "-r", "8k", "--duration", "20m", "--speed", "max", "-q"),
        *("-o", f"clips:{tmp_path}/clips", "-o", str(events)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in events.read_text().splitlines()]
    ended = [event for event in told if event.get("phase") == "end"]
    assert "".join(event["label"] for event in ended)[:8] == "51235123"
    clips = [event["clip"] for event in ended]
    assert set(clips) == {path.name for path in (tmp_path / "clips").glob("*.wav")}
    for first in range(0, len(ended) - 3, 4):
        assert clips[first] != clips[first + 1] == clips[first + 2] == clips[first + 3]
    for event in ended[:8]:
        x, fs_hz = soundfile.read(tmp_path / "clips" / event["clip"])
        begins = round(event["clip_offset_s"] * fs_hz)
        during, before = x[begins + 80 : begins + 720], x[begins - 400 : begins - 40]
        assert np.std(during) > 50 * np.std(before)


@pytest.mark.slow
def test_what_lasts_longer_than_a_clip_has_one_too_where_the_ring_holds_more_than_a_minute(
    tmp_path: Path,
) -> None:
    plan = tmp_path / "machine.toml"
    plan.write_text(
        '[[tone]]\nname = "machine"\nfreqs = [100]\nopen_snr = "12dB"\nclose_snr = "6dB"\nmin_on = "2s"\n'
    )
    source = "sim:silence:5000s,tone:100@-25:900s,silence:3000s+noise:-60"
    words = ("-r", "1k", "--speed", "max", "-b", "lin:20-480:20", "-n", "500ms", "--hop", "500ms", "-q")
    done = run("live", source, *words, "--plan", str(plan), "-o", f"clips:{tmp_path}/clips")
    assert (done.returncode, done.stderr) == (0, "")
    [line] = read_index(tmp_path / "clips")
    x, fs_hz = soundfile.read(tmp_path / "clips" / line["clip"])
    begins = round(line["clip_offset_s"] * fs_hz)
    assert len(x) == 30 * fs_hz
    assert np.std(x[begins:]) > 10 * np.std(x[:begins])
