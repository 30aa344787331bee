"""The bench in small: enough trials to notice that something broke, on material anybody can make."""

import pytest

from tests.dtmf_bench import material as m
from tests.dtmf_bench.cases import CASES, errors, pieces
from tests.dtmf_bench.decoders import FINDERS, find_decoders, streamer

RECORDED = (
    "speech",
    "recorded",
    "same at 4 speeds",
    "music",
    "synthetic voices",
)  # need Debian's sounds and voices
MADE = [case for case in CASES if not any(word in case.name for word in RECORDED)]


@pytest.mark.parametrize("case", MADE, ids=lambda case: case.name)
def test_ours_meets(case):
    figures = case.measure(streamer, 0.02)
    assert case.meets(figures), f"{case.name}: {case.show(figures)}, must {case.target}"


def test_no_case_is_left_out():
    assert len(CASES) == 33
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(MADE) == len(CASES) - 6


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
