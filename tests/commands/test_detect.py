"""streamer detect: digits of other programs, strange input, what was refused, and what was expected."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import streamer
from tests.programs import digits_of, read_lines, run
from tests.signals import dtmf_digits
from tests.sox import make_with_sox, needs_sox


@needs_sox
def test_detect_gives_the_digits_of_another_program_right_to_3_ms(tmp_path: Path) -> None:
    digits = "0123456789*#ABCD"
    make_with_sox(tmp_path / "all.wav", digits)
    result = run("detect", str(tmp_path / "all.wav"), "--json")
    assert result.returncode == 0, result.stderr
    lines = read_lines(result.stdout)
    assert digits_of(lines) == digits
    ends = [line for line in lines if line["type"] == "dtmf" and line["phase"] == "end"]
    for number, line in enumerate(ends):
        assert line["t_s"] == pytest.approx(0.25 + number * 0.11, abs=0.003)
        assert line["duration_s"] == pytest.approx(0.06, abs=0.003)
        assert line["file"] == "all.wav"
        assert line["time"] is None
    assert [line["type"] for line in (lines[0], *lines[-2:])] == ["start", "stats", "end"]


def test_several_files_come_in_their_order_whatever_the_number_of_jobs(dial: Path, tmp_path: Path) -> None:
    samples, _ = dtmf_digits("42", 8000)
    soundfile.write(tmp_path / "b.flac", np.concatenate([np.zeros(800), samples, np.zeros(800)]), 8000)
    files = [str(dial), str(tmp_path / "b.flac"), str(dial)]
    outputs = []
    for jobs in ("1", "2"):
        result = run("detect", *files, "--json", "-j", jobs)
        assert result.returncode == 0, result.stderr
        lines = read_lines(result.stdout)
        assert digits_of(lines) == "5550123425550123"
        outputs.append([line for line in lines if line["type"] == "dtmf"])
    assert outputs[0] == outputs[1]


def test_expect_ends_with_1_when_it_is_not_heard(dial: Path) -> None:
    assert run("detect", str(dial), "--expect", "50123").returncode == 0
    result = run("detect", str(dial), "--expect", "911")
    assert result.returncode == 1
    assert '"911" was not heard' in result.stderr


def write_call(path: Path, *channels: str) -> str:
    """A recording with these digits, a channel each."""
    rows = [
        np.concatenate([np.zeros(800), dtmf_digits(digits, 8000)[0], np.zeros(800)]) for digits in channels
    ]
    samples = np.zeros((max(map(len, rows)), len(rows)))
    for channel, row in enumerate(rows):
        samples[: len(row), channel] = row
    soundfile.write(path, samples, 8000)
    return str(path)


@pytest.mark.parametrize("wanted", ["5550123", "555-0123", "55 50 123", "0123"])
def test_expect_takes_dashes_and_spaces_as_people_write_them(wanted: str, dial: Path) -> None:
    done = run("detect", str(dial), "--expect", wanted)
    assert (done.returncode, done.stderr) == (0, f'streamer: "{wanted}" was heard in dial.wav\n')


def test_expect_is_met_by_one_channel_of_each_file_which_is_named(tmp_path: Path) -> None:
    both = write_call(tmp_path / "both.wav", "5550123", "5550123")
    legs = write_call(tmp_path / "legs.wav", "42", "5550123")
    done = run("detect", both, legs, "--expect", "555-0123")
    assert (done.returncode, done.stderr.splitlines()) == (
        0,
        [
            'streamer: "555-0123" was heard in both.wav',
            'streamer: "555-0123" was heard in legs.wav, channel 2',
        ],
    )
    assert run("detect", both, legs, "--expect", "42", "-q").returncode == 1


def test_expect_never_joins_the_digits_of_two_files_or_channels(tmp_path: Path) -> None:
    first, second = write_call(tmp_path / "a.wav", "1239"), write_call(tmp_path / "b.wav", "114")
    done = run("detect", first, second, "--expect", "911")
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            'streamer: "911" was not heard in a.wav; heard: 1239',
            'streamer: "911" was not heard in b.wav; heard: 114',
        ],
    )
    legs = write_call(tmp_path / "c.wav", "9", "11")
    done = run("detect", legs, "--expect", "911")
    assert (done.returncode, done.stderr) == (
        1,
        'streamer: "911" was not heard in c.wav; heard: channel 1: 9; channel 2: 11\n',
    )


def test_expect_of_nothing_is_refused(dial: Path) -> None:
    done = run("detect", str(dial), "--expect", " - ")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith('streamer: expect is " - "; write digits')


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_digits_are_a_line_for_each_channel_of_each_file(jobs: str, dial: Path, tmp_path: Path) -> None:
    assert run("detect", str(dial), "--digits", "-j", jobs).stdout == "5550123\n"
    both = write_call(tmp_path / "both.wav", "42", "42")
    assert run("detect", both, "--digits", "-j", jobs).stdout == "channel 1  42\nchannel 2  42\n"
    legs = write_call(tmp_path / "legs.wav", "42*", "17")
    assert run("detect", legs, "--digits", "-j", jobs).stdout == "channel 1  42*\nchannel 2  17\n"
    soundfile.write(tmp_path / "still.wav", np.zeros(8000), 8000)
    still = str(tmp_path / "still.wav")
    assert run("detect", still, "--digits", "-j", jobs).stdout == "\n"
    assert run("detect", str(dial), still, legs, "--digits", "-j", jobs).stdout == (
        "dial.wav  5550123\nstill.wav  \nlegs.wav  channel 1  42*\nlegs.wav  channel 2  17\n"
    )
    done = run("detect", str(dial), "--digits", "-o", str(tmp_path / "events.jsonl"))
    assert digits_of(read_lines((tmp_path / "events.jsonl").read_text())) == "5550123"
    assert done.stdout == "5550123\n"
    refused = run("detect", str(dial), "--digits", "--json")
    assert (refused.returncode, refused.stdout) == (2, "")


def test_csv_of_several_files_has_one_heading_and_a_line_an_event(dial: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a\nb,c.wav"
    odd.write_bytes(dial.read_bytes())
    run("detect", str(dial), str(odd), "-o", str(tmp_path / "x.csv"))
    rows = list(csv.reader((tmp_path / "x.csv").read_text().splitlines()))
    assert len(rows) == 15
    assert [row[0] for row in rows] == ["type", *["dtmf"] * 14]
    assert {row[5] for row in rows[1:]} == {"dial.wav", "a?b,c.wav"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mic", "mic never ends, and detect is for recordings: `streamer live mic` listens"),
        ("mic:usb", "mic:usb never ends"),
        ("sim:tone:440", "sim:tone:440 never ends: give --duration"),
    ],
)
def test_what_never_ends_is_refused_with_what_to_do(source: str, message: str) -> None:
    done = run("detect", source, timeout_s=20)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"streamer: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_what_never_ends_is_heard_for_the_duration_given() -> None:
    done = run("detect", "sim:dtmf:42+noise:-60", "--duration", "1s", "--digits")
    assert (done.returncode, done.stdout) == (0, "42\n")


SECOND = np.arange(8000) / 8000
STRANGE = {
    "silence": np.zeros(8000),
    "full-scale square waves": np.concatenate(
        [np.sign(np.sin(2 * np.pi * hz * SECOND[:1600])) * on for hz in range(53, 1700, 61) for on in (0, 1)]
    ),
    "NaN": np.full(8000, np.nan),
    "infinity": np.full(8000, np.inf),
    "DC": np.full(8000, 0.9),
    "one sample": np.array([0.5]),
    "clicks": (np.arange(8000) % 997 == 0) * 1.0,
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_input_holds_no_digit_and_breaks_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "strange.wav"
    soundfile.write(path, STRANGE[name].astype(np.float32), 8000, subtype="FLOAT")
    done = run("detect", path, "--json")
    records = read_lines(done.stdout)
    n = 8000 if name in ("NaN", "infinity") else 0
    told = f"streamer: strange.wav: {n} samples are NaN or infinite; they were taken for silence\n" * bool(n)
    assert (done.returncode, done.stderr) == (0, told)
    assert digits_of(records) == ""
    stats = next(record for record in records if record["type"] == "stats")
    assert stats["analysed"] == STRANGE[name].size
    assert stats.get("nonfinite", 0) == n


@pytest.mark.parametrize("rate_hz", [1, 3, 3000])
def test_a_rate_too_low_for_the_tones_is_refused_in_one_line(rate_hz: int, tmp_path: Path) -> None:
    path = tmp_path / "slow.wav"
    soundfile.write(path, np.zeros(8000, np.float32), rate_hz)
    done = run("detect", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"{rate_hz} Hz" in done.stderr


def test_explain_says_what_was_refused_and_by_how_much(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    samples, _ = dtmf_digits("5", 8000, on_ms=20)
    soundfile.write(path, np.concatenate([np.zeros(800), samples, np.zeros(800)]), 8000)
    done = run("detect", path, "--explain", "--json")
    records = read_lines(done.stdout)
    assert digits_of(records) == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("streamer: short.wav: 0.1")
    assert "no dtmf 5: shorter than min_on: " in line
    assert line.endswith(", the limit is 28.5 ms")
    stats = next(record for record in records if record["type"] == "stats")
    assert stats["rejections"] == {"shorter than min_on": 1}
    told = (
        "streamer: nothing was heard of dtmf in short.wav; --explain says what was refused, `streamer identify` "
        "tries all plans\n"
    )
    assert run("detect", path).stderr == told


def test_a_bad_file_among_good_ones_is_told_and_the_others_are_heard(dial: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFFgarbage")
    result = run("detect", str(tmp_path / "bad.wav"), str(dial))
    assert result.returncode == 3
    assert result.stdout.count("dtmf") == 7
    [line] = result.stderr.splitlines()
    assert "bad.wav" in line


def test_a_closed_stdout_is_no_error(dial: Path) -> None:
    line = f'"{sys.executable}" -m streamer detect "{dial}" --json | head -1; echo "${{PIPESTATUS[0]}}"'
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines()[-1] == "0"
    assert result.stderr == ""


def test_a_tone_too_high_for_one_file_is_left_out_of_that_file_and_told(tmp_path: Path) -> None:
    plan = tmp_path / "mixed.toml"
    plan.write_text(
        '[[tone]]\nname = "low"\nfreqs = [1000]\nmin_on = "100ms"\n'
        '[[tone]]\nname = "high"\nfreqs = [4100]\nmin_on = "100ms"\n'
    )
    for name, rate_hz in (("a.wav", 8000), ("b.wav", 16000)):
        t = np.arange(rate_hz) / rate_hz
        tones = 0.1 * np.sin(2 * np.pi * 1000 * t) + 0.1 * np.sin(2 * np.pi * 4100 * t) * (rate_hz > 8200)
        soundfile.write(tmp_path / name, np.concatenate([tones, np.zeros(rate_hz // 2)]), rate_hz)
    done = run("detect", str(tmp_path / "a.wav"), str(tmp_path / "b.wav"), "--plan", str(plan), "--json")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith('streamer: a.wav: tone "high" of plan mixed is left out: 4100 Hz cannot be heard')
    assert "--rate" not in line
    ends = [(r["file"], r["label"]) for r in read_lines(done.stdout) if r.get("phase") == "end"]
    assert sorted(ends) == [("a.wav", "low"), ("b.wav", "high"), ("b.wav", "low")]
    live = run("live", str(tmp_path / "a.wav"), "--speed", "max", "--plan", str(plan), "--json")
    assert live.returncode == 0
    (error,) = [record for record in read_lines(live.stdout) if record["type"] == "error"]
    assert error["message"] == line.removeprefix("streamer: ")


def test_a_file_of_which_nothing_is_left_to_hear_is_named(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "slow.wav", np.zeros(8000), 2000)
    done = run("detect", str(tmp_path / "slow.wav"))
    assert done.returncode == 2
    assert done.stderr.startswith(
        "streamer: slow.wav: dtmf of plan dtmf is left out: 1209 to 1633 Hz cannot be heard"
    )


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_two_files_of_one_name_are_told_apart_in_every_record(jobs: str, dial: Path, tmp_path: Path) -> None:
    names = [str(tmp_path / folder / "x.wav") for folder in "ab"]
    for name in names:
        Path(name).parent.mkdir()
        Path(name).write_bytes(dial.read_bytes())
    done = run("detect", *names, str(dial), "--json", "-j", jobs)
    records = read_lines(done.stdout)
    assert [record["source"] for record in records if record["type"] == "start"] == [*names, "dial.wav"]
    assert {record["file"] for record in records if record["type"] == "dtmf"} == {*names, "dial.wav"}


FIELD = Path(__file__).parent.parent / "field"


@pytest.mark.parametrize(
    ("name", "digits", "first_s", "gap"),
    [
        ("cut.flac", "012345", 0.201, (9792, 11488)),
        ("damaged-page.ogg", "56789*#", 1.101, (0, 8192)),
        ("cut.aiff", "01234567", 0.201, (12750, 8530)),
        ("cut.au", "01234567", 0.201, (12759, 8521)),
    ],
)
def test_a_damaged_recording_gives_its_digits_at_their_times_a_gap_and_code_3_live_and_offline(
    name: str, digits: str, first_s: float, gap: tuple[int, int]
) -> None:
    told = []
    for words in (
        ("detect", FIELD / name, "--json"),
        ("live", FIELD / name, "--json", "--speed", "max", "--plan", "dtmf"),
        ("live", FIELD / name, "--json", "--speed", "40", "--plan", "dtmf", "--workers", "2"),
    ):
        done = run(*map(str, words))
        assert done.returncode == 3
        assert f"{name} is damaged or cut short after" in done.stderr
        records = [{**record, "file": None} for record in read_lines(done.stdout)]
        assert digits_of(records) == digits
        (lost,) = [record for record in records if record["type"] == "gap"]
        assert (lost["sample"], lost["lost_samples"], lost["reason"]) == (*gap, "damaged")
        starts = [record["t_s"] for record in records if record.get("phase") == "end"]
        assert starts == pytest.approx([first_s + 0.18 * k for k in range(len(digits))], abs=0.003)
        (end,) = [record for record in records if record["type"] == "end"]
        assert end["captured"] == end["analysed"] + end["dropped"]
        assert end["dropped"] == (8192 if name == "damaged-page.ogg" else 0)
        told.append([record for record in records if record["type"] in ("dtmf", "gap", "end")])
    assert told[0] == told[1] == told[2]


def test_a_gap_beyond_the_wanted_duration_is_not_told() -> None:
    done = run("detect", str(FIELD / "cut.flac"), "--json", "--duration", "1s")
    assert (done.returncode, [r for r in read_lines(done.stdout) if r["type"] == "gap"]) == (0, [])
    done = run("detect", str(FIELD / "damaged-page.ogg"), "--json", "--duration", "500ms")
    assert [r["lost_samples"] for r in read_lines(done.stdout) if r["type"] == "gap"] == [4000]


def test_a_first_run_says_why_nothing_happens_for_some_seconds(dial: Path, tmp_path: Path) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    first = run("detect", str(dial), env=env)
    assert first.stderr == "streamer: compiling kernels (first run only, half a minute)\n"
    assert run("detect", str(dial), env=env).stderr == ""


def test_no_plan_is_nothing_listened_for_which_is_said_and_no_file_called_none(dial: Path) -> None:
    result = run("detect", str(dial), "--plan", "none")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("streamer: nothing is listened for: --plan dtmf would hear digits")
    both = run("detect", str(dial), "--plan", "none", "--plan", "dtmf")
    assert both.returncode == 2
    assert 'plan is "none,dtmf"; none is nothing to listen for, so it stands alone' in both.stderr


def test_what_was_expected_of_a_damaged_recording_is_told_beside_its_damage() -> None:
    done = run("detect", str(FIELD / "damaged-page.ogg"), "--expect", "567-89", "--digits")
    assert (done.returncode, done.stdout) == (3, "56789*#\n")
    damage, heard = done.stderr.splitlines()
    assert damage.startswith("streamer: damaged-page.ogg is damaged or cut short after")
    assert heard == 'streamer: "567-89" was heard in damaged-page.ogg'


@pytest.mark.parametrize("wanted", ["(555) 01-23", "5550123", "a b"])
def test_brackets_dashes_spaces_and_case_of_what_is_expected_do_not_count(
    wanted: str, tmp_path: Path
) -> None:
    path = write_call(tmp_path / "both.wav", "5550123AB", "5550123AB")
    assert run("detect", path, "--expect", wanted, "-q").returncode == 0


def test_of_files_in_which_nothing_is_heard_that_is_said_unless_somebody_wants_quiet(
    dial: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "still.wav", np.zeros(8000), 8000)
    still = str(tmp_path / "still.wav")
    told = (
        "streamer: nothing was heard of dtmf in still.wav; --explain says what was refused, `streamer identify` "
        "tries all plans\n"
    )
    assert run("detect", still).stderr == told
    assert run("detect", still, "-q").stderr == ""
    assert run("detect", str(dial)).stderr == ""
    assert run("detect", still, str(dial)).stderr == told


@pytest.mark.parametrize("words", [["detect", "{file}"], ["live", "--speed", "max", "{file}"]])
@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (["--plan", "fax"], "fax tells none: give --plan dtmf too"),
        (
            ["--plan", "fax", "--plan", "call-progress-us"],
            "fax, call-progress-us tells none: give --plan dtmf too",
        ),
        (["--plan", "none"], "nothing is listened for: give --plan dtmf"),
    ],
)
def test_digits_alone_are_not_asked_of_plans_that_tell_none(
    tmp_path: Path, words: list[str], plan: list[str], told: str
) -> None:
    make_with_sox(tmp_path / "a.wav", "5")
    done = run(*(word.format(file=tmp_path / "a.wav") for word in words), "--digits", *plan)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--digits prints digits, and {told}, or leave --digits out" in done.stderr
    assert (
        run("detect", str(tmp_path / "a.wav"), "--digits", "--plan", "fax", "--plan", "dtmf").stdout == "5\n"
    )


@pytest.mark.parametrize(
    ("n", "told"),
    [(1, "1 sample is NaN or infinite; it was"), (7, "7 samples are NaN or infinite; they were")],
)
def test_samples_that_are_no_numbers_are_told_by_file_and_by_array(
    tmp_path: Path, n: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    samples, _ = dtmf_digits("42", 8000)
    samples[-n:] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, 8000, subtype="FLOAT")
    done = run("detect", str(tmp_path / "nan.wav"), "--digits")
    assert (done.stdout, done.stderr) == ("42\n", f"streamer: nan.wav: {told} taken for silence\n")
    assert [event.label for event in streamer.detect(samples, 8000)] == ["4", "2"]
    assert [record.message for record in caplog.records] == [f"x: {told} taken for silence"]


@pytest.mark.parametrize(
    "words", [("detect",), ("detect", "-j", "2"), ("spectrogram", "-o", "{tmp}/{{name}}.png")]
)
def test_a_plan_that_is_not_in_order_is_told_once_however_many_recordings_there_are(
    words: tuple[str, ...], dial: Path, tmp_path: Path
) -> None:
    second, plan = tmp_path / "second.wav", tmp_path / "x.toml"
    second.write_bytes(dial.read_bytes())
    plan.write_text('[[tone]]\nname = "x"\nfreqs = [1000]\ntolerance = "1pc"\n')
    command = [word.format(tmp=tmp_path) for word in words]
    result = run(*command, "--plan", str(plan), str(dial), str(second))
    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"streamer: {plan}:4: tone[0].tolerance: ")
