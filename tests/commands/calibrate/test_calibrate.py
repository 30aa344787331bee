"""streamer calibrate as a program, and what levels are told as from then on."""

from __future__ import annotations

import csv
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from tests.programs import read_lines, run

FS = 48_000
TONE = "sim:tone:1000@-24:3s+noise:-80"
QUICK = ("--duration", "1s", "-q")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}


def test_a_device_is_calibrated_listed_used_and_forgotten(env: dict[str, str]):
    first = run("calibrate", TONE, "--name", "UMIK-1", *QUICK, env=env)
    assert (first.returncode, first.stdout[:48]) == (0, "UMIK-1, channel 1: 0 dBFS is 118.00 dB SPL (94 d")
    assert run("calibrate", "--list", env=env).stdout == first.stdout
    live = run(
        "live", TONE, "--unit", "dbspl", "--calibration", "umik", "--json", "-q", "--duration", "1s", env=env
    )
    assert live.returncode == 0
    assert read_lines(live.stdout)[0]["spl_at_0_dbfs_db"] == [118.0]
    assert run("calibrate", "--forget", "umik", env=env).returncode == 0
    assert run("calibrate", "--list", env=env).stdout == ""


def test_a_dry_run_keeps_nothing_and_a_wrong_tone_neither(env: dict[str, str], tmp_path: Path):
    assert run("calibrate", TONE, "--dry-run", *QUICK, env=env).returncode == 0
    wrong = run("calibrate", TONE, "--name", "x", "--tone", "250", *QUICK, env=env)
    assert wrong.returncode == 1
    assert "1000.0 Hz, not 250 Hz; nothing was calibrated" in wrong.stderr
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("sim:noise:-30,loop",), "sim:noise:-30,loop, channel 1: there is no tone"),
        (("cmd:sleep 100", "-r", "8k", "--format", "s16le"), "0.5 s came in one piece"),
    ],
)
def test_it_gives_up_in_time_where_samples_never_end_or_never_come(
    words: tuple[str, ...], why: str, env: dict[str, str]
):
    done = run(
        "calibrate",
        *words,
        "--dry-run",
        "--duration",
        "500ms",
        "--timeout",
        "500ms",
        "-q",
        env=env,
        timeout_s=30,
    )
    assert done.returncode == 1
    assert why in done.stderr
    assert done.stderr.endswith("nothing was calibrated\n")


def test_a_recording_that_is_too_short_is_called_by_its_name(env: dict[str, str]):
    done = run("calibrate", "sim:tone:1000@-20:200ms", "--dry-run", "-q", env=env)
    assert (
        done.stderr
        == "streamer: sim:tone:1000@-20:200ms, channel 1: not 5 s came in one piece; nothing was calibrated\n"
    )


@pytest.mark.parametrize("name", ["auto", "118dB", "a\nb", "a\udcff", "\x1b[31m", " desk"])
def test_a_name_that_calibration_could_not_be_told_is_refused_before_it_listens(
    name: str, env: dict[str, str], tmp_path: Path
):
    done = run("calibrate", TONE, "--name", name, *QUICK, env=env)
    assert done.returncode == 2
    assert "name is " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((TONE,), "say by --name"),
        ((TONE, "--dry-run", "--level", "loud"), 'level is "loud"'),
        ((TONE, "--dry-run", "--level", "94dBA"), "--noise"),
        ((TONE, "--dry-run", "--noise", "--tone", "1k"), "leave one of them out"),
        ((TONE, "--dry-run", "--channel", "2"), "channel 2"),
        ((TONE, "--dry-run", "--correction", "none.txt"), "cannot be read"),
        ((TONE, "--list"), "leave it out"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(words: tuple[str, ...], said: str, env: dict[str, str]):
    result = run("calibrate", *words, env=env)
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert said in line


def test_a_known_sound_is_read_to_a_tenth_of_a_decibel_by_a_microphone_that_is_not_flat(
    env: dict[str, str], tmp_path: Path
):
    """The pressure itself is measured by scipy, by filters built of the standard's poles; a microphone of its own
    response and sensitivity turns it into samples, which are all that streamer is given."""
    t = np.arange(4 * FS) / FS
    calibrator_pa = np.sqrt(2) * 20e-6 * 10 ** (94 / 20) * np.sin(2 * np.pi * 1000 * t)
    noise_pa = make_pink(12 * FS, seed=3) * 20e-6 * 10 ** (71.3 / 20)
    soundfile.write(tmp_path / "94db.wav", hear(calibrator_pa), FS, subtype="FLOAT")
    soundfile.write(tmp_path / "noise.wav", hear(noise_pa), FS, subtype="FLOAT")
    (tmp_path / "mic.txt").write_text("* made up\n" + "".join(f"{hz} {db}\n" for hz, db in RESPONSE))
    words = ("--name", "Mine", "--correction", str(tmp_path / "mic.txt"))
    assert run("calibrate", str(tmp_path / "94db.wav"), *words, *QUICK, env=env).returncode == 0
    kept = tomllib.loads((tmp_path / "config/streamer/calibrations.toml").read_text())["calibration"][0]
    assert kept["spl_at_0_dbfs_db"] == pytest.approx(20 * np.log10(1 / (0.05 * np.sqrt(2) * 20e-6)), abs=0.02)

    for weighting in ("Z", "A", "C"):
        target = tmp_path / f"{weighting}.csv"
        words = ("-b", "third-octave:25-16k", "--leq", "12s", "--unit", "dbspl", "--weighting", weighting)
        result = run(
            "spectrogram",
            str(tmp_path / "noise.wav"),
            *words,
            "--calibration",
            "mine",
            "-o",
            str(target),
            env=env,
        )
        assert result.returncode == 0, result.stderr
        [row] = [row for row in csv.DictReader(target.read_text().splitlines()) if row["figure"] == "leq"]
        assert row["unit"] == ("dB SPL" if weighting == "Z" else f"dB({weighting}) SPL")
        assert float(row["total"]) == pytest.approx(measure_spl(noise_pa, weighting), abs=0.1)


RESPONSE = [(20.0, -4.0), (100.0, -0.5), (1000.0, 1.5), (5000.0, 2.0), (20_000.0, 7.0)]


def hear(pressure_pa: np.ndarray) -> np.ndarray:
    """0.05 of full scale a pascal, and RESPONSE on top."""
    hz = np.fft.rfftfreq(len(pressure_pa), 1 / FS)
    log_hz, gains_db = np.log([point[0] for point in RESPONSE]), [point[1] for point in RESPONSE]
    gain = 10 ** (np.interp(np.log(np.maximum(hz, 1e-3)), log_hz, gains_db) / 20)
    return np.fft.irfft(0.05 * gain * np.fft.rfft(pressure_pa), len(pressure_pa))


def make_pink(n: int, *, seed: int) -> np.ndarray:
    """From 25 Hz to 16 kHz, RMS 1."""
    hz = np.fft.rfftfreq(n, 1 / FS)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    spectrum[(hz < 23) | (hz > 17_500)] = 0
    x = np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 1)), n)
    return x / np.sqrt(np.mean(x * x))


def measure_spl(pressure_pa: np.ndarray, weighting: str) -> float:
    """By Welch's method and the analog filter of IEC 61672-1, annex E, by its poles."""
    hz, density = scipy.signal.welch(pressure_pa, FS, nperseg=FS)
    if weighting != "Z":
        poles_hz = [20.598997, 20.598997, 12194.217, 12194.217] + [107.65265, 737.86223] * (weighting == "A")
        poles, zeros = [-2 * np.pi * each for each in poles_hz], [0.0] * (4 if weighting == "A" else 2)
        _, gain = scipy.signal.freqs_zpk(zeros, poles, 1.0, 2 * np.pi * hz)
        _, [at_1_khz] = scipy.signal.freqs_zpk(zeros, poles, 1.0, [2 * np.pi * 1000])
        density = density * np.abs(gain / at_1_khz) ** 2
    return float(10 * np.log10(density.sum() * (hz[1] - hz[0]) / 20e-6**2))


def test_live_and_offline_tell_the_same_sound_pressure(env: dict[str, str], tmp_path: Path):
    path = tmp_path / "dial.wav"
    assert (
        run(
            "generate", "silence:200ms,dtmf:159@-30:80ms/80ms+noise:-70", "-o", str(path), "-r", "8k"
        ).returncode
        == 0
    )
    words = ("--calibration", "118dB", "--unit", "dbspl", "--json", "-q")
    offline = read_lines(run("detect", str(path), *words, env=env).stdout)
    live = read_lines(run("live", str(path), *words, "--speed", "max", env=env).stdout)
    told = [
        [(e["label"], e["level_dbspl"]) for e in lines if e["type"] == "dtmf" and e["phase"] == "end"]
        for lines in (offline, live)
    ]
    assert told[0] == told[1]
    assert [label for label, _ in told[0]] == ["1", "5", "9"]
    assert all(e["level_dbspl"] == pytest.approx(e["level_dbfs"] + 118) for e in live if "level_dbspl" in e)


def test_text_tells_the_unit_that_was_asked_for_and_json_both(env: dict[str, str]):
    words = ("detect", "sim:dtmf:1@-20", "-q", "--calibration", "118dB")
    assert "dB SPL" in run(*words, "--unit", "dbspl", env=env).stdout
    assert "dBm0" in run(*words, "--unit", "dbm0", env=env).stdout
    assert "dB(A) SPL" in run(*words, "--unit", "dbspl", "--weighting", "a", env=env).stdout
    assert "dBFS" in run(*words, env=env).stdout
    plain = run("live", *words[1:], "--unit", "dbspl", "--plain", env=env)
    assert "dB SPL" in plain.stdout


@pytest.mark.parametrize("command", ["live", "detect", "spectrogram"])
def test_sound_pressure_of_an_unknown_microphone_is_refused_with_code_2(
    command: str, env: dict[str, str], tmp_path: Path
):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros(8000), 8000)
    result = run(command, str(path), "--unit", "dbspl", "-q", env=env)
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert "is not calibrated" in line
    assert "--calibration" in line
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.wav"]
