"""The bench in small: enough trials to notice that something broke, on material anybody can make."""

import pytest

from streamer.judge import material as m
from streamer.judge.codecs import CODECS
from streamer.judge.decoders import find_decoders
from streamer.judge.decoders.ours import Streamer
from streamer.judge.dtmf import DTMF, LINES, align, errors, hear
from streamer.judge.judge import Judge, Terms

RECORDED = (
    "speech",
    "recorded",
    "same at 4 speeds",
    "music",
    "synthetic voices",
)  # need Debian's sounds and voices
CODED = [
    line for line in LINES if line.name.endswith(": right % / extra in 1000")
]  # need other people's encoders
MADE = [line for line in LINES if line not in CODED and not any(word in line.name for word in RECORDED)]


@pytest.mark.parametrize("line", MADE, ids=lambda line: line.name)
def test_ours_meets(line):
    figures = line.measure(Judge(family=DTMF, decoder=Streamer(), terms=Terms(scale=0.02)))
    assert line.is_met(figures), f"{line.name}: {line.show(figures)}, must {line.must}"


@pytest.mark.parametrize("name", ["GSM 06.10", "AMR 5.9k", "Opus 8k", "G.723.1 6.3k", "Speex 5.95k"])
def test_digits_through_a_speech_codec_are_heard(name):
    if not CODECS[name].is_here():
        pytest.skip(f"no encoder for {name} here")
    (line,) = (line for line in CODED if line.name.startswith(name + ":"))
    figures = line.measure(Judge(family=DTMF, decoder=Streamer(), terms=Terms(scale=0.02)))
    assert line.is_met(figures), f"{line.name}: {line.show(figures)}, must {line.must}"


@pytest.mark.parametrize(
    ("heard", "right", "extra"), [("123", 3, 0), ("1123", 3, 1), ("13", 2, 0), ("", 0, 0), ("321", 1, 2)]
)
def test_digits_right_and_extra_are_counted_apart(heard, right, extra):
    assert align("123", heard) == (right, extra)


def test_no_case_is_left_out():
    assert len(LINES) == 35 + len(CODECS) + 1 + 3 + 1
    assert len({line.name for line in LINES}) == len(LINES)
    assert len(CODED) == len(CODECS)
    assert len(MADE) == len(LINES) - 9 - len(CODED)


@pytest.mark.parametrize(
    ("digits", "wrong"), [("123", 0), ("12", 1), ("1234", 1), ("", 3), ("321", 2), ("124", 1)]
)
def test_errors_are_digits_missing_wrong_or_too_many(digits, wrong):
    assert errors(digits, "123") == wrong


def test_pieces_hold_all_of_a_signal_or_the_part_asked_for():
    signal = m.silence(1000 * 700)
    whole, half = (Judge(family=DTMF, decoder=Streamer(), terms=Terms(scale=scale)) for scale in (1, 0.5))
    assert [piece.size for piece in whole.pieces(signal)] == [2_400_000, 2_400_000, 800_000]
    assert sum(piece.size for piece in half.pieces(signal)) == 2_800_000


@pytest.mark.parametrize("name", ["streamer", "spandsp", "multimon-ng", "pydtmf"])
def test_decoders_that_are_installed_hear_plain_digits(name):
    found, missing = find_decoders([name])
    if missing:
        pytest.skip(f"no {name} here")
    judge = Judge(family=DTMF, decoder=found[name])
    assert hear(judge, [m.dial(m.np.random.default_rng(1), "159#", on_ms=80, off_ms=80)]) == ["159#"]
