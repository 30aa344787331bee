import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.sources.formats.g711 import compand
from streamer.sources.formats.pcm import encode
from streamer.sources.synthetic.language import DEMO, GRAMMAR, parse_signal
from streamer.sources.synthetic.words import USAGE
from tests.signals import dtmf_digits, sine, white_noise

FS = 8000.0


def timeline(text, fs_hz=FS):
    """What sounds when, in ms: (label, start, length)."""
    return [
        (s.label, s.start_sample / fs_hz * 1e3, None if s.n_samples is None else s.n_samples / fs_hz * 1e3)
        for s in parse_signal(text, fs_hz=fs_hz).sounds
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tone:440:1s", [("440", 0, 1000)]),
        ("tone:440", [("440", 0, None)]),  # without a length it sounds beneath the whole
        ("tone:440:1s,tone:1k:500ms", [("440", 0, 1000), ("1k", 1000, 500)]),
        ("tone:440:1s + tone:1k:500ms, tone:2k:1s", [("440", 0, 1000), ("1k", 0, 500), ("2k", 1000, 1000)]),
        ("noise:-40,silence:1s,noise:-20:1s", [("noise", 0, None), ("noise", 1000, 1000)]),
        ("dtmf:1a", [("1", 0, 50), ("A", 100, 50)]),
        ("dtmf:*#:40ms/60ms,dtmf:0", [("*", 0, 40), ("#", 100, 40), ("0", 200, 50)]),
        ("dtmf:1-2 3", [("1", 0, 50), ("2", 100, 50), ("3", 200, 50)]),
        ("two-tone:349.0/433.7", [("349.0", 0, 1000), ("433.7", 1000, 3000)]),
        ("two-tone:349/434:500ms/1s", [("349", 0, 500), ("434", 500, 1000)]),
        ("cadence:480+620/500,0/500x2", [("480+620", 0, 500), ("480+620", 1000, 500)]),
        ("cadence:!950/330,!1400/330,0/1000x2", [("950", 0, 330), ("1400", 330, 330)]),
        ("cadence:350+440", [("350+440", 0, None)]),
        ("zvei1:1122", [("1", 0, 70), ("E", 70, 70), ("2", 140, 70), ("E", 210, 70)]),
        ("zvei1:111", [("1", 0, 70), ("E", 70, 70), ("1", 140, 70)]),
        ("sweep:100-3k:2s,hum:50@-40", [("100-3k", 0, 2000), ("hum", 0, None)]),
    ],
)
def test_parts_follow_each_other_and_what_has_no_length_underlies_them(text, expected):
    assert timeline(text) == expected


@pytest.mark.parametrize(
    ("text", "freqs_hz", "level_dbfs"),
    [
        ("tone:440@-20:1s", (440,), -20),
        ("tone:350+440@-20dBFS:1s", (350, 440), -20 + 10 * np.log10(2)),
        ("tone:1k@3.14dBm0:1s", (1000,), 0),
        ("tone:1k:1s", (1000,), -12),
        ("tone:1k:1s:offset=1.5%", (1015,), -12),
        ("tone:1k:1s:offset=-2%", (980,), -12),
        ("dtmf:5@-10", (770, 1336), -10 + 10 * np.log10(2)),
        ("dtmf:5@-10:twist=-6dB", (770, 1336), 10 * np.log10(0.1 + 10**-1.6)),
        ("cadence:480+620/500@-30", (480, 620), -30 + 10 * np.log10(2)),
        ("ccir:0:offset=1%", (1981 * 1.01,), -12),
        ("sweep:1k-2k@-6:1s:log", (1000, 2000), -6),
        ("noise:-40", (), -40),
    ],
)
def test_frequencies_and_levels_are_those_that_were_asked_for(text, freqs_hz, level_dbfs):
    sound = parse_signal(text, fs_hz=FS).sounds[0]
    assert sound.freqs_hz == pytest.approx(freqs_hz)
    assert sound.level_dbfs == pytest.approx(level_dbfs)


def test_the_samples_are_the_sum_of_the_parts():
    samples = parse_signal("tone:1k@-20:1s+tone:440+880@-30:500ms,noise:-50,seed:3", fs_hz=FS).read()[:, 0]
    expected = sine(1000.0, 8000, FS, level_dbfs=-20.0)
    expected[:4000] += sine(440.0, 4000, FS, level_dbfs=-30.0) + sine(880.0, 4000, FS, level_dbfs=-30.0)
    rest = samples - expected
    assert 10 * np.log10(2 * np.mean(rest**2)) == pytest.approx(-50, abs=0.3)
    assert np.array_equal(
        parse_signal("noise:-50,seed:3", fs_hz=FS).read(100),
        parse_signal("noise:-50", fs_hz=FS, seed=3).read(100),
    )


def test_digits_are_those_of_dtmf_digits():
    samples, presses = dtmf_digits("159D", FS, level_dbfs=-6.0)
    signal = parse_signal("silence:50ms,dtmf:159D@-6", fs_hz=FS)
    assert np.array_equal(signal.read()[:, 0], samples)
    assert [(s.label, s.start_sample, s.n_samples) for s in signal.sounds] == presses


def test_hum_is_the_mains_and_its_multiples_below_half_the_rate():
    assert parse_signal("hum:50@-40", fs_hz=FS).sounds[0].freqs_hz == (50, 100, 150, 200, 250, 300)
    assert parse_signal("hum:60", fs_hz=400.0).sounds[0].freqs_hz == (60, 120, 180)


def test_a_modulated_tone_swells_and_fades():
    samples = parse_signal("cadence:400*25/400@0", fs_hz=FS).read()[:, 0]
    t = np.arange(3200) / FS
    expected = np.sin(2 * np.pi * 400 * t) * (1 + 0.9 * np.sin(2 * np.pi * 25 * t))
    assert samples == pytest.approx(expected, abs=1e-6)


def test_a_law_takes_the_whole_through_a_telephone():
    plain = parse_signal("dtmf:1,noise:-30", fs_hz=FS).read()
    companded = parse_signal("dtmf:1,noise:-30,ulaw", fs_hz=FS).read()
    assert companded == pytest.approx(compand(plain.astype(float), "ulaw"), abs=1e-3)
    assert len(np.unique(companded)) <= 255


def test_channels_hold_what_names_them():
    signal = parse_signal("tone:440:1s:channel=2+tone:880@-20:1s+noise:-60:channel=3", fs_hz=FS)
    samples = signal.read(800)
    assert signal.channels == 3
    assert samples[:, 0] == pytest.approx(sine(880.0, 800, FS, level_dbfs=-20.0), abs=1e-6)
    assert np.abs(samples[:, 1] - samples[:, 0]).max() > 0.2
    assert 0 < np.abs(samples[:, 2] - samples[:, 0]).max() < 0.01
    noise = parse_signal("noise:-40+tone:440:1s:channel=2", fs_hz=FS).read(8000)
    assert (
        abs(np.corrcoef(noise[:, 0], white_noise(8000))[0, 1]) > 0.99
    )  # the first channel's is seed 0's own


@pytest.mark.parametrize(
    ("text", "n_samples"),
    [
        ("dtmf:1,loop:3", 2400),
        ("dtmf:1,silence:1s", 8800),
        ("dtmf:1,loop", None),
        ("noise:-40", None),
        ("tone:440+hum:50", None),
        ("demo", None),
    ],
)
def test_a_signal_knows_how_long_it_is(text, n_samples):
    assert parse_signal(text, fs_hz=FS).n_samples == n_samples


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dtfm:12", r'part "dtfm:12": kind is "dtfm"; did you mean dtmf\? There are: tone, dtmf, '),
        ("", 'kind is ""; there are: tone'),
        ("tone:440:1s,", "frequency|length"),
        ("tone", r"lacks a value; it is written tone:HZ\["),
        ("tone:440@loud:1s", r'part "tone:440@loud:1s": level is "loud"'),
        ("tone:440@61", "must not exceed 60 dBFS"),
        ("noise:90", "must not exceed 60 dBFS"),
        ("dtmf:1:twist=-61", "twist is -61 dB; it must lie within"),
        ("tone:440:5", 'length is "5"'),
        ("tone:440:1s:2s", '"2s" is one thing too many'),
        ("tone:5k:1s", "5000 Hz cannot be sampled at 8000 Hz; stay below 4000 Hz"),
        ("tone:3.99k:offset=1%", "cannot be sampled"),
        ("tone:440:offset=1", 'offset is "1"; write a percentage'),
        ("tone:440:chanel=2", 'option is "chanel"; did you mean channel'),
        ("tone:440:channel=0", r'channel is "0"; write a whole number in 1\.\.'),
        ("dtmf:12x", '"X" is no digit: 0-9 A-D'),
        ("dtmf:1:50ms", '"50ms" is not two lengths'),
        ("two-tone:440", '"440" is not two frequencies'),
        ("cadence:480/500,620", "every element of a pattern needs /MS"),
        ("cadence:480/x", "no length in ms"),
        ("cadence:480/10x999999", "use loop for that"),
        ("zvei1:1G", 'zvei1 has no tone for "G"'),
        ("sweep:100-200", "it needs two frequencies and a length"),
        ("silence:2", 'length is "2"'),
        ("noise:-20@-3", "noise takes no @LEVEL"),
        ("silence:1s:ramp=1ms", "it takes no options"),
        ("silence:9000h", "within a year"),
        ("tone:440,loop:0", r'loop is "0"; write a whole number in 1\.\.1000000'),
        ("tone:440,seed:x", 'seed is "x"'),
        ("tone:440,alaw:3", "more than it takes"),
        ("alaw", "nothing that sounds"),
    ],
)
def test_a_mistake_is_told_with_its_part_and_what_would_be_right(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_signal(text, fs_hz=FS)
    assert "\n" not in str(caught.value)


def test_a_seed_lies_within_what_the_generator_takes():
    with pytest.raises(SpecError, match="seed is -1"):
        parse_signal("noise:-3", seed=-1)


WORDS = st.sampled_from(
    [*USAGE, ":", "@", ",", "+", "/", "x3", "-20", "440", "1s", "50ms", "=", "ramp", "%", "*", "!"]
)


@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map("".join)))
def test_any_text_is_a_signal_or_a_spec_error(text):
    try:
        signal = parse_signal(text, fs_hz=FS)
    except SpecError:
        return
    assert signal.read(50).shape == (50, signal.channels)


def test_the_grammar_explains_every_kind_and_its_examples_are_signals():
    examples = [
        line.split("  ")[1] for line in GRAMMAR.splitlines() if line.startswith("  ") and line[2] != " "
    ]
    assert len(examples) >= 8
    for example in examples:
        parse_signal(example, fs_hz=48000.0)
    families = {
        "zvei2",
        "zvei3",
        "pzvei",
        "dzvei",
        "pdzvei",
        "eea",
        "ccir",
        "eia",
        "vdew",
        "natel",
        "euro",
        "modat",
    }
    assert [kind for kind in USAGE if kind not in GRAMMAR and kind not in families | {"autoa"}] == []


def test_the_demo_is_half_a_minute_of_everything_at_any_rate_from_8_khz():
    for fs_hz in (8000.0, 44100.0, 48000.0):
        signal = parse_signal("demo", fs_hz=fs_hz)
        assert signal.round_samples == 30 * fs_hz
        assert signal.rounds is None
        labels = [sound.label for sound in signal.sounds]
        assert "".join(label for label in labels if len(label) == 1) == "5550123"
        assert {"noise", "hum", "350+440", "440+480", "480+620", "349.0", "433.7"} <= set(labels)
    assert np.abs(parse_signal(DEMO, fs_hz=8000.0).read(240_000)).max() < 1


@pytest.fixture
def multimon_ng():
    return shutil.which("multimon-ng") or pytest.skip("multimon-ng, the other decoder, is not installed")


@pytest.mark.parametrize(
    ("text", "decoder", "expected"),
    [
        ("dtmf:0123456789ABCD*#", "DTMF", "0123456789ABCD*#"),
        ("dtmf:1122@-30:40ms/40ms:ramp=3ms,noise:-60", "DTMF", "1122"),
        ("zvei1:12334", "ZVEI1", "123E4"),
        ("ccir:10000", "CCIR", "10E0E"),
        ("eea:97531", "EEA", "97531"),
    ],
)
def test_multimon_ng_hears_what_was_specified(text, decoder, expected, multimon_ng):
    signal = parse_signal(f"silence:300ms,{text},silence:500ms", fs_hz=22050.0)
    heard = subprocess.run(
        [multimon_ng, "-q", "-t", "raw", "-a", decoder, "-"],
        input=encode(signal.read(), "s16le"),
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "".join(line.partition(": ")[2] for line in heard.splitlines()) == expected


@pytest.mark.parametrize(
    "text",
    [
        "sweep:100-4000:5",
        "sweep:a-b:5s",
        "sweep:0-400:1s",
        "sweep:100-90000:1s",
        "tone:440@x",
        "hum:x",
        "noise:x",
    ],
)
def test_whatever_is_wrong_with_a_part_its_form_is_told(text):
    kind = text.partition(":")[0]
    with pytest.raises(SpecError, match=rf'signal part "{text}": .*; it is written {kind}:'):
        parse_signal(text)
