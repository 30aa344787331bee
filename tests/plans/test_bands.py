from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.analysis.bank import Bank
from streamer.base.errors import SpecError
from streamer.plans.band_words import MAX_BANDS, list_words
from streamer.plans.bands import explain_words, make_bank, parse_bank


def freqs_of(spec, fs_hz=None):
    return list(parse_bank(spec, fs_hz).freqs_hz)


def test_what_is_named_twice_is_measured_once_and_keeps_its_telling_names():
    bank = parse_bank("440+notes:A4+440.0+dtmf+697")
    assert len(bank) == 9
    assert bank.labels[0] == "A4"
    assert bank.labels[1] == "697"


def test_one_tone_in_two_families_has_both_names():
    assert parse_bank("zvei1+ccir").labels[-2:] == ("zvei1 E", "zvei1 A")
    assert "zvei1 0/ccir A" in parse_bank("zvei1+ccir").labels


@pytest.mark.parametrize(
    ("spec", "band"), [("100,9k", "9000"), ("third-octave:50-10k", "10k"), ("bark", "8500")]
)
def test_a_band_at_or_above_nyquist_is_named(spec, band):
    with pytest.raises(SpecError, match=rf"band {band} is .* below 8000 Hz: leave it out, or take a higher"):
        parse_bank(spec, 16000)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "thrid-octave:50-8k",
            r'"thrid-octave" is not known; did you mean third-octave\? There are .* and lin, log,',
        ),
        ("foo", r'"foo" is not known; there are frequencies such as 697,770'),
        ("", "nothing on one side of a"),
        ("dtmf+", "nothing on one side of a"),
        ("697,,770", 'a band is ""'),
        ("-5", 'a band is "-5"'),
        ("0", 'a band is "0"'),
        ("lin:100-1000", r"lin needs a range and then a number, .* write lin:100-1000:10"),
        ("lin:1-1e9:0.001", r"asks for \d+ bands; at most 65536"),
        ("lin:1-2:0", "the step of lin"),
        ("log:8k-50:40", "the lower end comes first"),
        ("log:50-8k:0", "needs a count of bands"),
        ("log:50-8k:-3", "needs a count of bands"),
        ("log:50-8k:4.5", "needs a count of bands"),
        ("log:0-8k:4", 'the range of log is "0"'),
        ("notes:H2-A3", "write two notes with octaves"),
        ("notes:C7-A2", "the lower of the two comes first"),
        ("notes:A2-C7@0", "the pitch of A4"),
        ("third-octave", "third-octave needs a range"),
        ("1/0-octave:50-8k", "no fraction of an octave"),
        ("mains50", "needs a count"),
        ("zvei1:3", "zvei1 takes nothing after it"),
        ("qcii:9", "there are: 1, 2, 3, 4, 5, 6, A, B"),
        ("bark:20k-30k", "holds no band"),
    ],
)
def test_a_specification_that_cannot_be_meant_says_what_to_write(spec, message):
    with pytest.raises(SpecError, match=message):
        parse_bank(spec)


def test_every_word_has_an_example_that_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bands.csv").write_text("440\n")
    for word in explain_words():
        assert len(parse_bank(word.example, 48000)) > 0, word
        assert word.meaning


def test_a_bank_is_made_of_whatever_a_caller_hands_over():
    bank = parse_bank("dtmf")
    assert make_bank(bank, 8000) is bank
    assert list(make_bank([697.0, 770.0], 8000).freqs_hz) == [697, 770]
    assert list(make_bank(440).freqs_hz) == [440]
    assert isinstance(make_bank("dtmf", 8000), Bank)
    for wrong in ([[1.0]], [], ["x"], [np.nan], {}):
        with pytest.raises(SpecError):
            make_bank(wrong, 8000)
    with pytest.raises(SpecError, match="below 4000 Hz"):
        make_bank([4000.0], 8000)


WORDS = [word for word in list_words() if word != "plan"]
PIECES = st.sampled_from(
    [*WORDS, "1/7-octave", "50-8k", "A2-C7", "@442", ":", "-", ",", "+", "40", "1e-300", "k", " "]
)


@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=20).filter(lambda text: "@" not in text))
@example("lin:1e-9-1e12:1e-9")
@example("third-octave:1e-9-1e12")
@example("1/96-octave:1e-9-1e12")
@example("1/999-octave:1-2")
@example("notes:C-1-B9")
@example("9" * 5000)
@example("notes:A4@1e12")
@example("mel:1e-9-1e12:65536")
@example("mel:1")
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_ascending_bank_below_nyquist_or_a_spec_error_of_one_line(spec):
    bank, message = None, ""
    try:
        bank = parse_bank(spec, 16000)
    except SpecError as error:
        message = str(error)
    assert "\n" not in message
    if bank is not None:
        assert 0 < len(bank) <= MAX_BANDS
        assert np.all(np.diff(bank.freqs_hz) > 0)
        assert bank.freqs_hz[0] > 0
        assert bank.freqs_hz[-1] < 8000
        assert len(bank.labels) == len(bank)


@given(st.lists(st.floats(1, 7999), min_size=1, max_size=20))
@settings(deadline=None)
def test_a_list_gives_back_every_frequency_it_names(freqs_hz):
    bank = parse_bank(",".join(map(repr, freqs_hz)), 16000)
    for hz in freqs_hz:
        assert np.min(np.abs(bank.freqs_hz - hz)) <= 1e-8 * hz
