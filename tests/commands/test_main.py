"""The command line: words, exit codes, one line for each mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamer.sources.synthetic.sounds import dtmf_digits
from tests.programs import digits_of, read_lines, run

needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed (Debian: sox)")


@pytest.fixture(scope="module")
def dial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """555-0123 at 8 kHz, made by this project's generator."""
    path = tmp_path_factory.mktemp("dial") / "dial.wav"
    samples, _ = dtmf_digits("5550123", 8000)
    soundfile.write(path, np.concatenate([np.zeros(800), samples, np.zeros(800)]), 8000)
    return path


def make_with_sox(path: Path, digits: str, *, on_s: float = 0.06, off_s: float = 0.05) -> None:
    """Digits by another program: each tone pair synthesised by sox, silence between."""
    rows = {d: (low, high) for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
            for d, high in zip(row, (1209, 1336, 1477, 1633), strict=True)}  # fmt: skip
    parts = []
    for number, digit in enumerate(digits):
        part = path.with_name(f"part{number}.wav")
        low, high = rows[digit]
        subprocess.run(
            [
                *("sox", "-D", "-n", "-r", "8000", "-b", "16", "-c", "1", part),
                *("synth", f"{on_s}", "sine", f"{low}", "sine", f"{high}", "remix", "1v0.25,2v0.25"),
                *("pad", "0", f"{off_s}"),
            ],
            check=True,
        )
        parts.append(part)
    silence = path.with_name("silence.wav")
    subprocess.run(
        ["sox", "-D", "-n", "-r", "8000", "-b", "16", "-c", "1", silence, "trim", "0", "0.25"], check=True
    )
    subprocess.run(["sox", silence, *parts, silence, path], check=True)


def test_help_and_version_end_with_0() -> None:
    result = run("--help")
    assert result.returncode == 0
    for command in ("live", "detect", "bands", "devices", "generate", "plan", "config", "completion"):
        assert command in result.stdout
    version = run("--version")
    assert version.returncode == 0
    assert "numba" in version.stdout


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
    assert (done.returncode, done.stderr) == (0, "")
    assert digits_of(records) == ""
    stats = next(record for record in records if record["type"] == "stats")
    assert stats["analysed"] == STRANGE[name].size
    assert stats.get("nonfinite", 0) == (8000 if name in ("NaN", "infinity") else 0)


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
    assert "no dtmf 5: shorter than min_on_ms: " in line
    assert line.endswith(", the limit is 28.5")
    stats = next(record for record in records if record["type"] == "stats")
    assert stats["rejections"] == {"shorter than min_on_ms": 1}
    assert run("detect", path).stderr == ""


def test_a_bad_file_among_good_ones_is_told_and_the_others_are_heard(dial: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"RIFFgarbage")
    result = run("detect", str(tmp_path / "bad.wav"), str(dial))
    assert result.returncode == 3
    assert result.stdout.count("dtmf") == 7
    [line] = result.stderr.splitlines()
    assert "bad.wav" in line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["live", "--frob"], 2, "--frob"),
        (["live", "/nowhere.wav"], 3, "/nowhere.wav"),
        (["live", "sim:tone:440:1s", "--bands", "700,30k"], 2, "30000 Hz"),
        (["live", "sim:tone:440:1s", "--bands", "third-octav:50-8k"], 2, "third-octave"),
        (["live", "sim:tone:440:1s", "--hop", "200%"], 2, "200%"),
        (["live", "sim:tone:440:1s", "--plan", "dmtf"], 2, "dtmf"),
        (["live", "sim:tune:440"], 2, "tune"),
        (["live", "cmd:no-such-program"], 3, "no-such-program"),
        (["live", "-", "--format", "s16be7", "--rate", "8k"], 2, "s16be7"),
        (["live", "--demo", "-o", "x.xls"], 2, "x.xls"),
        (["detect", "/nowhere.wav"], 3, "/nowhere.wav"),
        (["detect"], 2, "FILES"),
        (["bands", "697,-5"], 2, "-5"),
        (["plan", "check", "/nowhere.toml"], 2, "/nowhere.toml"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(words: list[str], code: int, said: str) -> None:
    result = run(*words)
    assert result.returncode == code, result.stderr
    # Where the kernels have just been changed, a run says that it compiles them: talk, and no part of the error.
    lines = [line for line in result.stderr.splitlines() if "compiling kernels (first run only)" not in line]
    assert len(lines) == 1, result.stderr
    [line] = lines
    assert said in line
    assert line.startswith("streamer: ")


def test_without_an_audio_library_it_says_what_to_install() -> None:
    # An interpreter whose loader finds no PortAudio, as on a machine without one.
    code = (
        "import ctypes.util, sys; ctypes.util.find_library = lambda name: None\n"
        "sys.modules['_sounddevice_data'] = None\n"
        "sys.argv = ['streamer', 'devices']\n"
        "from streamer.commands.main import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 3
    [line] = result.stderr.splitlines()
    assert "PortAudio" in line
    assert "apt install libportaudio2" in line
    assert "streamer live --demo" in line


def test_bands_shows_frequencies_and_resolution() -> None:
    result = run("bands", "dtmf", "--rate", "8k")
    assert result.returncode == 0
    assert "1633" in result.stdout
    assert "ENBW" in result.stdout


def test_the_event_schema_accepts_what_detect_prints(dial: Path) -> None:
    schema = json.loads(run("plan", "show", "--schema", "event").stdout)
    for line in read_lines(run("detect", str(dial), "--json").stdout):
        kind = {"dtmf": "Event", "start": "Start", "stats": "Stats", "end": "End"}[line["type"]]
        definition = schema["$defs"][kind]
        assert set(definition["required"]) <= set(line)
        assert set(line) <= set(definition["properties"])


def test_config_init_writes_settings_that_load(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    assert run("config", "init", str(path)).returncode == 0
    shown = run("config", "show", "--config", str(path), "--origin")
    assert shown.returncode == 0, shown.stderr
    assert "third-octave:50-8k" in shown.stdout
    again = run("config", "init", str(path))
    assert again.returncode == 2
    assert "exists" in again.stderr


def test_a_closed_stdout_is_no_error(dial: Path) -> None:
    line = f'"{sys.executable}" -m streamer detect "{dial}" --json | head -1; echo "${{PIPESTATUS[0]}}"'
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines()[-1] == "0"
    assert result.stderr == ""
