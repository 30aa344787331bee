"""The bench in small: enough trials to notice that something broke, on material anybody can make."""

import pytest

from tests.dtmf_bench import material as m
from tests.dtmf_bench.cases import CASES, align, errors, pieces
from tests.dtmf_bench.codecs import CODECS
from tests.dtmf_bench.decoders import FINDERS, find_decoders, streamer

RECORDED = (
    "speech",
    "recorded",
    "same at 4 speeds",
    "music",
    "synthetic voices",
)  # need Debian's sounds and voices
CODED = [
    case for case in CASES if case.name.endswith(": right % / extra in 1000")
]  # need other people's encoders
MADE = [case for case in CASES if case not in CODED and not any(word in case.name for word in RECORDED)]


@pytest.mark.parametrize("case", MADE, ids=lambda case: case.name)
def test_ours_meets(case):
    figures = case.measure(streamer, 0.02)
    assert case.meets(figures), f"{case.name}: {case.show(figures)}, must {case.target}"


@pytest.mark.parametrize("name", ["GSM 06.10", "AMR 5.9k", "Opus 8k", "G.723.1 6.3k", "Speex 5.95k"])
def test_digits_through_a_speech_codec_are_heard(name):
    if not CODECS[name].is_here():
        pytest.skip(f"no encoder for {name} here")
    (case,) = (case for case in CODED if case.name.startswith(name + ":"))
    figures = case.measure(streamer, 0.02)
    assert case.meets(figures), f"{case.name}: {case.show(figures)}, must {case.target}"


@pytest.mark.parametrize(
    ("heard", "right", "extra"), [("123", 3, 0), ("1123", 3, 1), ("13", 2, 0), ("", 0, 0), ("321", 1, 2)]
)
def test_digits_right_and_extra_are_counted_apart(heard, right, extra):
    assert align("123", heard) == (right, extra)


def test_no_case_is_left_out():
    assert len(CASES) == 35 + len(CODECS) + 1 + 3 + 1
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(CODED) == len(CODECS)
    assert len(MADE) == len(CASES) - 9 - len(CODED)


@pytest.mark.parametrize(
    ("digits", "wrong"), [("123", 0), ("12", 1), ("1234", 1), ("", 3), ("321", 2), ("124", 1)]
)
def test_errors_are_digits_missing_wrong_or_too_many(digits, wrong):
    assert errors(lambda _samples: digits, m.silence(10), "123") == wrong


def test_pieces_hold_all_of_a_signal_or_the_part_asked_for():
    signal = m.silence(1000 * 700)
    assert [piece.size for piece in pieces(signal, 1)] == [2_400_000, 2_400_000, 800_000]
    assert sum(piece.size for piece in pieces(signal, 0.5)) == 2_800_000


@pytest.mark.parametrize("name", [name for name in FINDERS if find_decoders([name])])
def test_decoders_that_are_installed_hear_plain_digits(name):
    decoder = find_decoders([name])[name]
    assert decoder(m.dial(m.np.random.default_rng(1), "159#", on_ms=80, off_ms=80)) == "159#"
