"""Answer tones that turn and swell have a name of their own; tones in a rhythm are one event."""

from __future__ import annotations

import ctypes
import ctypes.util
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamer
from streamer.base.errors import SpecError
from streamer.detectors.tones import ToneDetector, ToneSpec
from streamer.plans.plan import load_plan
from streamer.sources.synthetic.language import parse_signal
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000
SPECS = {spec.name: spec for spec in load_plan("fax").entries["tone"]}


def make(signal: str, *, noise_dbfs: float = -60, seed: int = 1):
    said = f"noise:{noise_dbfs},silence:400ms,{signal},silence:1s"
    return parse_signal(said, fs_hz=FS_HZ, seed=seed).read()[:, 0]


def name(samples) -> list[str]:
    return [event.label for event in streamer.detect(samples, FS_HZ, plan="fax")]


@pytest.mark.parametrize(
    ("how", "label"),
    [
        ("", "fax-ced"),
        (":turn=450ms", "ansam"),
        (":turn=425ms", "ansam"),
        (":turn=475ms", "ansam"),
        (":swell=15Hz", "ansam"),
        (":swell=15Hz:turn=450ms", "ansam"),
        (":swell=15Hz:turn=450ms:offset=0.6%", "ansam"),
        (":swell=11Hz", "fax-ced"),
        (":turn=800ms", "fax-ced"),
    ],
)
@pytest.mark.parametrize("noise_dbfs", [-60, -23])
def test_an_answer_tone_is_named_by_its_turns_and_its_swelling(how, label, noise_dbfs):
    assert name(make(f"tone:2100@-20:3s{how}", noise_dbfs=noise_dbfs)) == [label]


def test_begin_and_end_of_an_answer_have_one_name_known_within_1100_ms():
    events = run_detector(
        ToneDetector(SPECS["fax-ced"], fs_hz=FS_HZ), make("tone:2100@-20:3s:swell=15Hz:turn=450ms")
    )
    assert [(event.phase, event.label) for event in events] == [("begin", "ansam"), ("end", "ansam")]
    assert events[0].known_sample / FS_HZ - 0.4 <= 1.1


@pytest.mark.parametrize("last_ms", [15, 37, 70, 120, 440])
@pytest.mark.parametrize("how", ["turn=450ms", "swell=15Hz:turn=450ms"])
def test_an_answer_that_ends_soon_after_a_turn_of_its_phase_ends_when_it_does(last_ms, how):
    length_ms = 6 * 450 + last_ms
    (event,) = streamer.detect(make(f"tone:2100@-20:{length_ms}ms:{how}"), FS_HZ, plan="fax")
    assert event.label == "ansam"
    assert event.t_s + event.duration_s == pytest.approx(0.4 + length_ms / 1e3, abs=4e-3)


@pytest.mark.parametrize(("last_ms", "seed"), [(79, 8), (79, 34), (63, 1), (40, 1)])
def test_an_answer_ends_when_it_does_whatever_noise_a_turn_just_before_meets(last_ms, seed):
    length_ms = 3 * 450 + last_ms
    said = f"noise:-41,silence:430ms,tone:2100@-20:{length_ms}ms:swell=15Hz:turn=450ms,silence:1s"
    samples = parse_signal(said, fs_hz=FS_HZ, seed=seed).read()[:, 0]
    (event,) = streamer.detect(samples, FS_HZ, plan="fax")
    assert event.t_s + event.duration_s == pytest.approx(0.43 + length_ms / 1e3, abs=4e-3)


def note(fade_db: float):
    """1100 Hz for 0.5 s, steadily fainter: by so much from the middle of its first third to that of its last."""
    t = np.arange(round(0.5 * FS_HZ)) / FS_HZ
    samples = np.random.default_rng(5).normal(size=3 * FS_HZ) * 1e-4
    samples[FS_HZ : FS_HZ + t.size] += (
        0.1 * np.sin(2 * np.pi * 1100 * t) * 10 ** (-fade_db * t * 3 / 2 / 0.5 / 20)
    )
    return samples


@pytest.mark.parametrize(
    ("fade_db", "told"), [(0, ["fax-cng"]), (2, ["fax-cng"]), (4.5, []), (6, []), (-4.5, [])]
)
def test_a_note_of_a_calling_tones_pitch_and_length_fades_or_swells_and_is_none(fade_db, told):
    assert name(note(fade_db)) == told


def test_it_is_explained_by_how_much_a_note_fades():
    said: list[str] = []
    detector = ToneDetector(SPECS["fax-cng"], fs_hz=FS_HZ)
    detector.explain(lambda *what: said.append(what[-1]))
    assert not run_detector(detector, note(6))
    assert re.fullmatch(
        r"a note that fades or swells by more than max_fade: [56]\.\d dB, the limit is 3 dB", said[0]
    )


def test_calling_tones_in_their_rhythm_are_one_event_with_a_step_each():
    begin, end = run_detector(
        ToneDetector(SPECS["fax-cng"], fs_hz=FS_HZ), make("cadence:1100/500,0/3000x3@-20,silence:5s")
    )
    assert begin.known_sample / FS_HZ - 0.4 <= 0.55
    assert (end.t_s, end.duration_s) == pytest.approx((0.4, 7.5), abs=0.005)
    assert [step.t_s for step in end.steps] == pytest.approx([0.4, 3.9, 7.4], abs=0.005)
    assert [step.duration_s for step in end.steps] == pytest.approx([0.5] * 3, abs=0.005)


@pytest.mark.parametrize("pause_ms", [1500, 2200, 4000])
def test_calling_tones_out_of_rhythm_are_events_of_their_own(pause_ms):
    samples = make(f"tone:1100@-20:500ms,silence:{pause_ms}ms,tone:1100@-20:500ms")
    assert name(samples) == ["fax-cng", "fax-cng"]


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_events_depend_on_the_samples_alone(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    parts = [
        f"tone:1100@-20:{rng.integers(380, 620)}ms,silence:{rng.choice([900, 2900, 3100, 4500])}ms"
        for _ in range(rng.integers(1, 4))
    ]
    samples = make(",".join(parts), noise_dbfs=-50)
    for spec in SPECS.values():
        told = run_detector(ToneDetector(spec, fs_hz=FS_HZ), samples)
        again = run_detector(
            ToneDetector(spec, fs_hz=FS_HZ), samples, cuts=rng.integers(1, 90, size=4000).tolist()
        )
        assert again == told
        assert [event.phase for event in told] == ["begin", "end"] * (len(told) // 2)
        assert sorted(event.known_sample for event in told) == [event.known_sample for event in told]


@pytest.mark.skipif(not ctypes.util.find_library("spandsp"), reason="spandsp is not here")
@pytest.mark.parametrize(
    ("kind", "label"), [(1, "fax-cng"), (2, "fax-ced"), (3, "ansam"), (4, "ansam"), (5, "ansam")]
)
def test_what_spandsp_sends_is_named(kind, label):
    """CNG, ANS, ANS with turns, ANSam, ANSam with turns, by its modem_connect_tones_tx."""
    library = ctypes.CDLL(ctypes.util.find_library("spandsp"))
    library.modem_connect_tones_tx_init.restype = ctypes.c_void_p
    library.modem_connect_tones_tx_init.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.modem_connect_tones_tx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.modem_connect_tones_tx_free.argtypes = [ctypes.c_void_p]
    state = library.modem_connect_tones_tx_init(None, kind)
    pcm = np.zeros(9 * FS_HZ, np.int16)
    sent = library.modem_connect_tones_tx(state, pcm.ctypes.data, pcm.size)
    library.modem_connect_tones_tx_free(state)
    assert sent > 2 * FS_HZ
    noise = np.random.default_rng(2).normal(size=pcm.size + FS_HZ) * 1e-4
    noise[FS_HZ // 2 :][: pcm.size] += pcm / 32768
    assert name(noise) == [label]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"modulated": "x"}, "write it together with turn_every_ms or swell_hz"),
        ({"swell_hz": 15.0}, "write it together with turn_every_ms or swell_hz"),
        ({"modulated": "x", "swell_hz": 15.0, "min_on_ms": 100.0}, "swell_hz is 15, 66.67 ms"),
        ({"modulated": "x", "turn_every_ms": 450.0, "min_on_ms": 500.0}, "turn_every_ms is 450"),
        (
            {"modulated": "x", "swell_hz": 15.0, "freqs_hz": (440.0, 480.0), "min_on_ms": 900.0},
            "of one tone alone",
        ),
        ({"max_fade_db": 3.0}, "max_fade_db is 3; it must be above 0 dB, and needs max_on_ms"),
        ({"max_fade_db": 0.0, "max_on_ms": 500.0}, "max_fade_db is 0; it must be above 0 dB"),
        ({"again_ms": (3000.0, 4000.0)}, "max_on_ms, which is missing"),
        ({"again_ms": (300.0, 4000.0), "max_on_ms": 500.0}, "again_ms begins at 300"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(given, message):
    with pytest.raises(SpecError, match=message):
        ToneSpec(**{"name": "x", "freqs_hz": (2100.0,), **given})
