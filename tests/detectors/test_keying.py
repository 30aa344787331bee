import subprocess
from difflib import SequenceMatcher
from shutil import which

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import streamer
from streamer.analysis.bank import Levels
from streamer.base.errors import SpecError
from streamer.base.morse import CODES, LETTERS
from streamer.detectors.keying import KeyingDetector, KeyingSpec
from streamer.events import Event
from streamer.sources.synthetic.language import parse_signal
from tests.dtmf_bench.feeding import ArrayAudio, measure, run_detector

FS_HZ = 4000
SPEC = KeyingSpec(name="morse")


def key(
    text: str, *, hz: float = 700, wpm: float = 20, snr_db: float = 40, jitter: float = 0.0, seed: int = 3
):
    """Samples of text in Morse, half a second of noise before and a second behind; S/N in 0-4 kHz."""
    rng = np.random.default_rng(seed)
    dit = 1.2 / wpm * FS_HZ
    is_on = [np.zeros(FS_HZ // 2)]
    for word in text.split():
        for letter in word:
            for mark in CODES[letter]:
                n = (3 if mark == "-" else 1) * dit * max(1 + jitter * rng.normal(), 0.3)
                is_on += [np.ones(round(n)), np.zeros(round(dit))]
            is_on.append(np.zeros(round(2 * dit)))
        is_on.append(np.zeros(round(4 * dit)))
    keyed = np.concatenate([*is_on, np.zeros(FS_HZ)])
    tone = 0.1 * keyed * np.sin(2 * np.pi * hz * np.arange(keyed.size) / FS_HZ)
    noise_rms = 0.1 / np.sqrt(2) * 10 ** (-snr_db / 20) * np.sqrt(FS_HZ / 2 / 4000)
    return tone + noise_rms * rng.normal(size=keyed.size)


def hear(samples, cuts=None) -> list[Event]:
    return run_detector(KeyingDetector(SPEC, fs_hz=FS_HZ), samples, cuts=cuts)


def read(samples) -> str:
    return "".join(event.text for event in hear(samples))


def test_what_generate_sends_is_read():
    signal = parse_signal("silence:1s,morse:CQ DE K5@-20:25wpm:pitch=610,silence:1s+noise:-60", fs_hz=FS_HZ)
    assert read(signal.read()[:, 0]) == "CQ DE K5"


@pytest.mark.skipif(not which("ebook2cw"), reason="ebook2cw is not here")
def test_what_ebook2cw_sends_is_read(tmp_path):
    (tmp_path / "text.txt").write_text("PARIS DE SM0SVX 599\n")
    words = ["ebook2cw", "-w", "22", "-f", "640", "-s", "11025", "-o", "sent", "text.txt"]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    with streamer.open_stream(
        str(tmp_path / "sent0000.mp3"), bands="dtmf", plan="morse", speed=None
    ) as stream:
        events = [item for item in stream if isinstance(item, Event)]
    assert "".join(event.text for event in events) == "PARIS DE SM0SVX 599"


def test_codes_are_told_apart_and_paris_is_fifty_dits_long():
    assert len(LETTERS) == len(CODES)
    marks = sum(3 if mark == "-" else 1 for letter in "PARIS" for mark in CODES[letter])
    gaps = sum(len(CODES[letter]) - 1 + 3 for letter in "PARIS") - 3 + 7
    assert marks + gaps == 50


@pytest.mark.parametrize(("wpm", "hz"), [(10, 410), (20, 700.3), (35, 1190)])
def test_text_is_read_at_any_pitch_and_speed(wpm, hz):
    events = hear(key("THE CQ DE K5 599", wpm=wpm, hz=hz))
    assert "".join(event.text for event in events) == "THE CQ DE K5 599"
    assert {(event.type, event.phase, event.label) for event in events} == {("match", "end", "morse")}
    assert events[-1].freqs_hz == pytest.approx([hz], abs=1)
    assert events[-1].detail["wpm"] == pytest.approx(wpm, rel=0.05)
    assert events[-1].level_dbfs == pytest.approx(-20, abs=1)


def test_a_letters_own_start_and_length_are_told():
    events = hear(key("PARIS"))
    assert events[0].t_s == pytest.approx(0.5, abs=0.005)
    assert events[0].duration_s == pytest.approx(11 * 0.06, abs=0.01)  # .--.


def test_a_letter_is_known_soon_after_its_end():
    events = hear(key("PARIS PARIS PARIS"))
    late_dits = [(e.known_sample / FS_HZ - e.t_s - e.duration_s) / 0.06 for e in events[8:]]
    assert max(late_dits) <= 3.7


def test_text_is_read_6_db_under_the_noise_and_by_hand():
    assert "BROWN FOX" in read(key("QUICK BROWN FOX", snr_db=-6))
    assert read(key("QUICK BROWN FOX", jitter=0.1)) == "QUICK BROWN FOX"


def test_of_text_9_db_under_the_noise_nine_letters_of_ten_are_read():
    text = "QUICK BROWN FOX JUMPS DE SM0SVX"
    n_right = 0
    for seed in range(12):
        said = read(key(text, snr_db=-9, seed=100 + seed))
        n_right += sum(
            block.size for block in SequenceMatcher(None, text, said, autojunk=False).get_matching_blocks()
        )
    assert n_right >= 0.92 * 12 * len(text)


def test_text_is_read_through_fading_of_18_db():
    samples = key("PARIS FOX HERE QUICK BROWN DOG", wpm=18)
    swing = np.sin(2 * np.pi * np.arange(samples.size) / FS_HZ / 4)
    assert read(samples * 10 ** ((swing - 1) * 18 / 40)) == "PARIS FOX HERE QUICK BROWN DOG"


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(5 * FS_HZ),
        0.05 * np.random.default_rng(1).normal(size=60 * FS_HZ),
        0.1 * np.sin(2 * np.pi * 700 * np.arange(8 * FS_HZ) / FS_HZ),
        key("EEEEEEEEEEEEEEEE"),  # beeps that are all alike
        key("TTTTTTTTTTTTTT"),
    ],
    ids=["silence", "noise", "a tone", "short beeps", "long beeps"],
)
def test_what_is_no_morse_is_not_read(samples):
    assert hear(samples) == []


@pytest.mark.parametrize("pause_s", [1.0, 20.0])  # 20: forgotten meanwhile, and found anew
def test_a_word_begins_with_a_space_however_long_the_pause_before_it(pause_s):
    text = key("CQ DE TEST")
    assert read(np.concatenate([text, np.zeros(round(pause_s * FS_HZ)), text])) == "CQ DE TEST CQ DE TEST"


@pytest.mark.parametrize(("faint", "text"), [(0.23, "CQ DE TEST"), (0.6, "CQ DE TEST E")])
def test_a_dit_of_noise_behind_the_last_word_is_no_letter(faint, text):
    samples = key("CQ DE TEST", snr_db=0)
    n = round(0.05 * FS_HZ)
    at = samples.size - round(
        0.92 * FS_HZ
    )  # 8 dits behind the last letter, where noise peaks 4 times its RMS
    samples[at : at + n] += 0.1 * faint * np.sin(2 * np.pi * 700 * np.arange(at, at + n) / FS_HZ)
    assert read(samples) == text


def test_a_letter_that_lost_some_of_its_samples_is_not_told_as_another():
    samples = key("BBBBB BBBBB BBBBB").astype(np.float32)  # cut, it would be D, N, T, S, I, E, TS ...
    for cut_ms in range(0, 720, 120):  # a B and the gap behind it are 720 ms long
        detector = KeyingDetector(SPEC, fs_hz=FS_HZ)
        values, first = measure(samples, detector.analysis), 1000 + cut_ms // 4  # frames of 4 ms
        events: list[Event] = []
        for start, stop in ((0, first), (first + 50, len(values))):
            levels = Levels(
                analysis=detector.analysis, channel=1, first_frame=start, values=values[start:stop]
            )
            events += detector.feed(levels, ArrayAudio(samples))
        told = [event.text.strip() for event in [*events, *detector.flush()] if event.text]
        assert set(told) == {"B"}, cut_ms
        assert len(told) >= 13


def test_the_first_letter_is_read_whole_where_it_takes_long_to_be_sure():
    assert (
        read(key("HERE HERE JUMPS", wpm=23)) == "HERE HERE JUMPS"
    )  # few dahs: sure from the fourth second on


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_letters_depend_on_the_samples_alone(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    samples = key(
        "CQ DE K5", wpm=rng.uniform(12, 35), hz=rng.uniform(420, 1180), snr_db=rng.uniform(-9, 30), seed=seed
    )
    told = hear(samples)
    assert hear(samples, cuts=rng.integers(1, 90, size=4000).tolist()) == told
    assert all(event.duration_s > 0 for event in told)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_pitch_hz": 100.0}, "min_pitch_hz is 100"),
        ({"min_wpm": 40, "max_wpm": 20}, "min_wpm is 40"),
        ({"min_letters": 1}, "min_letters is 1"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(given, message):
    with pytest.raises(SpecError, match=message):
        KeyingSpec(name="x", **given)


@pytest.mark.parametrize("text", ["CQ DE K5", "TEST TEST", "PARIS ANNA"])
def test_a_letter_that_sounds_from_the_very_first_sample_is_read_whole(text):
    heard = streamer.detect(key(text)[FS_HZ // 2 :], FS_HZ, plan="morse")
    assert "".join(event.text or "" for event in heard) == text
    assert heard[0].t_s < 0.01
