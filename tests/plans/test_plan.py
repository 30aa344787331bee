from __future__ import annotations

import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.fields import FREQS
from streamer.base.toml import read_toml
from streamer.detectors.dtmf.spec import PRESETS
from streamer.detectors.limits import deviation_hz
from streamer.detectors.registry import KINDS, Kind, load_kind
from streamer.plans.bands import parse_bank
from streamer.plans.plan import (
    PlanError,
    build_detectors,
    build_what_fits,
    choose_plans,
    find_plan,
    list_plans,
    load_plan,
    parse_plan,
)


def findings_of(text, **context):
    with pytest.raises(PlanError) as caught:
        parse_plan(text, name="x.toml", **context)
    return [str(finding) for finding in caught.value.findings]


def test_a_tone_is_written_with_units_in_its_values_or_in_its_keys():
    with_values = 'name = "hum"\nfreqs = ["0.1k", 50]\nopen_snr = "9dB"\nmin_on = "250ms"\ntolerance = "1%"\n'
    with_keys = 'name = "hum"\nfreqs_hz = [100, 50]\nopen_snr_db = 9\nmin_on_ms = 250\ntolerance = 0.01\n'
    (first,) = parse_plan(f"[[tone]]\n{with_values}", name="x.toml").entries["tone"]
    (second,) = parse_plan(f"[[tone]]\n{with_keys}", name="x.toml").entries["tone"]
    assert first == second
    assert first.freqs_hz == (50, 100)
    assert (first.open_snr_db, first.min_on_ms, first.tolerance) == (9, 250, 0.01)


def test_a_dtmf_table_starts_from_a_preset():
    (spec,) = parse_plan('[dtmf]\npreset = "q24-att"\nmin_level = "-30dBm0"', name="x").entries["dtmf"]
    assert spec.min_level_dbfs == pytest.approx(-33.14)
    assert spec.max_high_over_low_db == PRESETS["q24-att"].max_high_over_low_db
    assert parse_plan("[dtmf]", name="x").entries["dtmf"] == (PRESETS["default"],)


def test_every_mistake_is_reported_at_once_with_line_and_key():
    found = findings_of(
        """[[tone]]
name = "x"
freq = [440]
min_on = 250
open_snr = "8dBFS"
[[tone]]
name = "y"
freqs = [
  440,
  "1e",
]
min_on = "1s"
min_on_ms = 3
[dtmf]
preset = "lenyent"
min_level_dbm = -3
[[sequence]]
name = "s"
steps = [{freqs=[440]},
  {freqs=[1], on="2s-1s", foo=3}]
[[cadence]]
name = "c"
pattern = "480+620/500,/3"
[cadense]
[[tone]]
name = "z"
freqs = [440, 500]
close_snr = "10dB"
"""
    )
    starts = [
        "1: tone[0]: freqs is missing",
        "3: tone[0].freq: not a key here; did you mean freqs? There are: name, freqs, tolerance, open_snr,",
        '4: tone[0].min_on: min_on is 250, without a unit; write min_on = "250ms" or min_on_ms = 250',
        '5: tone[0].open_snr: open_snr is "8dBFS"; it compares two levels',
        '8: tone[1].freqs: freqs is "1e": "e" is no unit of frequency',
        "13: tone[1].min_on_ms: said twice, as min_on and as min_on_ms",
        '15: dtmf.preset: "lenyent" is no preset; did you mean lenient?',
        "16: dtmf.min_level_dbm: not a key here; did you mean min_level?",
        "19: sequence[0].steps[0]: on is missing",
        '20: sequence[0].steps[1].on: on is "2s-1s"; the shorter of the two comes first',
        "20: sequence[0].steps[1].foo: not a key here; there are: freqs, on",
        '23: cadence[0].pattern: pattern has "/3"; write freq[+freq]/ms',
        "24: cadense: not a section of a plan; did you mean cadence?",
        '28: tone[2].close_snr: tone "z": close_snr_db is 10; it must not exceed open_snr_db',
    ]
    assert [message[: len(start)] for message, start in zip(found, starts, strict=True)] == starts


def test_several_mistakes_stand_below_a_heading_and_one_stands_alone():
    with pytest.raises(PlanError) as caught:
        parse_plan("[x]\n[y]", name="x.toml")
    heading, *lines = str(caught.value).splitlines()
    assert heading == "x.toml: 2 mistakes"
    assert [line[:13] for line in lines] == ["  x.toml:1: x", "  x.toml:2: y"]
    with pytest.raises(PlanError) as caught:
        parse_plan("[dtmf]\n[y]", name="x.toml")
    assert str(caught.value).startswith("x.toml:2: y: not a section of a plan; ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "1: nothing to listen for; write one of: tone, sequence, cadence, code, paired, presence, keying, fsk",
        ),
        ("tone = 3", "1: tone: entries are written [[tone]]"),
        ("[tone]", "1: tone: entries are written [[tone]]"),
        ("[[dtmf]]", "1: dtmf: one table is written [dtmf]"),
        ("[dtmf]\npreset = [1]", '2: dtmf.preset: "[1]" is no preset; there are: default'),
        ("[dtmf]\nmin_on = true", "2: dtmf.min_on: min_on is True, without a unit"),
        ("[dtmf]\nmin_on_ms = nan", "2: dtmf.min_on_ms: min_on_ms is "),
        ("[dtmf]\nmin_on_ms = -40", "2: dtmf.min_on_ms: min_on_ms is -40; a duration is not below 0"),
        ("[dtmf]\nmin_on_ms = 5", "2: dtmf.min_on_ms: dtmf: min_on_ms is 5; it must lie in 20..1000"),
        ('[dtmf]\ndigits = "\\u001b"', "2: dtmf.digits: digits is "),
        ("description = 3\n[dtmf]", "1: description: write a text"),
        ('[[code]]\nname = "c"', "1: code[0]: write either family, such as zvei1, or digits"),
        ('[[code]]\nname = "c"\nfamily = "zvei"', '3: code[0].family: family is "zvei"; did you mean zvei'),
        (
            '[[cadence]]\nname = "c"\npattern = "440/500,0/500"\nrepeats = 2.5',
            "4: cadence[0].repeats: repeats is",
        ),
        (
            '[[sequence]]\nname = "s"\nsteps = [{freqs = [440], on = "1s-2s"}]',
            "3: sequence[0].steps: steps holds 1;",
        ),
    ],
)
def test_a_mistake_says_what_is_right(text, message):
    (found,) = findings_of(text)
    assert found.startswith(message)


def test_two_entries_of_one_name_could_not_be_told_apart():
    (found,) = findings_of('[[tone]]\nname = "x"\nfreqs = [440]\n[[tone]]\nname = "x"\nfreqs = [880]')
    assert found == '5: tone[1].name: "x" is the name of the entry in line 1 too'


def test_what_the_signal_does_not_allow_is_reported_for_every_entry():
    found = findings_of(
        """[[tone]]
name = "close"
freqs = [440, 441]
[[tone]]
name = "high"
freqs = [3000, 4400]
[[tone]]
name = "short"
freqs = [440]
min_on = "100ms"
window = "200ms"
[[sequence]]
name = "brief"
steps = [{freqs=[100], on="20ms-1s"}, {freqs=[1000], on="1s-2s"}]
[[cadence]]
name = "fast"
pattern = "480+490/100,0/100"
""",
        fs_hz=8000,
    )
    starts = [
        "1: tone[0]: 440 and 441 Hz lie 1 Hz apart; hearing that takes a window of 4s, and min_on gives 100ms",
        "4: tone[1]: 4400 Hz cannot be heard at a sample rate of 8000 Hz, only what lies below 4000 Hz",
        "7: tone[2]: min_on is 100ms, shorter than the window of 200ms",
        "12: sequence[0]: 100 Hz has a period of 10ms; hearing that takes a window of 40ms, and on gives 20ms",
        "15: cadence[0]: 480 and 490 Hz lie 10 Hz apart; hearing that takes a window of 400ms, and the pattern",
    ]
    assert [message[: len(start)] for message, start in zip(found, starts, strict=True)] == starts


ALL_SECTIONS = """
description = "all of it"
[[tone]]
name = "täst"
freqs = [440.5, 490]
[dtmf]
preset = "etsi"
[[sequence]]
name = "station-7"
tolerance = "1.5%"
max_gap = "200ms"
cooldown = "30s"
steps = [{freqs=[1185.2], on="0.6s-1.5s"}, {freqs=[1122.5], on_ms=[2000, 4000]}]
[[cadence]]
name = "us-busy"
pattern = "!400*25/33.5,480+620/500,0/500"
repeats = 2
[[code]]
name = "fire"
family = "zvei1"
repeat_digit = "E"
[[code]]
name = "own"
digits = { 1 = [1060], KP = [1100, 1700] }
"""


def test_every_section_of_the_format_is_read():
    plan = parse_plan(ALL_SECTIONS, name="x.toml", fs_hz=8000)
    assert plan.count() == {"tone": 1, "dtmf": 1, "sequence": 1, "cadence": 1, "code": 2}
    sequence = plan.entries["sequence"][0]
    assert [step.on_ms for step in sequence.steps] == [(600, 1500), (2000, 4000)]
    assert (sequence.max_gap_ms, sequence.cooldown_ms) == (200, 30000)
    assert plan.entries["code"][1].freqs_hz == (1060, 1100, 1700)
    assert (1185.2, "station-7 1185.2") in plan.list_bands()


def test_a_plan_is_shown_as_a_plan_that_says_the_same():
    plan = parse_plan(ALL_SECTIONS, name="x.toml")
    shown = plan.format()
    assert parse_plan(shown, name="x.toml").entries == plan.entries
    assert 'pattern = "!400*25/33.5,480+620/500,0/500"' in shown
    assert "close_snr_db = 4\n" in shown  # a default


def test_a_section_without_a_detector_is_refused_when_it_is_to_be_heard(monkeypatch):
    monkeypatch.setitem(KINDS, "loudness", __name__)
    monkeypatch.setitem(globals(), "KIND", replace(KIND, detector=None))
    load_kind.cache_clear()
    plan = parse_plan('[[loudness]]\nname = "loud"\nfreqs = [440]', name="x.toml")
    with pytest.raises(SpecError, match=r'x.toml: \[\[loudness\]\] "loud" can be checked but not heard yet'):
        build_detectors(plan, 8000)
    load_kind.cache_clear()


@dataclass(frozen=True, kw_only=True)
class LoudnessSpec:
    """A kind of decision made up for a test."""

    name: str
    freqs_hz: tuple[float, ...] = field(metadata=FREQS)
    min_level_dbfs: float = -40.0

    def list_tones(self):
        return [(hz, self.name) for hz in self.freqs_hz]

    def list_obstacles(self, fs_hz):
        return [f"{hz:g} Hz is too high" for hz in self.freqs_hz if hz > fs_hz / 2]


KIND = Kind(
    section="loudness",
    limits=LoudnessSpec,
    detector=lambda spec, *, fs_hz, channel: (spec.name, fs_hz, channel),
)


def test_a_kind_of_decision_is_one_file_and_one_line(monkeypatch):
    monkeypatch.setitem(KINDS, "loudness", __name__)
    entry = '[[loudness]]\nname = "loud"\nfreqs = ["5k"]\nmin_level = "-30dBFS"'
    plan = parse_plan(entry, name="x.toml")
    assert plan.entries["loudness"] == (LoudnessSpec(name="loud", freqs_hz=(5000,), min_level_dbfs=-30),)
    assert parse_plan(plan.format(), name="x.toml").entries == plan.entries
    assert plan.list_bands() == [(5000, "loud")]
    assert build_detectors(plan, 16000, channel=2) == [("loud", 16000, 2)]
    assert findings_of(entry, fs_hz=8000) == ["1: loudness[0]: 5000 Hz is too high"]
    assert findings_of("[loudnes]")[0].startswith(
        "1: loudnes: not a section of a plan; did you mean loudness?"
    )


def test_detectors_are_built_for_the_channel_asked_for():
    plan = parse_plan('[dtmf]\n[[tone]]\nname = "a"\nfreqs = [440]', name="x")
    detectors = build_detectors(plan, 8000, channel=2)
    assert [type(detector).__name__ for detector in detectors] == ["DtmfDetector", "ToneDetector"]
    assert all(detector.analysis.fs_hz == 8000 for detector in detectors)
    assert all(detector.channel == 2 for detector in detectors)


def test_what_only_a_detector_finds_out_has_its_line_too():
    plan = parse_plan('\n[[tone]]\nname = "a"\nfreqs = [3999]', name="x.toml")
    with pytest.raises(PlanError, match=r"x.toml:2: tone\[0\]: .*3999 Hz"):
        build_detectors(plan, 8000)


def test_a_plan_is_found_by_path_or_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/streamer/plans").mkdir(parents=True)
    own = tmp_path / "config/streamer/plans/own.toml"
    own.write_text("[dtmf]\n")
    assert find_plan("own") == own
    assert load_plan("own").name == "own"
    assert load_plan(str(own)).entries == load_plan("own").entries
    assert "dtmf" in list_plans()
    (own.parent / "dtmf.toml").write_text("[dtmf]\npreset = 'etsi'\n")
    assert load_plan("dtmf").entries["dtmf"] == (PRESETS["etsi"],)  # the user's own wins
    with pytest.raises(SpecError, match=r'no plan is called "dtfm"; did you mean dtmf\? There are: .*own'):
        load_plan("dtfm")
    with pytest.raises(SpecError, match=r"none\.toml cannot be read: No such file"):
        load_plan(str(tmp_path / "none.toml"))
    with pytest.raises(SpecError, match='no plan is called "xxx'):
        load_plan("x" * 5000)
    for nothing in ("", " ", "\0"):
        with pytest.raises(SpecError, match="plan is"):
            load_plan(nothing)


def test_a_bank_can_be_had_from_a_plan():
    bank = parse_bank("plan:call-progress-us", 8000)
    assert list(bank.freqs_hz) == [350, 440, 480, 620]
    assert bank.labels[1] == "us-dial 440/us-ringback 440/us-callwaiting"
    assert list(parse_bank("plan:dtmf").labels) == list(parse_bank("dtmf").labels)


SCRAPS = st.sampled_from(
    [
        *(
            "[[tone]]",
            "[dtmf]",
            "[[cadence]]",
            "[[code]]",
            "[[sequence]]",
            "name='a'",
            "name='b'",
            "freqs=[440]",
        ),
        *(
            "freqs=[]",
            "freqs=['1e9999']",
            "freqs=[[1]]",
            "pattern='440/100,0/100'",
            "min_on='1s'",
            "min_on_ms=-1",
        ),
        *(
            "family='eea'",
            "digits={1=2}",
            "digits={1={}}",
            "steps=[{}]",
            "steps=[3]",
            "on='1s-2s'",
            "window_ms=inf",
        ),
        *(
            "repeats=10000000000000000000000",
            "tolerance='900%'",
            "preset=1979-05-27",
            "x.y.z=1",
            "freqs=[1e-9]",
        ),
    ]
)


@given(st.lists(SCRAPS, max_size=7).map("\n".join) | st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_plan_or_a_spec_error(text):
    plan, message = None, ""
    try:
        plan = parse_plan(text, name="x.toml", fs_hz=8000)
    except SpecError as error:
        message = str(error)
    assert plan.list_bands() if plan else message.startswith("x.toml")


def test_what_a_rate_does_not_allow_is_left_out_and_named_and_the_rest_is_heard():
    plan = parse_plan(
        '[dtmf]\n[[tone]]\nname = "low"\nfreqs = [1000]\n[[tone]]\nname = "high"\nfreqs = [440, 4100]\n'
        '[[tone]]\nname = "edge"\nfreqs = [3999]',
        name="mixed.toml",
    )
    detectors, left_out = build_what_fits(plan, 8000)
    assert [type(detector).__name__ for detector in detectors] == ["DtmfDetector", "ToneDetector"]
    assert left_out == [
        (
            'tone "high" of plan mixed is left out: 4100 Hz cannot be heard at a sample rate of 8000 Hz, only what '
            "lies below 4000 Hz"
        ),
        ANY,
    ]
    assert left_out[1].startswith('tone "edge" of plan mixed is left out: ')
    assert len(build_what_fits(plan, 16000)[0]) == 4
    with pytest.raises(PlanError, match="4100 Hz"):
        build_detectors(plan, 8000)


def test_a_mistake_that_no_rate_mends_is_not_left_out():
    plan = parse_plan('[dtmf]\n[[tone]]\nname = "a"\nfreqs = [440, 441]\nmin_on = "100ms"', name="x.toml")
    with pytest.raises(PlanError, match="1 Hz apart"):
        build_what_fits(plan, 8000)


@pytest.mark.parametrize(
    ("written", "hz_at_1000"),
    [('"1.5%"', 15), ("0.02", 20), ('"38Hz"', 38), ('"25 Hz"', 25), ('"1.5%+10Hz"', 25), ('"0.5% + 1Hz"', 6)],
)
@pytest.mark.parametrize("section", ["tone", "sequence", "cadence", "code"])
def test_a_tolerance_is_a_share_or_hertz_or_both(written, hz_at_1000, section):
    rest = {
        "tone": "freqs = [1000]",
        "sequence": 'steps = [{freqs = [1000], on = "1s-2s"}, {freqs = [1200], on = "1s-2s"}]',
        "cadence": 'pattern = "1000/500,0/500"',
        "code": "digits = { 1 = [1000], 2 = [1160] }",
    }[section]
    text = f'[[{section}]]\nname = "x"\n{rest}\ntolerance = {written}\n'
    (spec,) = parse_plan(text, name="p.toml").entries[section]
    assert deviation_hz(spec.tolerance, 1000) == pytest.approx(hz_at_1000)
    plan = parse_plan(text, name="p.toml")
    (again,) = parse_plan(plan.format(), name="p.toml").entries[section]
    assert again == spec


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('"38"', "percentage"),
        ('"1pc"', 'tolerance is "1pc"; write a percentage, hertz or both, such as 1.5%, 38Hz or 1.5%'),
        ('"300Hz"', "tolerance is 300Hz, 30 % of 1000 Hz; it must lie above 0% and up to 20%"),
        ('"1%+2%+3Hz"', "such as 1.5%, 38Hz or 1.5%\\+10Hz"),
        ('"-5Hz"', "above 0"),
        ("[1]", "such as 1.5%, 38Hz"),
        ("true", "true|True"),
    ],
)
def test_a_tolerance_that_cannot_be_meant_is_refused(written, message):
    with pytest.raises(PlanError, match=message):
        parse_plan(f'[[tone]]\nname = "x"\nfreqs = [1000]\ntolerance = {written}\n', name="p.toml")


def test_a_plan_that_is_named_is_the_only_one_that_is_looked_into(monkeypatch):
    read = []
    monkeypatch.setattr(
        "streamer.plans.plan.read_toml", lambda path: read.append(path.stem) or read_toml(path)
    )
    find_plan("zvei1")
    assert read == ["zvei1"]


def test_several_plans_are_named_with_a_comma_or_all_at_once(tmp_path: Path) -> None:
    assert choose_plans(["dtmf,fax", "sit"]) == ("dtmf", "fax", "sit")
    everything = choose_plans(["all"])
    assert {"dtmf", "mfc-r2", "morse"} <= set(everything)
    assert "mfc-r2-forward" not in everything  # which is a part of mfc-r2
    own = tmp_path / "a,b.toml"
    own.write_text('[[tone]]\nname = "a"\nfreqs = [440]\n')
    assert choose_plans(["all", str(own)]) == (*everything, str(own))
    assert choose_plans([str(own)]) == (str(own),)
    with pytest.raises(SpecError, match="stands alone"):
        choose_plans(["none,dtmf"])


def test_a_plan_is_read_once_and_again_as_soon_as_its_file_says_something_else(tmp_path: Path):
    path = tmp_path / "p.toml"
    path.write_text('[[tone]]\nname = "a"\nfreqs = [1000]\n')
    before = load_plan(str(path))
    assert load_plan(str(path)) is before
    path.write_text(
        '[[tone]]\nname = "a"\nfreqs = [1001]\n'
    )  # as long as before, and perhaps at the same time
    assert load_plan(str(path)).entries["tone"][0].freqs_hz == (1001,)
    assert all(load_plan(name) is load_plan(str(find_plan(name))) for name in choose_plans(["all"]))


def test_a_mistake_is_the_same_in_another_process() -> None:
    with pytest.raises(PlanError) as caught:
        parse_plan("[[tone]]\nfreqs = [1]\nname = 2\n", name="x.toml")
    sent = pickle.loads(pickle.dumps(caught.value))
    assert (str(sent), sent.findings) == (str(caught.value), caught.value.findings)
