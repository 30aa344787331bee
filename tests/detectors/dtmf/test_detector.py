from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.bank import Levels
from streamer.base.errors import SpecError
from streamer.detectors.dtmf.detector import DtmfDetector
from streamer.detectors.dtmf.spec import DIGITS, HIGH_HZ, LOW_HZ, PRESETS, DtmfSpec
from streamer.detectors.dtmf.verdict import Reject
from streamer.events import Event
from streamer.judge import material as m
from streamer.judge.dtmf import align
from streamer.judge.rooms import across, mirrored_room
from tests.dtmf_bench.feeding import measure, run_detector

FS_HZ = m.FS_HZ
ALL = "".join(DIGITS)


def hear(samples, spec: DtmfSpec | None = None, *, fs_hz: float = FS_HZ, cuts=None) -> list[Event]:
    return run_detector(DtmfDetector(spec or DtmfSpec(), fs_hz=fs_hz), samples, cuts=cuts)


def digits(events: list[Event]) -> str:
    """Those told in full; that each began before it ended is checked on the way."""
    begun = [event.id for event in events if event.phase == "begin"]
    ended = [event.id for event in events if event.phase == "end"]
    assert begun == sorted(set(begun)) == sorted(ended)
    return "".join(event.label for event in events if event.phase == "end")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def dial_at(fs_hz: int, keys: str, *, on_ms: float = 40, off_ms: float = 40) -> np.ndarray:
    parts = [np.zeros(fs_hz // 5)]
    for key in keys:
        row = next(i for i, keys_of_row in enumerate(DIGITS) if key in keys_of_row)
        n = np.arange(round(on_ms * fs_hz / 1000))
        for_column = HIGH_HZ[DIGITS[row].index(key)]
        parts.append(
            0.2 * np.sin(2 * np.pi * LOW_HZ[row] * n / fs_hz)
            + 0.2 * np.sin(2 * np.pi * for_column * n / fs_hz + 1)
        )
        parts.append(np.zeros(round(off_ms * fs_hz / 1000)))
    return np.concatenate([*parts, np.zeros(fs_hz // 5)])


@pytest.mark.parametrize("fs_hz", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_all_digits_are_heard_at_any_sample_rate(fs_hz):
    assert digits(hear(dial_at(fs_hz, ALL), fs_hz=fs_hz)) == ALL


def test_a_digit_is_told_with_true_figures(rng):
    samples = np.concatenate([m.silence(200), m.key(rng, "6", 83, dbfs=-12, twist_db=-3), m.silence(200)])
    begin, end = hear(samples)
    assert (begin.label, begin.phase, end.phase, begin.id, end.id) == ("6", "begin", "end", 1, 1)
    assert end.t_s == pytest.approx(0.2, abs=0.001)
    assert end.sample == pytest.approx(1600, abs=8)
    assert end.duration_s == pytest.approx(0.083, abs=0.001)
    assert end.freqs_hz == pytest.approx([770, 1477], abs=0.5)
    assert end.twist_db == pytest.approx(-3, abs=0.1)
    assert end.level_dbfs == pytest.approx(10 * np.log10(10**-1.2 + 10**-1.5), abs=0.1)
    assert end.confidence is not None
    assert end.confidence > 0.95


def test_snr_is_the_weaker_tone_over_noise_in_58_hz(rng):
    samples = m.dial(rng, "5", on_ms=400, dbfs=-20)
    samples += m.noise(rng, samples.size, 10 ** (-20 / 10) / 2 / 10)  # 10 dB in 4 kHz
    end = hear(samples)[-1]
    assert end.snr_db == pytest.approx(10 + 10 * np.log10(4000 / (1.5 * 1000 / 26)), abs=1.5)


def test_a_begin_comes_within_15_ms_of_the_least_length_and_an_end_within_45(rng):
    samples = np.concatenate([m.silence(200), m.key(rng, "1", 60), m.silence(200)])
    begin, end = hear(samples)
    assert begin.known_sample / FS_HZ <= 0.2 + 0.030 + 0.015
    assert end.known_sample / FS_HZ <= 0.26 + 0.045


def test_a_long_digit_is_one_and_as_long_as_it_was(rng):
    (_, end) = hear(m.dial(rng, "3", on_ms=4000))
    assert end.duration_s == pytest.approx(4, abs=0.002)


@pytest.mark.parametrize(
    ("on_ms", "off_ms", "keys", "heard"),
    [
        (40, 40, "1123", "1123"),
        (30, 40, "5555", "5555"),
        (26, 40, "5555", ""),  # too short
        (60, 30, "55", "55"),  # a pause
        (60, 20, "55", "5"),  # a hole
        (20, 20, "555555", ""),  # a train of bursts, none of them a digit
        (60, 0, "1236987", "1236987"),  # keys that touch and share a tone
        (60, 0, "159D", "159D"),
    ],
)
def test_lengths_and_pauses(on_ms, off_ms, keys, heard, rng):
    assert digits(hear(m.dial(rng, keys, on_ms=on_ms, off_ms=off_ms))) == heard


@pytest.mark.parametrize("percent", [-1.8, 1.8])
def test_a_tone_off_by_1_8_percent_is_accepted(percent, rng):
    low, high = m.TONES_HZ["9"]
    samples = np.concatenate(
        [
            m.silence(100),
            m.pair(rng, low * (1 + percent / 100), high * (1 + percent / 100), 50),
            m.silence(200),
        ]
    )
    assert digits(hear(samples)) == "9"


@pytest.mark.parametrize("percent", [-3, 3])
@pytest.mark.parametrize("tone", [0, 1])
def test_a_tone_off_by_3_percent_is_refused(percent, tone, rng):
    hz = list(m.TONES_HZ["9"])
    hz[tone] *= 1 + percent / 100
    assert hear(np.concatenate([m.silence(100), m.pair(rng, *hz, 300), m.silence(200)])) == []


@pytest.mark.parametrize(("twist_db", "heard"), [(-10, "7"), (7, "7"), (-14, ""), (11, "")])
def test_twist(twist_db, heard, rng):
    assert digits(hear(m.dial(rng, "7", twist_db=twist_db))) == heard


@pytest.mark.parametrize(
    ("preset", "dbfs", "heard"), [("q24-att", -58, ""), ("q24-ntt", -32.5, ""), ("default", -60, "2")]
)
def test_presets_have_their_own_least_level(preset, dbfs, heard, rng):
    assert digits(hear(m.dial(rng, "2", dbfs=dbfs), PRESETS[preset])) == heard


@pytest.mark.parametrize(
    ("preset", "dbfs", "twist_db", "percent"),
    [
        ("q24-att", -25 - 3.14, -8, 1.5),
        ("q24-att", -25 - 3.14, 4, -1.5),
        ("q24-ntt", -24 - 3.14 + 5, -5, 1.8),
        ("q24-ntt", -24 - 3.14 + 5, 5, -1.8),
        ("etsi", -30, 0, 1.79),
        ("lenient", -58, -14, 2.7),
    ],
)
def test_presets_accept_all_that_their_source_asks_for(preset, dbfs, twist_db, percent, rng):
    for key in ALL:
        hz = [f * (1 + percent / 100) for f in m.TONES_HZ[key]]
        burst = m.pair(rng, *hz, 40, dbfs=dbfs, twist_db=twist_db)
        samples = np.concatenate([m.silence(100 + rng.uniform(0, 5)), burst, m.silence(150)])
        assert digits(hear(samples, PRESETS[preset])) == key


def test_only_the_digits_asked_for_are_told(rng):
    assert digits(hear(m.dial(rng, "1A2B3"), DtmfSpec(digits="0123456789"))) == "123"


def test_noise_at_the_tones_own_power_does_no_harm(rng):
    keys = m.random_digits(rng, 40)
    samples = m.dial(rng, keys, dbfs=-20)
    assert digits(hear(samples + m.noise(rng, samples.size, 10**-2 / 2))) == keys


def test_a_dial_tone_16_db_over_the_digits_does_no_harm(rng):
    samples = m.dial(rng, ALL, dbfs=-30)
    dial_tone = m.sine(350, samples.size, dbfs=-14) + m.sine(440, samples.size, dbfs=-14, phase_rad=1)
    assert digits(hear(samples + dial_tone)) == ALL


@pytest.mark.parametrize("dbfs", [-40, -10])
def test_noise_is_no_digit(dbfs, rng):
    assert hear(m.noise(rng, 60 * FS_HZ, 10 ** (dbfs / 10))) == []


def test_silence_and_single_tones_are_no_digits():
    assert hear(np.zeros(5 * FS_HZ)) == []
    for hz in LOW_HZ + HIGH_HZ:
        assert hear(np.concatenate([m.silence(100), m.sine(hz, FS_HZ // 5, dbfs=-6), m.silence(100)])) == []


def test_tones_that_do_not_start_together_are_no_digit():
    samples = np.zeros(FS_HZ // 2)
    samples[1000:1800] += m.sine(697, 800, dbfs=-12)
    samples[1150:1950] += m.sine(1209, 800, dbfs=-12)
    detector = DtmfDetector(DtmfSpec(), fs_hz=FS_HZ)
    assert run_detector(detector, samples) == []
    assert set(detector.rejections) == {Reject.START_SKEW}


def test_what_is_refused_is_told_to_who_asks(rng):
    told = []
    detector = DtmfDetector(DtmfSpec(), fs_hz=FS_HZ)
    detector.explain(lambda sample, digit, refusal: told.append((sample, digit, refusal)))
    run_detector(detector, m.dial(rng, "4", on_ms=26))
    ((sample, digit, refusal),) = told
    assert (digit, refusal.reject, refusal.limit) == ("4", Reject.SHORT, 28.5)
    assert refusal.value == pytest.approx(26, abs=1)
    assert detector.rejections == {"shorter than min_on": 1}
    assert sample == pytest.approx(0.15 * FS_HZ, abs=0.04 * FS_HZ)


def test_a_digit_cut_off_by_the_end_of_the_signal_is_told(rng):
    samples = np.concatenate([m.silence(100), m.key(rng, "8", 60)])
    events = hear(samples)
    assert digits(events) == "8"
    assert events[-1].duration_s == pytest.approx(0.06, abs=0.003)


def test_a_gap_ends_a_digit_and_ids_go_on(rng):
    samples = np.concatenate([m.silence(100), m.key(rng, "8", 60)])
    detector = DtmfDetector(DtmfSpec(), fs_hz=FS_HZ)
    events = run_detector(detector, samples) + run_detector(detector, samples)  # frames start again from 0
    assert digits(events) == "88"
    assert [event.id for event in events] == [1, 1, 2, 2]


class NoAudio:
    def read(self, start_sample: int, stop_sample: int) -> None:
        """All of it gone already."""


def test_a_digit_whose_samples_are_gone_is_counted_not_guessed(rng):
    detector = DtmfDetector(DtmfSpec(), fs_hz=FS_HZ)
    samples = m.dial(rng, "5").astype(np.float32)
    levels = Levels(
        analysis=detector.analysis, channel=1, first_frame=0, values=measure(samples, detector.analysis)
    )
    assert detector.feed(levels, NoAudio()) == []
    assert detector.rejections == {Reject.GONE: 1}


def test_confidence_falls_as_noise_rises(rng):
    confidences = []
    for snr_db in (40, 10, 0):
        samples = m.dial(rng, "5" * 20, dbfs=-20)
        samples += m.noise(rng, samples.size, 10 ** ((-20 - snr_db) / 10) / 2)
        events = hear(samples)
        assert digits(events) == "5" * 20
        confidences.append(np.mean([event.confidence for event in events]))
    assert 1 >= confidences[0] > confidences[1] > confidences[2] >= 0.5


def make_scene() -> np.ndarray:
    rng = np.random.default_rng(3)
    samples = np.concatenate(
        [m.dial(rng, "159#", on_ms=45), m.dial(rng, "42", on_ms=60, off_ms=0), m.key(rng, "7", 90)]
    )
    samples += m.noise(rng, samples.size, 2e-4)
    samples[3000:6000] += m.sine(440, 3000, dbfs=-8)
    return samples


SCENE = make_scene()
SCENE_EVENTS = hear(SCENE)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 90), min_size=1, max_size=200))
def test_events_do_not_depend_on_how_levels_are_cut(cuts):
    assert hear(SCENE, cuts=cuts) == SCENE_EVENTS


def test_events_frame_by_frame_are_those_of_one_run():
    assert digits(SCENE_EVENTS) == "159#427"
    assert hear(SCENE, cuts=[1] * 10_000) == SCENE_EVENTS
    assert hear(SCENE, cuts=[100_000]) == SCENE_EVENTS


def test_events_come_in_the_order_in_which_they_became_known():
    known = [event.known_sample for event in SCENE_EVENTS]
    assert known == sorted(known)


@settings(max_examples=30, deadline=None)
@given(
    key=st.sampled_from(ALL),
    on_ms=st.floats(40, 200),
    dbfs=st.floats(-55, -3),
    twist_db=st.floats(-8, 4),
    percent=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
    seed=st.integers(0, 99),
)
def test_whatever_q24_says_must_be_accepted_is(key, on_ms, dbfs, twist_db, percent, seed):
    rng = np.random.default_rng(seed)
    hz = [f * (1 + p / 100) for f, p in zip(m.TONES_HZ[key], percent, strict=True)]
    burst = m.pair(rng, *hz, on_ms, dbfs=dbfs, twist_db=twist_db)
    samples = np.concatenate([m.silence(rng.uniform(50, 80)), burst, m.silence(100)])
    samples += m.noise(
        rng, samples.size, 10 ** ((dbfs + min(0, -abs(twist_db)) - 15) / 10) / 2
    )  # Q.24: 15 dB
    assert digits(hear(samples)) == key


@settings(max_examples=25, deadline=None)
@given(
    samples=st.builds(
        lambda seed, scale, hold: (
            np.repeat(np.random.default_rng(seed).normal(size=4000 // hold + 1), hold) * 10**scale
        ),
        st.integers(0, 10_000),
        st.floats(-6, 3),
        st.integers(1, 60),
    )
)
def test_any_signal_at_all_gives_events_that_make_sense(samples):
    for event in hear(samples):
        assert event.t_s >= -0.02
        assert event.known_sample <= samples.size
        assert event.duration_s is None or event.duration_s >= 0.02


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digits": "12X"}, 'digits is "12X"'),
        ({"digits": ""}, "must hold some of"),
        ({"min_on_ms": 1}, "min_on_ms is 1; it must lie in 20..1000"),
        ({"max_deviation": 0.1}, "max_deviation is 0.1"),
        ({"min_level_dbfs": 3}, "min_level_dbfs is 3"),
        ({"max_skew_ms": float("nan")}, "max_skew_ms is nan"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(change, message):
    with pytest.raises(SpecError, match=message):
        replace(DtmfSpec(), **change)


def test_a_rate_too_low_for_the_tones_is_refused():
    with pytest.raises(SpecError, match="1633"):
        DtmfDetector(DtmfSpec(), fs_hz=3000)


def test_two_tones_that_glide_across_a_key_in_a_digits_time_are_none():
    """770 to 845 Hz and 1640 to 1411 Hz in 132 ms: near the key B for 34 ms, as which it was taken."""
    ms, heard = 132, []
    for k in range(60):
        shift = 1 + (k - 30) / 3000
        sweeps = [np.linspace(low * shift, high * shift, ms * 8) for low, high in ((766, 845), (1645, 1411))]
        tones = [0.2 * np.sin(2 * np.pi * np.cumsum(hz) / FS_HZ + k) for hz in sweeps]
        heard += hear(np.concatenate([m.silence(150), np.sum(tones, axis=0), m.silence(150)]))
    assert heard == []


RECORDINGS = Path(__file__).parent / "recordings"  # of the digits, made by other people's encoders


def test_harmonics_of_voices_that_lie_on_a_keys_tones_while_they_move_are_no_digits():
    """Six half seconds of the bench's voices made pulse by pulse, which were taken for 0, 1, 1, 7, * and 4."""
    samples, fs_hz = soundfile.read(RECORDINGS / "voices.flac")
    assert digits(hear(samples, fs_hz=fs_hz)) == ""


# Through speech codecs, across rooms.


@pytest.mark.parametrize("name", ["gsm.wav", "opus-6k.opus"])
def test_every_digit_of_a_recording_through_a_speech_codec_is_heard_once(name):
    samples, fs_hz = soundfile.read(RECORDINGS / name)
    events = run_detector(DtmfDetector(DtmfSpec(), fs_hz=fs_hz), samples)
    assert digits(events) == (RECORDINGS / "digits.txt").read_text().strip()


@pytest.mark.parametrize("drr_db", [0, -3, -6])
def test_digits_across_a_room_are_heard_once(drr_db):
    room_rng = np.random.default_rng(4)
    keys = m.random_digits(room_rng, 36)
    samples = np.append(m.dial(room_rng, keys, on_ms=100, off_ms=100), m.silence(400))
    heard = across(mirrored_room(room_rng, rt60_s=0.4, drr_db=drr_db), samples)
    right, extra = align(keys, digits(hear(heard)))
    assert right >= (34 if drr_db == -6 else 35)
    assert extra <= 1


@pytest.mark.parametrize("twist_db", [-17.5, -16, 16, 17.5])
def test_a_long_sharp_pair_that_is_alone_may_have_the_twist_of_a_loudspeaker(twist_db, rng):
    keys = "1596#D"
    samples = m.dial(rng, keys, on_ms=120, off_ms=100, twist_db=twist_db)
    samples += m.noise(rng, samples.size, 10**-7)
    assert digits(hear(samples)) == keys
    assert hear(samples, PRESETS["q24-att"]) == []


def test_a_tone_that_goes_on_while_another_beeps_is_no_digit():
    samples = m.sine(770, FS_HZ, dbfs=-18)
    samples[2000:3600] += m.sine(1336, 1600, dbfs=-12)
    assert hear(samples) == []


# Chords.


def strike(rng, key: str, third_hz: float, under_db: float, ms: float) -> np.ndarray:
    """A key and a third tone, that come and go together."""
    burst = m.key(rng, key, ms, dbfs=-12)
    third = m.sine(third_hz, burst.size, dbfs=-12 - under_db, phase_rad=rng.uniform(0, 6))
    return np.concatenate([m.silence(150), burst + third, m.silence(200)])


@pytest.mark.parametrize("under_db", [0, 2, 4, 6, 8, 10])
@pytest.mark.parametrize(("key", "third_hz"), [("1", 770), ("5", 1209), ("#", 852), ("*", 1477), ("A", 1477)])
def test_a_third_tone_of_the_keypad_makes_a_pair_ambiguous(key, third_hz, under_db, rng):
    for ms in (40, 80, 350):
        assert hear(strike(rng, key, third_hz, under_db, ms)) == []


@pytest.mark.parametrize("under_db", [0, 3, 6])
@pytest.mark.parametrize("third_hz", [400, 620, 1000, 2100, 3000])
def test_a_chord_is_no_key(third_hz, under_db, rng):
    for key, ms in (("1", 45), ("6", 100), ("0", 350)):
        assert hear(strike(rng, key, third_hz, under_db, ms)) == []


def test_a_tone_far_under_the_pair_or_there_before_and_after_does_no_harm(rng):
    assert digits(hear(strike(rng, "5", 1477, 16, 80))) == "5"
    assert digits(hear(strike(rng, "5", 2100, 12, 80))) == "5"
    samples = m.dial(rng, ALL, on_ms=60, dbfs=-15)
    assert digits(hear(samples + m.sine(1000, samples.size, dbfs=-12))) == ALL


def test_the_distortion_of_a_pair_is_no_third_tone(rng):
    """2 * 1209 - 941 = 1477, a tone of another key."""
    samples = np.clip(m.dial(rng, "*4*", on_ms=60, dbfs=0) * 2, -1, 1)
    assert digits(hear(samples)) == "*4*"


def test_a_chord_is_told_as_such_to_who_asks(rng):
    told = []
    detector = DtmfDetector(DtmfSpec(), fs_hz=FS_HZ)
    detector.explain(lambda _sample, digit, refusal: told.append((digit, refusal.reject)))
    run_detector(detector, strike(rng, "1", 1000, 3, 80))
    assert told == [("1", Reject.CHORD)]


@pytest.mark.parametrize("preset", ["default", "q24-att"])
@pytest.mark.parametrize(
    ("twist_db", "reject"),
    [(20, Reject.HIGH_STRONGER), (-20, Reject.LOW_STRONGER), (23, Reject.HIGH_STRONGER)],
)
def test_a_pair_refused_for_its_twist_is_told_so_however_far_it_is(preset, twist_db, reject, rng):
    told = []
    detector = DtmfDetector(PRESETS[preset], fs_hz=FS_HZ)
    detector.explain(lambda _sample, digit, refusal: told.append((digit, refusal.reject)))
    run_detector(detector, m.dial(rng, "7", on_ms=100, twist_db=twist_db))
    assert told == [("7", reject)]


def test_a_faint_digit_right_after_a_loud_one_is_told_with_little_confidence(rng):
    """Crosstalk, or the echo of another key."""
    loud, faint = m.key(rng, "3", 145, dbfs=-6), m.key(rng, "0", 150, dbfs=-51)
    samples = np.concatenate(
        [m.silence(150), loud, m.silence(60), faint, m.silence(3000), faint, m.silence(150)]
    )
    samples += m.noise(rng, samples.size, 10**-6.2)
    ends = [event for event in hear(samples) if event.phase == "end"]
    assert [event.label for event in ends] == ["3", "0", "0"]
    assert ends[0].confidence > 0.95
    assert ends[1].confidence < 0.3
    assert ends[2].confidence > 0.9  # by itself it is a digit as any
