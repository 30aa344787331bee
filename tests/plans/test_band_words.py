from __future__ import annotations

import pytest

from streamer.base.errors import SpecError
from streamer.plans.bands import parse_bank


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
