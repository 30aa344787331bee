from __future__ import annotations

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.base.families import list_families, load_family, load_shipped_family
from streamer.base.shipped import shipped_folder
from streamer.detectors.codes import CodeSpec
from streamer.plans.bands import parse_bank
from streamer.sources.synthetic.language import parse_signal

SHIPPED = [load_shipped_family(path.stem) for path in sorted(shipped_folder("families").glob("*.toml"))]
SENT = [family.name for family in SHIPPED if family.can_be_sent]
SELCALLS = [family.name for family in SHIPPED if "selective calling" in family.title]


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """The user's own folder of families."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "streamer/families"
    folder.mkdir(parents=True)
    return folder


def test_there_are_50_ctcss_tones_none_closer_than_2_hz():
    bank = parse_bank("ctcss")
    assert len(bank) == 50
    assert np.diff(bank.freqs_hz).min() > 2


@pytest.mark.parametrize("name", SELCALLS)
def test_selcall_digits_are_parted_by_at_least_0_8_percent_and_named(name):
    bank = parse_bank(name)
    assert np.min(bank.freqs_hz[1:] / bank.freqs_hz[:-1]) > 1.008
    assert set(bank.labels) <= {f"{name} {digit}" for digit in "0123456789ABCDEF"}
    assert load_family(name).digit_ms > 0


def test_quick_call_codes_agree_with_genaves_examples():
    group_2, group_4 = load_family("qcii").groups["2"], load_family("qcii").groups["4"]
    assert (group_2[1], group_2[6]) == (600.9, 788.5)  # code 16
    assert (group_4[6], group_4[1]) == (445.7, 339.6)  # code 61
    assert list(parse_bank("qcii:4").freqs_hz) == sorted(group_4)


@pytest.mark.parametrize(
    ("name", "n_digits", "freqs_hz"),
    [
        ("dtmf", 16, (697, 770, 852, 941, 1209, 1336, 1477, 1633)),  # ITU-T Q.23
        ("r1", 15, (700, 900, 1100, 1300, 1500, 1700)),  # Q.320
        ("r2-forward", 15, (1380, 1500, 1620, 1740, 1860, 1980)),  # Q.441
        ("r2-backward", 15, (540, 660, 780, 900, 1020, 1140)),
    ],
)
def test_digits_of_two_tones_use_all_of_them_and_no_pair_twice(name, n_digits, freqs_hz):
    family = load_family(name)
    assert tuple(sorted(family.freqs_hz)) == freqs_hz
    assert {len(tones) for tones in family.digits.values()} == {2}
    assert len(set(family.digits.values())) == len(family.digits) == n_digits


def test_an_own_family_is_one_file_and_stands_behind_those_that_are_shipped(own):
    (own / "reeds.toml").write_text(
        'title = "Mine"\ndigit_ms = 50\n[digits]\n1 = [1000]\n2 = ["1.1k", 900]\n'
    )
    assert [*list_families()][-1] == "reeds"
    family = load_family("reeds")
    assert family.digits == {"1": (1000,), "2": (900, 1100)}
    assert (family.title, family.digit_ms, family.repeat_digit) == ("Mine", 50, "")
    (own / "reeds.toml").write_text('title = "Other"\ntones = [440]\n')
    assert load_family("reeds").freqs_hz == (440,)


def test_bands_signals_and_codes_know_a_family_from_its_file_alone(own):
    (own / "reeds.toml").write_text(
        'title = "Mine"\ndigit_ms = 60\nrepeat_digit = "R"\n[digits]\n1 = 600\n2 = [700, 1500]\nR = 900\n'
    )
    assert list(parse_bank("reeds").freqs_hz) == [600, 700, 900, 1500]
    sounds = parse_signal("reeds:1122", fs_hz=8000).sounds
    assert [(sound.label, sound.freqs_hz, sound.n_samples) for sound in sounds] == [
        *(("1", (600,), 480), ("R", (900,), 480), ("2", (700, 1500), 480), ("R", (900,), 480))
    ]
    assert CodeSpec(name="a", family="reeds").list_tones()[0] == (600, "a 600")
    for wrong, read in (("reed", parse_bank), ("reed:1", parse_signal)):
        with pytest.raises(SpecError, match=r"did you mean reeds\?"):
            read(wrong)


def test_the_users_own_wins_but_a_receiver_keeps_the_keypad_it_is_built_for(own):
    (own / "dtmf.toml").write_text('title = "Other"\ntones = [440]\n')
    assert load_family("dtmf").freqs_hz == (440,)
    assert len(load_shipped_family("dtmf").digits) == 16


def test_a_name_that_cannot_be_typed_as_a_word_is_no_family(own):
    for name in ("Reeds", "1st", "a+b", "../../families/x"):
        (own / f"{name.replace('/', '_')}.toml").write_text('title = "a"\ntones = [440]\n')
        assert load_family(name) is None
        assert name not in list_families()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "reeds.toml:1: no tones; write one of: [digits], [groups], tones"),
        (
            "tones = [440]",
            'reeds.toml:1: title is missing; write what the family is called, such as title = "Z',
        ),
        ('title = ""\ntones = [440]\n[digits]', "reeds.toml:1: digits and tones; write one of: [digits],"),
        ("title = 1\ntones = [440]", 'reeds.toml:1: title is "1"; write a short text'),
        (
            'titel = ""',
            "reeds.toml:1: titel: not a key of a family; did you mean title? There are: title, source,",
        ),
        ('title = ""\n\ntones = [440, "x"]', 'reeds.toml:3: tones is "x"; write a number above 0'),
        ('title = ""\n[digits]', 'reeds.toml:2: digits is "{}"; write a table [digits], such as 1 = [1060]'),
        ('title = ""\n[digits]\na = 440', 'reeds.toml:3: digit "a"; a digit is written in 0-9 A-Z * #'),
        ('title = ""\n[digits]\n1 = []', "reeds.toml:3: digits.1 is empty; write at least one frequency"),
        (
            'title = ""\n[digits]\n1 = 440\n2 = [440]',
            "reeds.toml:4: digits.2: the tones of 1 too; they could not",
        ),
        (
            'title = ""\n[groups]\nA = 440',
            'reeds.toml:3: groups.A is "440"; write frequencies, such as [288.5,',
        ),
        ('title = ""\n[groups]\nA = [\n440,\n-1]', 'reeds.toml:5: groups.A is "-1"; write a number above 0'),
        (
            'title = ""\ndigit_ms = 0\n[digits]\n1 = 440',
            "reeds.toml:2: digit_ms is 0; write a number in 1..10000",
        ),
        (
            'title = ""\ndigit_ms = 9\ntones = 440',
            "reeds.toml:2: digit_ms: how long a digit lasts, and there are no",
        ),
        (
            'title = ""\nrepeat_digit = "E"\n[digits]\n1 = 4',
            'reeds.toml:2: repeat_digit is "E"; there are: 1',
        ),
        (
            'title = ""\nscale = "lin"\ntones = 440',
            'reeds.toml:2: scale is "lin"; did you mean linear? There are:',
        ),
        ("title = ", "reeds.toml: Invalid value"),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_is_right(own, text, message):
    (own / "reeds.toml").write_text(text)
    assert "reeds" in list_families()  # using it says what is wrong with it
    with pytest.raises(SpecError) as caught:
        load_family("reeds")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "digits"),
    [
        ("zvei1", "1123", ["1", "1", "2", "3"]),
        ("r1", "KP123ST", ["KP", "1", "2", "3", "ST"]),
        ("r1", "kp12 stp", ["KP", "1", "2", "STP"]),
        ("r2-forward", "1-10-15", ["1", "10", "15"]),
        ("r2-forward", "110", ["11", "0"]),
        ("selcal", "AB-CD", ["A", "B", "C", "D"]),
    ],
)
def test_digits_of_several_letters_are_taken_the_longest_first_and_parted_by_dashes(name, text, digits):
    assert load_family(name).split_digits(text) == digits


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_signals_of_r2_are_numbers_1_to_15_in_the_triangle_of_q_441(way):
    family = load_family(f"r2-{way}")
    assert list(family.digits) == [str(k) for k in range(1, 16)]
    tones = sorted(family.freqs_hz, reverse=way == "backward")
    triangle = [{tones[low], tones[high]} for high in range(1, 6) for low in range(high)]
    assert [set(pair) for pair in family.digits.values()] == triangle


def test_the_tones_of_selcal_lie_midway_between_those_of_old():
    tones = load_family("selcal").digits
    assert len(tones) == 32
    old = [tones[letter][0] for letter in "ABCDEFGHJKLMPQRS"]
    new = sorted(hz for letter, (hz,) in tones.items() if letter not in "ABCDEFGHJKLMPQRS")
    assert np.allclose(new[:-1], np.sqrt(np.multiply(old[1:], old[:-1])), atol=0.1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gap_ms = -1", "gap_ms is -1; write a number in 0..10000"),
        ("longer_ms = { 9 = 100 }", "longer_ms.*there are: 1"),
        ("longer_ms = { 1 = 0 }", "longer_ms.1 is 0; write a number in 1..10000"),
        ("digits_at_once = 9", "digits_at_once is 9; write a number in 1..8"),
    ],
)
def test_how_a_family_is_sent_is_checked(own, line, message):
    (own / "mine.toml").write_text(f'title = "Mine"\ndigit_ms = 50\n{line}\n[digits]\n1 = [1000]\n')
    with pytest.raises(SpecError, match=message):
        load_family("mine")
