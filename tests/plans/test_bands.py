from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.analysis.bank import Bank
from streamer.base.errors import SpecError
from streamer.plans.band_words import MAX_BANDS, list_words
from streamer.plans.bands import explain_words, list_band_files, make_bank, parse_bank


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


@pytest.mark.parametrize(
    "spec",
    [
        "octave:63-8k",
        "third-octave:50-8k",
        "1/24-octave:100-1k",
        "notes:A2-C7@442",
        "mel:40",
        "bark",
        "erb:32",
    ],
)
def test_words_that_divide_the_spectrum_give_bands_that_touch(spec):
    bank = parse_bank(spec, 48000)
    assert bank.is_band.all()
    low_hz, high_hz = bank.edges_hz.T
    assert (high_hz[:-1] == low_hz[1:]).all()
    assert ((low_hz < bank.freqs_hz) & (bank.freqs_hz < high_hz)).all()


@pytest.mark.parametrize(
    "spec",
    ["697,770", "lin:100-200:10", "log:50-8k:40", "dtmf", "ctcss", "mains50:4", "zvei1", "plan:mains50"],
)
def test_words_that_name_frequencies_give_probes(spec):
    assert not parse_bank(spec, 48000).has_bands


def test_edges_are_those_of_iec_61260_1_and_of_zwicker():
    third = parse_bank("third-octave:1k-1k")
    assert third.edges_hz[0] == pytest.approx([1000 * 10**-0.05, 1000 * 10**0.05])
    octave = parse_bank("octave:1k-1k")
    assert octave.edges_hz[0] == pytest.approx([1000 * 10**-0.15, 1000 * 10**0.15])
    half = parse_bank("1/2-octave:1k-1k")
    assert 1000 in half.edges_hz[0].round(9)  # the standard has 1 kHz on an edge when the count is even
    assert parse_bank("bark").edges_hz[[0, -1]].tolist() == [[20, 100], [12000, 15500]]
    semitone = parse_bank("notes:A4").edges_hz[0]
    assert 1200 * np.log2(semitone / 440) == pytest.approx([-50, 50])


def test_probes_and_bands_turn_one_into_the_other():
    assert not parse_bank("probes(third-octave:50-8k+bark)").has_bands
    assert parse_bank("probes(bark)").freqs_hz.tolist() == parse_bank("bark").freqs_hz.tolist()
    linear = parse_bank("bands(100,200,400)")
    assert linear.edges_hz.tolist() == [[50, 150], [150, 300], [300, 500]]
    ratios = parse_bank("bands(log:100-400:3)")
    assert ratios.edges_hz[:, 0] == pytest.approx([100 / 2**0.5, 100 * 2**0.5, 200 * 2**0.5])
    assert parse_bank("bands(bark)").edges_hz.tolist() == parse_bank("bark").edges_hz.tolist()
    mixed = parse_bank("Probes( bark + 33 ) + bands(697,770)+1234")
    assert mixed.is_band.sum() == 2
    assert parse_bank("bands(probes(bark))").is_band.all()


def test_a_band_and_a_probe_in_its_middle_are_one_and_two_bands_of_one_middle_are_two():
    bank = parse_bank("1k+third-octave:1k-1k+octave:1k-1k")
    assert len(bank) == 2
    assert bank.is_band.all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "bands(1000)",
            r"one frequency, and edges lie half way between two: .* such as bands\(900,1000,1100\)",
        ),
        ("probes(bark", r"a parenthesis is not closed; for example probes\(bark\)"),
        ("probes()", "with nothing on one side"),
        ("probes(brk)", "brk.* is not known; did you mean"),
        ("mel:1k-1k:3", "has no width; give it two ends"),
    ],
)
def test_what_cannot_be_turned_says_what_can(spec, message):
    with pytest.raises(SpecError, match=message):
        parse_bank(spec, 48000)


def test_files_of_bands_are_found_wherever_they_stand():
    assert list_band_files("dtmf+@a.csv+probes(bands(@b.csv)+bark)") == ["a.csv", "b.csv"]
    assert list_band_files("") == []
