"""Hearing is a function of samples: of a piece with its halo, in any order, in any process, it says the same."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle, pairwise
from multiprocessing import get_context
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamer.analysis.bank import Levels
from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.verdict import Refusal, Reject
from streamer.detectors.hearing.bursts import Burst
from streamer.events import Event
from streamer.judge import material as m
from streamer.judge.rooms import across, decaying_room
from tests.detectors.dtmf.pieces import Asked, Question, decide, hear_piece, make_timing, measure
from tests.detectors.dtmf.twin.hearing import Hearing
from tests.dtmf_bench.feeding import ArrayAudio
from tests.event_corpus import find_differences

FS_HZ = m.FS_HZ
TIMING = make_timing(FS_HZ)
Told = tuple[int, str, object]


def make_scene() -> NDArray[np.float32]:
    """Digits that touch, with holes, long, ringing on, cut off by the end, in noise and tones; and no digits."""
    rng = np.random.default_rng(8)
    holed = m.key(rng, "7", 90)
    holed[300:400] = 0
    flicker = m.key(rng, "D", 700) * (np.arange(5600) % 640 > 150)
    ringing = m.key(np.random.default_rng(9), "8", 480) * np.minimum(
        1, 10 ** (-(np.arange(3840) - 640) / 3000)
    )
    sweep = np.sin(2 * np.pi * np.cumsum(np.linspace(600, 1000, 4000)) / FS_HZ) * m.sine(1336, 4000, dbfs=-6)
    samples = np.concatenate(
        [
            *(m.key(rng, "5", 50), m.dial(rng, "159#", on_ms=45), m.dial(rng, "1236", on_ms=60, off_ms=0)),
            *(holed, m.silence(70), m.key(rng, "3", 900), m.silence(50), flicker, ringing, m.silence(60)),
            *(m.dial(rng, "88", on_ms=26), sweep, m.pair(rng, 697 * 1.03, 1209, 80), m.silence(90)),
            *(m.dial(rng, "42", on_ms=33, off_ms=31), m.key(rng, "0", 60)),
        ]
    )
    samples += m.noise(rng, samples.size, 2e-4)
    crackled = m.key(rng, "6", 40)
    crackled[130:190] = m.noise(rng, 60, 0.1)
    samples = np.concatenate([samples, m.silence(80), crackled, m.dial(rng, "44"), m.silence(80)])
    samples[3000:6000] += m.sine(440, 3000, dbfs=-8)
    return samples.astype(np.float32)


SCENE = make_scene()
WHOLE = hear_piece(SCENE, 0, fs_hz=FS_HZ)
NOTES = Asked(lambda question: question.ask(WHOLE))
EVENTS = decide(SCENE, NOTES, fs_hz=FS_HZ)


def to_bits(answer: Any) -> Any:
    """To be compared: a burst holds an array."""
    if isinstance(answer, Burst):
        return answer[:-1], answer.scaled.shape, answer.scaled.tobytes()
    return answer


def cut(first_frame: int, stop_frame: int) -> tuple[NDArray[np.float32], int]:
    """The samples for questions about frames [first_frame, stop_frame), with the halo; and where they start."""
    start = max(0, TIMING.end_sample(first_frame) - TIMING.halo_samples)
    return SCENE[start : TIMING.end_sample(stop_frame - 1)], start


def answer_from(samples: NDArray[np.float32], first_sample: int, question: Question) -> Any:
    return question.ask(hear_piece(samples, first_sample, fs_hz=FS_HZ))


def test_the_scene_asks_all_that_can_be_asked() -> None:
    names = {question.name for question in NOTES.questions}
    assert names == {name for name in vars(Hearing) if not name.startswith("_")} - {
        *("timing", "begin_frame", "values", "read")
    }
    assert "".join(event.label for event in EVENTS if event.phase == "end") == "5159#123673D8420644"
    assert {answer.reject for answer in NOTES.answers if isinstance(answer, Refusal)} == {
        Reject.FREQUENCY,
        Reject.GLIDE,
        Reject.TAIL,
    }


def listen(
    samples: NDArray[np.float32], *, lengths: Sequence[int] = (400,)
) -> tuple[list[Event], list[Told]]:
    """The events that the detector tells, and what it tells of those refused.

    lengths: in frames, of what it is fed, one after the other and over again
    """
    detector, told = DtmfDetector(DtmfSpec(), fs_hz=FS_HZ), []
    detector.explain(lambda *refused: told.append(refused))
    values, audio, events = measure(samples, FS_HZ), ArrayAudio(samples), []
    start = 0
    for length in cycle(lengths):
        if start >= len(values):
            break
        run = values[start : start + length]
        audio.stop_sample = TIMING.end_sample(start + len(run) - 1)
        levels = Levels(analysis=detector.analysis, channel=1, first_frame=start, values=run)
        events += detector.feed(levels, audio)
        start += length
    return events + detector.flush(), told


def list_sounds() -> dict[str, NDArray[np.float32]]:
    """All that makes a candidate ask something else: digits and none, clean, rough, crackled, in chords and company."""
    rng = np.random.default_rng(5)
    calm = m.dial(rng, m.random_digits(rng, 16), on_ms=100, off_ms=100, dbfs=-12)
    fast = m.dial(rng, m.random_digits(rng, 30), on_ms=40, off_ms=32, dbfs=-20)
    voices = next(m.vowels(rng, 1))[: 16 * FS_HZ]
    chords = [
        np.concatenate([m.key(rng, "5", 70) + m.sine(hz, 560, dbfs=-14), m.silence(60)])
        for hz in (500, 852, 1477, 1900, 2500)
    ]
    crackled = []
    for at in range(0, 320, 40):
        burst = m.key(rng, "6", 40)
        burst[at : at + 70] = m.noise(rng, burst[at : at + 70].size, 0.1)
        crackled += [m.silence(90), burst]
    return {
        "scene": SCENE,
        "room": across(decaying_room(rng, rt60_s=0.5, drr_db=-3), calm),
        "noise": fast + m.noise(rng, fast.size, 1e-3),
        "companded": m.compand(calm + m.noise(rng, calm.size, 1e-6), "mu"),
        "voices": voices,
        "digits among voices": voices[: calm.size] * 0.3 + calm[: voices.size],
        "chords": np.concatenate([*chords, m.silence(60)]),
        "crackle": np.concatenate([*crackled, m.silence(90)]),
        "cut off": calm[:-1200],
    }


SOUNDS = {name: samples.astype(np.float32) for name, samples in list_sounds().items()}


@pytest.mark.parametrize("name", SOUNDS)
def test_the_compiled_loop_tells_what_its_plain_twin_does(name: str) -> None:
    samples, refused = SOUNDS[name], []
    wanted = decide(
        samples, hear_piece(samples, 0, fs_hz=FS_HZ), fs_hz=FS_HZ, tell=lambda *told: refused.append(told)
    )
    events, told = listen(samples)
    assert (
        list(find_differences(*([msgspec.to_builtins(e) for e in found] for found in (wanted, events)))) == []
    )
    assert [one[:2] for one in told] == [one[:2] for one in refused]
    for (_, _, found), (_, _, why) in zip(told, refused, strict=True):
        assert found.reject == why.reject
        assert tuple(found)[1:] == pytest.approx(tuple(why)[1:], rel=1e-4, abs=1e-6)
    assert len(wanted) + len(refused) > 4


@pytest.mark.parametrize("cut_frames", [1, 3, 4, 7, 64, 1024, 5000])
def test_the_compiled_loop_tells_the_same_however_frames_are_cut(cut_frames: int) -> None:
    for samples in SOUNDS.values():
        assert listen(samples, lengths=[cut_frames]) == listen(samples)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(("scene", "crackle", "digits among voices")),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
)
def test_a_pair_that_leads_on_both_sides_of_any_cut_is_one(name: str, lengths: list[int]) -> None:
    assert listen(SOUNDS[name], lengths=lengths) == listen(SOUNDS[name])


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 10_000), max_size=30), order=st.randoms())
def test_pieces_with_their_halo_say_in_any_order_what_the_whole_says(
    cuts: list[int], order: random.Random
) -> None:
    n_frames = len(measure(SCENE, FS_HZ))
    edges = [0, *sorted({at % n_frames for at in cuts} - {0}), n_frames]
    pieces = [(a, b, hear_piece(*cut(a, b), fs_hz=FS_HZ)) for a, b in pairwise(edges)]
    numbers = list(range(len(NOTES.questions)))
    order.shuffle(numbers)
    for number in numbers:
        question = NOTES.questions[number]
        (piece,) = (piece for a, b, piece in pieces if a <= question.newest_frame < b)
        assert to_bits(question.ask(piece)) == to_bits(NOTES.answers[number]), question


def test_the_halo_of_a_single_frame_is_enough_for_the_grammar() -> None:
    def answer(question: Question) -> Any:
        frame = question.newest_frame
        return answer_from(*cut(frame, frame + 1), question)

    assert decide(SCENE, Asked(answer), fs_hz=FS_HZ) == EVENTS


def test_another_process_says_the_same() -> None:
    every_third = list(range(0, len(NOTES.questions), 3))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        waiting = [
            pool.submit(answer_from, *cut(frame, frame + 1), question)
            for question in (NOTES.questions[number] for number in every_third)
            for frame in [question.newest_frame]
        ]
        found = [to_bits(one.result()) for one in waiting]
    assert found == [to_bits(NOTES.answers[number]) for number in every_third]


def test_nothing_is_known_from_before_a_gap() -> None:
    rng = np.random.default_rng(1)
    samples = np.concatenate([m.sine(440, 1600, dbfs=-6), m.key(rng, "5", 100), m.silence(60)])
    signal = samples.astype(np.float32)
    piece = hear_piece(signal, 0, fs_hz=FS_HZ)
    begin_frame = 1500 // TIMING.hop_samples
    after_gap = dataclasses.replace(piece, begin_frame=begin_frame)
    frame = len(measure(signal, FS_HZ)) - 1
    burst = after_gap.find_burst(5, 80, 112, frame)
    assert burst is not None
    assert burst.origin == begin_frame
    heard = [
        hearing.weigh(5, burst, frame, stopped=True)
        for hearing in (after_gap, dataclasses.replace(after_gap, read=zero_before(piece, 1500)))
    ]
    assert heard[0] == heard[1]


def zero_before(piece: Hearing, sample: int) -> Any:
    def read(start: int, stop: int) -> NDArray[np.float32] | None:
        samples = piece.read(start, stop)
        if samples is not None:
            samples[: max(0, sample - start)] = 0
        return samples

    return read


@pytest.mark.parametrize("fs_hz", [8000, 11025, 44100])
def test_samples_that_are_gone_are_a_refusal(fs_hz: int) -> None:
    rng = np.random.default_rng(1)
    signal = np.concatenate([m.silence(60), m.key(rng, "5", 80), m.silence(60)])
    signal = np.interp(np.arange(0, signal.size, FS_HZ / fs_hz), np.arange(signal.size), signal)
    piece = hear_piece(signal.astype(np.float32), 0, fs_hz=fs_hz)
    deaf = dataclasses.replace(piece, read=lambda _start, _stop: None)
    frame = len(measure(signal.astype(np.float32), fs_hz)) - 1
    burst = deaf.find_burst(5, 22, 50, frame)
    assert burst is not None
    assert deaf.weigh(5, burst, frame, stopped=True) == Refusal(Reject.GONE)
    assert not isinstance(piece.weigh(5, burst, frame, stopped=True), Refusal)
