"""The judge of tone families: that it sends what it says, counts what it should, and leaves nothing out."""

from pathlib import Path

import numpy as np
import pytest

from streamer.judge import channels, extras, families
from streamer.judge.decoders.ours import Streamer
from streamer.judge.heard import Heard, OneByOne
from streamer.judge.hum import find_hum_hz, leave_out_hum
from streamer.judge.judge import Judge, Terms, clean
from streamer.judge.line import Line
from streamer.judge.scenes import Scene, Stroke, join, render, same_bits, scene
from streamer.judge.table import COMMON, EXTRAS, FAMILIES, make_lines
from tests.family_bench import guide


class Parrot(OneByOne):
    """Says the same of everything."""

    def __init__(self, *labels):
        super().__init__()
        self.labels = labels

    def knows(self, family, table):
        return True

    def hear_one(self, pcm, family, table, fs_hz):
        return [Heard(label=label, start_s=0.4, known_s=0.5) for label in self.labels]


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("fs_hz", [8000.0, 48000.0])
def test_a_stroke_is_where_and_what_it_says(rng, fs_hz):
    sent = scene(rng, [((1000, 1500), 400)], "x")
    start = round(sent.items[0].start_s * fs_hz)
    made = render(sent, rng, dbfs=-20, fs_hz=fs_hz)
    assert not made[:start].any()
    made = made[start : start + round(0.4 * fs_hz)]
    spectrum = np.abs(np.fft.rfft(made)) / (0.4 * fs_hz / 2)
    hz = np.fft.rfftfreq(made.size, 1 / fs_hz)
    for tone in (1000, 1500):
        assert spectrum[np.argmin(np.abs(hz - tone))] == pytest.approx(0.1, rel=0.02)


def test_a_recording_hums_whose_line_stays_where_the_voice_glides_or_pauses(rng):
    t = np.arange(3 * 8000) / 8000
    pitch_hz = 190 + 60 * np.sin(2 * np.pi * 0.9 * t)
    voice = sum(np.sin(k * 2 * np.pi * np.cumsum(pitch_hz) / 8000) / k for k in range(1, 16))
    talk = 0.1 * voice * (np.sin(2 * np.pi * 1.3 * t) > -0.3) + 3e-4 * rng.normal(size=t.size)
    assert np.isnan(find_hum_hz(talk))
    assert np.isnan(find_hum_hz(np.zeros(8000)))
    line = 10 ** (-38 / 20) * np.sin(2 * np.pi * 94.3 * t)
    assert find_hum_hz(talk + line) == pytest.approx(94.3, abs=1)
    gated = (talk + line) * (np.abs(t - 1.5) > 0.4)  # cut to silence where nobody speaks
    assert find_hum_hz(gated) == pytest.approx(94.3, abs=1)


def test_a_folder_is_left_out_if_half_of_it_hums_at_one_frequency_and_no_short_word_for_its_own_line(rng):
    t = np.arange(round(1.2 * 8000)) / 8000

    def word(hz, folder="room"):
        return Path(folder, "x.wav"), 1e-3 * rng.normal(size=t.size) + 0.1 * np.sin(2 * np.pi * hz * t)

    noise = Path("room", "y.wav"), 1e-3 * rng.normal(size=t.size)
    assert leave_out_hum([*(word(hz) for hz in (94.0, 94.5, 95.0)), noise, noise]) == []
    assert (
        len(leave_out_hum([*(word(hz) for hz in (90, 120, 150)), noise, noise])) == 5
    )  # voices: each its own
    assert len(leave_out_hum([*(word(hz) for hz in (94.0, 94.5, 95.0)), *[noise] * 5])) == 5
    assert (
        len(leave_out_hum([*(word(hz, f"{hz}") for hz in (94.0, 94.5, 95.0))])) == 3
    )  # folders of one word each


def test_what_is_a_multiple_of_the_mains_is_hum_whoever_sends_it(rng):
    def lone(hz):
        return scene(rng, [((hz,), 1500)], "x")

    assert families.is_hum(lone(100.0), "mains50")
    assert families.is_hum(lone(179.9), "mains60")
    assert not families.is_hum(lone(103.5), "mains50")
    assert not families.is_hum(scene(rng, [((100.0, 600.0), 1500)], "x"), "mains50")


def test_pitch_and_pace_are_changed_apart(rng):
    first = scene(rng, [((1000,), 400)], "x")
    assert first.at_pace(2).strokes[0].duration_s == pytest.approx(0.2)
    assert first.at_pace(2).strokes[0].freqs_hz == (1000,)
    assert first.at_pitch(1.01, 5).strokes[0].freqs_hz == (1015,)


def test_scenes_are_joined_one_after_the_other(rng):
    first, second = (scene(rng, [((1000,), 400)], name) for name in "ab")
    joined = join([first, second])
    assert [item.label for item in joined.items] == ["a", "b"]
    assert joined.items[1].start_s == first.duration_s + second.items[0].start_s


def test_noise_is_as_far_down_as_asked(rng):
    noise = channels.add_noise(np.zeros(400_000), rng, dbfs=-20, snr_db=10)
    assert 10 * np.log10(np.mean(noise**2) * 2) == pytest.approx(-30, abs=0.1)


def test_a_same_burst_begins_with_its_preamble_lowest_bits_first():
    assert same_bits("Z").startswith("11010101" * 16)
    assert same_bits("Z").endswith("01011010")


@pytest.mark.parametrize(
    ("digits", "tones"), [("11", "1E"), ("111", "1E1"), ("1123", "1E23"), ("1211", "121E")]
)
def test_the_repeat_tone_stands_for_a_digit_equal_to_the_one_before(digits, tones):
    alphabet = families.alphabet("zvei1")
    assert families.call_tones("zvei1", digits) == [alphabet[tone] for tone in tones]


def test_the_channel_of_a_radio_keeps_a_tone_and_adds_to_it(rng):
    tone = render(Scene(strokes=(Stroke(start_s=0, duration_s=1, freqs_hz=(1000,)),), duration_s=1), rng)
    heard = np.abs(np.fft.rfft(channels.nbfm(tone, rng) * np.hanning(8000)))
    assert np.argmax(heard) == 1000
    assert np.median(heard[300:3000]) > np.median(heard[10:200]) > 0


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_each_scene_has_one_item_that_counts_as_said_and_is_scored_as_right(family, rng):
    for table in family.tables:
        for k in range(4):
            made = family.make(rng, table, k)
            (item,) = made.items
            assert Judge(family=family, decoder=Parrot(item.label)).said([np.zeros(10)], table)[0]
            assert family.score([item.label], item.label) == 1
            assert family.score([], item.label) == 0
            assert made.duration_s > item.stop_s


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_each_family_has_its_lines_and_a_figure_wanted_of_each(family):
    lines = make_lines(family)
    assert len(lines) > len(EXTRAS[family.name]) + 7
    assert all(line.must for line in lines)
    assert len({line.name for line in lines}) == len(lines)


def test_whoever_says_the_same_of_everything_is_found_out():
    judge = Judge(family=FAMILIES["tone-burst"], decoder=Parrot("1750"), terms=Terms(scale=0.2))
    assert clean(judge) == (100.0,)
    (line,) = (line for line in make_lines(judge.family) if line.name.startswith("not 1750"))
    assert line.measure(judge) == (100.0,)
    assert not line.is_met((100.0,))
    assert judge.hourly(np.zeros(3600 * 80)) == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize(
    ("name", "must", "figures", "is_met"),
    [
        ("clean, right %", "100", (100.0,), True),
        ("clean, right %", "100", (99.0,), False),
        ("S/N, right %", "100/>=97", (100.0, 97.5), True),
        ("taken %", "0", (0.1,), False),
        ("false in speech / music / noise", "<=5/<=20/0", (5.0, 20.0, 0.0), True),
        ("false in speech / music / noise", "<=5/<=20/0", (5.0, 20.0, 1.0), False),
        ("known, ms", "-/<=30", (900.0, 29.0), True),
        ("known, ms", "-/<=30", (900.0, np.inf), False),
    ],
)
def test_figures_are_held_against_what_must_be_reached(name, must, figures, is_met):
    assert Line(name=name, measure=lambda _judge: (), must=must).is_met(figures) is is_met


@pytest.mark.parametrize(
    ("said", "score"), [(["CQ DE"], 1.0), (["C", "Q", " D", "E"], 1.0), (["CQ D"], 0.75), (["CQDEEEEE"], 0.0)]
)
def test_letters_that_are_too_many_count_against_those_that_are_right(said, score):
    assert families.score_letters(said, "CQ DE") == score


def test_the_rhythms_called_wrong_are_no_rhythm_of_the_country(rng):
    tones = families.CALL_PROGRESS["br"]
    assert extras.close(tones["busy"], 1.0, tones["congestion"])
    for _ in range(20):
        made = extras.wrong_rhythm(rng, "call-progress-us")
        first_ms = 1e3 * made.strokes[0].duration_s
        assert all(abs(first_ms / ms - 1) > 0.2 for ms in (500, 250, 2000))


def test_hum_is_heard_by_the_plan_that_is_there():
    judge = Judge(family=FAMILIES["mains"], decoder=Streamer(), terms=Terms(scale=0.25))
    assert judge.tables == ["mains50", "mains60"]
    assert clean(judge) == (100.0,)
    assert set(COMMON) >= set(judge.family.targets)


def test_more_of_what_must_not_be_taken_is_not_better():
    [line] = [
        line for line in make_lines(FAMILIES["call-progress"]) if line.name.startswith("right tones, wrong")
    ]
    assert line.is_met((0.0,))
    assert not line.is_met((6.0,))


def test_the_guides_page_is_made_of_what_is_kept_and_says_what_is_open(tmp_path, monkeypatch):
    monkeypatch.setattr(guide, "PAGE", tmp_path / "judged.md")
    monkeypatch.setattr(guide, "CAUSES", {("sit", "with speech"): "of a vowel"})
    lines = [
        {"name": "clean, right %", "must": "100", "figures": {"streamer": [100.0]}, "met": "yes"},
        {"name": "with speech, right %", "must": ">=95", "figures": {"streamer": [90.0]}, "met": "NO"},
    ]
    kept = {"title": "SIT", "who": ["streamer"], "seed": 1, "scale": 0.5, "speech": "blind", "lines": lines}
    guide.keep(tmp_path / "kept", "sit", kept)
    guide.keep(
        tmp_path / "kept",
        guide.FALSE,
        {"speech_set": "blind", "hours": [1, 1, 1], "plans": {"a": [0, 2, 0], "b": [0, 0, 0]}},
    )
    assert guide.write_page(tmp_path / "kept", ["sit", "fax"]) == ["fax"]
    page = (tmp_path / "judged.md").read_text()
    assert "| SIT | 1 of 2 | with speech, right %: 90 (asked >=95): of a vowel |" in page
    assert "| `a` | 0 | 2 | 0 |" in page
    assert "Nothing was told by `b`." in page
    assert "| clean, right % | 100 | 100 | yes |" in page


def test_a_table_that_is_kept_is_added_to_a_decoder_or_a_line_at_a_time():
    def make(who, **lines):
        lines = [
            {"name": name, "must": "100", "figures": {who: [figure]}, "met": "yes"}
            for name, figure in lines.items()
        ]
        return {"title": "x", "seed": 31, "scale": 1.0, "speech": "blind", "who": [who], "lines": lines}

    kept = guide.join(make("streamer", clean=100.0, noisy=90.0), make("spandsp", clean=80.0, noisy=0.0))
    assert kept["who"] == ["streamer", "spandsp"]
    again = guide.join(kept, make("streamer", noisy=99.0))
    assert [line["figures"] for line in again["lines"]] == [
        {"streamer": [100.0], "spandsp": [80.0]},
        {"streamer": [99.0], "spandsp": [0.0]},
    ]
    with pytest.raises(SystemExit, match="kept of seed 31"):
        guide.join(kept, {**make("streamer", clean=1.0), "seed": 32})
