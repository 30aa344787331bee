from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer import families
from streamer.bandspec import describe_bank, list_kinds, make_bank, measure_lobe_hz, parse_bank
from streamer.bandwords import KINDS, MAX_BANDS
from streamer.bank import Bank
from streamer.errors import SpecError
from streamer.frames import FrameSpec


def freqs_of(spec, fs_hz=None):
    return list(parse_bank(spec, fs_hz).freqs_hz)


@pytest.mark.parametrize(
    ("spec", "freqs_hz"),
    [
        ("697,770,852", [697, 770, 852]),
        ("852, 1.5k,770Hz", [770, 852, 1500]),
        ("lin:100-1000:300", [100, 400, 700, 1000]),
        ("lin:0.1-0.5:0.1", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("lin:100-150:40", [100, 140]),
        ("log:50-800:5", [50, 100, 200, 400, 800]),
        ("mains50:4", [50, 100, 150, 200]),
        ("mains60:2", [60, 120]),
        ("notes:A4", [440]),
        ("notes:A3-A3@442", [221]),
        ("dtmf", [697, 770, 852, 941, 1209, 1336, 1477, 1633]),
        ("sit+697", [697, 950, 1400, 1800]),
        ("bark:1k-1.2k", [1000, 1170]),
    ],
)
def test_a_specification_says_which_frequencies(spec, freqs_hz):
    assert freqs_of(spec) == pytest.approx(freqs_hz, rel=1e-12)


def test_third_octaves_are_exact_base_ten_with_nominal_labels():
    bank = parse_bank("third-octave:50-8k")
    assert list(bank.freqs_hz) == pytest.approx([1000 * 10 ** (x / 10) for x in range(-13, 10)], rel=1e-12)
    assert bank.labels[:5] == ("50", "63", "80", "100", "125")
    assert bank.labels[-5:] == ("3.15k", "4k", "5k", "6.3k", "8k")
    assert bank.scale == "log"


def test_octaves_carry_the_labels_people_know():
    labels = parse_bank("octave:31.5-16k").labels
    assert labels == ("31.5", "63", "125", "250", "500", "1k", "2k", "4k", "8k", "16k")


def test_sixth_octaves_lie_on_both_sides_of_1_khz_and_never_on_it():
    bank = parse_bank("1/6-octave:950-1.05k")
    assert list(bank.freqs_hz) == pytest.approx(
        [1000 * 10 ** (-0.3 / 12), 1000 * 10 ** (0.3 / 12)], rel=1e-12
    )
    assert bank.labels == ("940", "1.06k")  # IEC 61260-1 annex E: two digits from 5 on, three below


def test_thirds_may_be_written_either_way():
    assert freqs_of("1/3-octave:50-8k") == freqs_of("third-octave:50-8k")


def test_notes_are_named_with_the_accidentals_somebody_used():
    assert parse_bank("notes:A4-C5").labels == ("A4", "A#4", "B4", "C5")
    assert parse_bank("notes:Bb4-C5").labels == ("Bb4", "B4", "C5")
    assert parse_bank("notes:Cb4-B#4").freqs_hz[0] == pytest.approx(246.9417, abs=1e-4)  # sounds as B3
    assert parse_bank("notes:A4-C5").scale == "notes"


def test_hearing_scales_include_both_ends_and_stay_below_nyquist():
    assert freqs_of("mel:100-4k:3") == pytest.approx([100, 1239.07194, 4000], rel=1e-6)
    for scale in ("mel:40", "erb:32"):
        assert freqs_of(scale, 8000)[-1] == pytest.approx(3600)
        assert freqs_of(scale, 48000)[-1] == pytest.approx(16000)


def test_there_are_50_ctcss_tones_none_closer_than_2_hz():
    bank = parse_bank("ctcss")
    assert len(bank) == 50
    assert np.diff(bank.freqs_hz).min() > 2


@pytest.mark.parametrize("name", families.SELCALL_HZ)
def test_selcall_digits_are_parted_by_at_least_0_8_percent_and_named(name):
    bank = parse_bank(name)
    assert np.min(bank.freqs_hz[1:] / bank.freqs_hz[:-1]) > 1.008
    assert set(bank.labels) <= {f"{name} {digit}" for digit in "0123456789ABCDEF"}
    assert families.SELCALL_DIGIT_MS[name] > 0


def test_quick_call_codes_agree_with_genaves_examples():
    group_2, group_4 = families.QCII_HZ["2"], families.QCII_HZ["4"]
    assert (group_2[1], group_2[6]) == (600.9, 788.5)  # code 16
    assert (group_4[6], group_4[1]) == (445.7, 339.6)  # code 61
    assert freqs_of("qcii:4") == sorted(group_4)


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
    with pytest.raises(SpecError, match=rf"band {band} is .* below 8000 Hz: leave it out or raise --rate"):
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


def test_bands_files_hold_frequencies_and_labels(tmp_path):
    path = tmp_path / "bands.csv"
    path.write_text('\ufefffrequency_hz,label\n# reeds\n1.5k, "long, one"\n\n697\n', encoding="utf-8")
    bank = parse_bank(f"@{path}+770")
    assert list(bank.freqs_hz) == [697, 770, 1500]
    assert bank.labels == ("697", "770", "long, one")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"440\nhello\n", r'bands.csv:2: a band is "hello"'),
        (b"440\n-1,x\n", r'bands.csv:2: a band is "-1"'),
        (b"440,a,b\n", r"bands.csv:1: 3 columns"),
        (b"\xff\xfe\x00", "no UTF-8 text"),
        (b"# nothing\n", "has no frequencies"),
        (b'440,"' + b"x" * 200_000, r"bands.csv:1: .*field limit"),
    ],
)
def test_a_bad_bands_file_says_which_line(tmp_path, content, message):
    path = tmp_path / "bands.csv"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        parse_bank(f"@{path}")


def test_a_missing_bands_file_is_a_spec_error(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path, "\0"):
        with pytest.raises(SpecError, match="cannot be read"):
            parse_bank(f"@{path}")


def test_labels_cannot_command_a_terminal(tmp_path):
    path = tmp_path / "bands.csv"
    path.write_text("440,\x1b[2Jred\n")
    assert parse_bank(f"@{path}").labels == ("?[2Jred",)


def test_every_word_has_an_example_that_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bands.csv").write_text("440\n")
    for spec, meaning in list_kinds():
        assert len(parse_bank(spec, 48000)) > 0, spec
        assert meaning


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


@pytest.mark.parametrize(
    ("window", "main_lobe_bins", "six_db_bins"),
    [  # Harris, Proc. IEEE 66 (1978) 51, table 1
        ("boxcar", 2, 1.21),
        ("hann", 4, 2.00),
        ("hamming", 4, 1.81),
        ("blackman", 6, 2.35),
        ("flattop", 10, 4.58),
    ],
)
@pytest.mark.parametrize("length_samples", [256, 4096])
def test_lobes_are_those_of_the_tables(window, main_lobe_bins, six_db_bins, length_samples):
    frames = FrameSpec(length_samples=length_samples, hop_samples=64, window=window)
    bin_hz = 48000 / length_samples
    main_lobe_hz, resolution_hz = measure_lobe_hz(frames, 48000)
    assert main_lobe_hz / bin_hz == pytest.approx(main_lobe_bins, rel=0.02)
    assert resolution_hz / bin_hz == pytest.approx(six_db_bins, rel=0.03)


def test_bands_closer_than_the_window_can_part_are_told_and_so_is_the_cure():
    frames = FrameSpec(length_samples=800, hop_samples=200)  # hann: 20 Hz at 8 kHz
    report = describe_bank(parse_bank("500,515,600"), 8000, frames)
    assert [bool(row.warnings) for row in report.rows] == [True, True, False]
    assert report.rows[0].warnings == ("neighbour 15 Hz away; the window parts 20 Hz",)
    assert report.notes == ("a window of 133.3 ms would part the closest two, 15 Hz apart",)
    assert report.enbw_hz == pytest.approx(15)
    cured = FrameSpec(length_samples=1070, hop_samples=200)
    assert not describe_bank(parse_bank("500,515,600"), 8000, cured).notes


def test_bands_within_the_main_lobe_of_0_or_nyquist_are_told():
    frames = FrameSpec(length_samples=800, hop_samples=200)
    report = describe_bank(parse_bank("15,1000,3990"), 8000, frames)
    assert "0 Hz lies within" in report.rows[0].warnings[0]
    assert not report.rows[1].warnings
    assert "fs/2 lies within" in report.rows[2].warnings[0]


def test_it_is_said_that_a_fractional_octave_probe_is_no_band_level():
    frames = FrameSpec(length_samples=4080, hop_samples=1020)
    assert "IEC 61260" in describe_bank(parse_bank("third-octave:1k-8k"), 48000, frames).notes[0]
    assert not describe_bank(parse_bank("1k,2k"), 48000, frames).notes


def test_a_lone_band_has_no_neighbour():
    frames = FrameSpec(length_samples=1, hop_samples=1, window="boxcar")
    (row,) = describe_bank(parse_bank("440"), 8000, frames).rows
    assert row.spacing_hz == np.inf


WORDS = [word for word in KINDS if word not in ("plan", "@")]
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
