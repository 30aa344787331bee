"""SAME headers, and other texts sent as bits: read whole, told once, and nothing else is taken for one."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamer
from streamer.base.errors import SpecError
from streamer.detectors.fsk import FskDetector, FskSpec
from streamer.detectors.fsk.spec import TextSpec
from streamer.events import Event
from streamer.plans.plan import load_plan
from streamer.sources.synthetic.language import parse_signal
from tests.dtmf_bench.feeding import run_detector

FS_HZ = 8000
(SAME,) = load_plan("eas").entries["fsk"]
HEADER = "ZCZC-WXR-TOR-039173-039051+0030-1591829-KCLE/NWS-"
OTHER = "ZCZC-CIV-FFW-006037+0045-1600100-KLOX/NWS-"


def make(signal: str, *, noise_dbfs: float = -70, fs_hz: int = FS_HZ, seed: int = 3):
    """Samples with half a second of noise before and two behind."""
    said = f"noise:{noise_dbfs},silence:500ms,{signal},silence:2s"
    return parse_signal(said, fs_hz=fs_hz, seed=seed).read()[:, 0]


def hear(samples, cuts=None, spec: FskSpec = SAME, fs_hz: int = FS_HZ) -> list[Event]:
    return run_detector(FskDetector(spec, fs_hz=fs_hz), samples, cuts=cuts)


def read(samples, **more) -> list[tuple[str, str | None]]:
    return [(event.label, event.text) for event in hear(samples, **more) if event.phase == "end"]


def test_a_header_sent_thrice_is_one_event_from_preamble_to_the_last_burst():
    begin, end = hear(make(f"fsk:{HEADER}@-20"))
    assert (begin.label, begin.phase, begin.text) == ("same", "begin", None)
    assert begin.known_sample / FS_HZ - 0.5 < 0.4
    burst_s = 8 * (16 + len(HEADER)) / 520.833
    assert end.text == HEADER
    assert (end.t_s, end.duration_s) == pytest.approx((0.5, 3 * burst_s + 2), abs=0.002)
    assert [step.t_s for step in end.steps] == pytest.approx(
        [0.5 + k * (burst_s + 1) for k in range(3)], abs=0.002
    )
    assert end.level_dbfs == pytest.approx(-20, abs=0.5)
    assert end.freqs_hz == pytest.approx([1562.5, 2083.33], abs=2)


def test_an_end_of_message_has_its_own_label():
    assert read(make("fsk:NNNN@-20")) == [("eom", "NNNN")]


@pytest.mark.parametrize("fs_hz", [8000, 11025, 22050, 48000])
def test_a_header_is_read_at_any_rate(fs_hz):
    assert read(make(f"fsk:{HEADER}@-20:1", fs_hz=fs_hz), fs_hz=fs_hz) == [("same", HEADER)]


@pytest.mark.parametrize("baud", [517.0, 524.6])
def test_a_senders_clock_may_be_off_by_7_in_a_thousand(baud):
    longest = f"ZCZC-EAS-RWT{'-006037' * 31}+0045-1600100-KLOX/NWS-"
    assert read(make(f"fsk:{longest}@-20:1:baud={baud}")) == [("same", longest)]


def test_three_bursts_together_say_what_none_of_them_does_alone():
    """As noise as strong as the tone; each burst alone has a wrong bit in a hundred."""
    told = [read(make(f"fsk:{HEADER}@-20", noise_dbfs=-20, seed=seed)) for seed in range(4)]
    assert told == [[("same", HEADER)]] * 4
    alone = [read(make(f"fsk:{HEADER}@-20:1", noise_dbfs=-20, seed=seed)) for seed in range(4)]
    assert [[label for label, _ in each] for each in alone] == [["same"]] * 4
    assert any(text != HEADER for ((_, text),) in alone)


def test_what_is_missing_from_one_burst_is_taken_from_the_others():
    samples = make(f"fsk:{HEADER}@-20")
    burst = round(FS_HZ * 8 * (16 + len(HEADER)) / 520.833)
    for k in range(3):
        hole = FS_HZ // 2 + k * (burst + FS_HZ) + round((0.4 + 0.2 * k) * burst)
        samples[hole : hole + 600] = 0
    assert read(samples) == [("same", HEADER)]


@pytest.mark.parametrize("times", [1, 2])
def test_a_header_that_follows_another_at_once_is_another_event(times):
    signal = f"fsk:{HEADER}@-20:{times},silence:1s,fsk:{OTHER}@-20:3"
    assert read(make(signal)) == [("same", HEADER), ("same", OTHER)]


def test_an_end_of_message_behind_one_burst_of_a_header_ends_that():
    assert read(make(f"fsk:{HEADER}@-20:1,silence:1s,fsk:NNNN@-20")) == [("same", HEADER), ("eom", "NNNN")]


def test_a_signal_that_ends_in_a_header_says_what_it_had():
    samples = make(f"fsk:{HEADER}@-20:1")
    stop = FS_HZ // 2 + round(FS_HZ * 8 * (16 + len(HEADER)) / 520.833)
    assert read(samples[: stop + 1]) == [("same", HEADER)]
    begin, end = hear(samples[: stop - 2000])
    assert (begin.phase, end.phase, end.text) == ("begin", "end", None)
    assert end.t_s + end.duration_s == pytest.approx((stop - 2000) / FS_HZ, abs=0.02)


def test_a_header_that_sounds_from_the_very_first_sample_is_read_whole():
    samples = make(f"fsk:{HEADER}@-20:1")[FS_HZ // 2 :]
    (told,) = streamer.detect(samples, FS_HZ, plan="eas")
    assert (told.text, round(told.t_s, 3)) == (HEADER, 0)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(5 * FS_HZ),
        0.05 * np.random.default_rng(1).normal(size=60 * FS_HZ),
        make("tone:2083.3@-20:3s"),
        make(
            "fsk:@@@@@@@@@@@@@@@@@@@@@@-20:preamble=ABx64".replace("@@", "+")
        ),  # a preamble, and no text of ours
        make(f"fsk:{HEADER}@-20:offset=10%"),
        make(f"fsk:{HEADER}@-20:mark=1200:space=2200"),
        make(f"fsk:{HEADER}@-20:mark=1562.5:space=2083.33"),
        make(f"fsk:{HEADER}@-20:baud=600"),
        make(f"fsk:{HEADER}@-20:preamble=5Ax16"),
    ],
    ids=["silence", "noise", "tone", "preamble", "pitch", "tones", "upside down", "baud", "another preamble"],
)
def test_what_is_no_header_is_not_taken_for_one(samples):
    assert hear(samples) == []


def test_headers_are_read_beside_what_else_sounds():
    beside = make("tone:853+960@-14:9s")
    samples = make(f"fsk:{HEADER}@-20")
    samples += beside[: samples.size]
    assert read(samples) == [("same", HEADER)]


@pytest.mark.parametrize("mode", ["plain", "NWS", "DIGITAL"])
def test_what_easgen_sends_is_read(mode):
    """Made by EASGen 0.1.9, genEAS without attention tone; two of the ways of encoders have bytes around a text."""
    path = Path(__file__).parent / "recordings" / f"easgen-{mode}.flac"
    with streamer.open_stream(str(path), bands="dtmf", plan="eas", speed=None) as stream:
        told = [item for item in stream if isinstance(item, Event) and item.phase == "end"]
    assert [(each.label, each.text, len(each.steps)) for each in told] == [
        ("same", "ZCZC-EAS-DMO-055079+0100-2420100-WACN/NWS-", 3),
        ("eom", "NNNN", 3),
    ]


@pytest.mark.skipif(not which("minimodem"), reason="minimodem is not here")
@pytest.mark.parametrize("rate", ["22050", "48000"])  # bits of whole samples: 0.8 and 0.2 % short
def test_what_minimodem_sends_is_read(tmp_path, rate):
    words = ["minimodem", "--tx", "same", "-R", rate, "-f", "sent.wav"]
    subprocess.run(words, input=HEADER.encode(), cwd=tmp_path, capture_output=True, check=True)
    with streamer.open_stream(str(tmp_path / "sent.wav"), bands="dtmf", plan="eas", speed=None) as stream:
        told = [item.text for item in stream if isinstance(item, Event) and item.phase == "end"]
    assert told == [HEADER]


@pytest.mark.skipif(not which("multimon-ng"), reason="multimon-ng is not here")
def test_what_generate_sends_multimon_ng_reads_too():
    samples = make(f"plan:eas/{HEADER}@-10", fs_hz=22050)
    pcm = (samples * 32767).astype("<i2").tobytes()
    words = ["multimon-ng", "-q", "-t", "raw", "-a", "EAS", "-"]
    said = subprocess.run(words, input=pcm, capture_output=True, check=True).stdout.decode()
    assert f"EAS: {HEADER}" in said


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_events_depend_on_the_samples_alone(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    texts = [(HEADER, OTHER, "NNNN", "ZCZC-WXR-")[k] for k in rng.integers(0, 4, size=2)]
    parts = [f"fsk:{t}@-20:{rng.integers(1, 4)},silence:{rng.uniform(0.2, 2):.3f}s" for t in texts]
    samples = make(",".join(parts), noise_dbfs=rng.uniform(-60, -17))[: rng.integers(FS_HZ, 20 * FS_HZ)]
    told = hear(samples)
    assert hear(samples, cuts=rng.integers(1, 700, size=4000).tolist()) == told
    assert all(a.known_sample <= b.known_sample for a, b in pairwise(told))
    stop_s = 0.0
    for begin, end in zip(told[::2], told[1::2], strict=True):
        assert (begin.phase, end.phase, begin.id, begin.label) == ("begin", "end", end.id, end.label)
        assert stop_s - 0.05 <= end.t_s
        assert end.duration_s > 0
        stop_s = end.t_s + end.duration_s


def test_other_tones_and_other_texts_are_a_plan_too():
    spec = FskSpec(
        name="ours",
        mark_hz=1200,
        space_hz=2200,
        baud=600,
        preamble="7E",
        preamble_bytes=6,
        bursts=1,
        texts=(TextSpec(label="id", pattern="UNIT [0-9]+;", example="UNIT 7;"),),
    )
    tones = "mark=1200:space=2200:baud=600:preamble=7Ex6"
    (begin, end) = hear(make(f"fsk:UNIT 42;@-20:1:{tones}"), spec=spec)
    assert (begin.label, end.text) == ("id", "UNIT 42;")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"baud": 5000.0}, "baud is 5000"),
        ({"space_hz": 100.0}, "space_hz is 100"),
        ({"space_hz": 2083.33}, "space_hz is 2083.33, as mark_hz"),
        ({"preamble": "XY"}, 'preamble is "XY"'),
        ({"preamble": "4A"}, 'texts has "ZCZC", whose first byte, 5A, is too much like preamble'),
        ({"texts": ()}, "texts is empty"),
        ({"texts": (TextSpec(label="x", pattern="NNNN"),) * 2}, 'texts has the label "x" twice'),
        ({"max_gap_ms": -1.0}, "max_gap_ms is -1"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(given, message):
    values = {"mark_hz": 2083.33, "space_hz": 1562.5, "baud": 520.83, "texts": SAME.texts, **given}
    with pytest.raises(SpecError, match=message):
        FskSpec(name="x", **values)


@pytest.mark.parametrize(
    ("pattern", "example", "message"),
    [
        ("ZCZC-(", "", "no regular expression"),
        ("[A-Z]{4}", "ABCD", "begins with at least 3 plain characters"),
        ("ABC*", "", "begins with at least 3 plain characters"),
        ("ABC|DEF", "", "begins with at least 3 plain characters"),
        ("ZCZC-[0-9]", "", "example is missing"),
        ("ZCZC-[0-9]", "ZCZC-A", 'example is "ZCZC-A", no such text'),
    ],
)
def test_a_text_that_cannot_be_meant_is_refused(pattern, example, message):
    with pytest.raises(SpecError, match=message):
        TextSpec(label="x", pattern=pattern, example=example)
