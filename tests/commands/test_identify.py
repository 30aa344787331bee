"""streamer identify, as a program."""

from __future__ import annotations

import signal
import time
import tomllib
from pathlib import Path

import jsonschema
import pytest

from streamer.detectors.registry import list_event_types
from streamer.events import make_schema
from tests.programs import read_lines, run, start
from tests.virtual_mic import VirtualMic

UNKNOWN = "sim:noise:-50,cadence:1234.5+1500/300,0/200,1234.5+1500/300,0/1000x3,silence:1s"


def test_what_goes_to_stdout_is_a_plan_that_detect_hears(tmp_path: Path) -> None:
    done = run("identify", UNKNOWN, "-r", "8k")
    assert done.returncode == 0, done.stderr
    plan = tmp_path / "found.toml"
    plan.write_text(done.stdout)
    (entry,) = tomllib.loads(done.stdout)["cadence"]
    heard = run("detect", UNKNOWN, "-r", "8k", "--plan", str(plan), "--json")
    labels = {line["label"] for line in read_lines(heard.stdout) if line["type"] == "match"}
    assert labels == {entry["name"]} == {"cadence-1"}


def test_the_plan_goes_to_a_file_and_records_to_stdout(tmp_path: Path) -> None:
    done = run("identify", "sim:dtmf:42,silence:1s", "-r", "8k", "--json", "-o", str(tmp_path / "found.toml"))
    lines = read_lines(done.stdout)
    assert [line["type"] for line in lines] == ["start", "family", "summary", "stats", "end"]
    assert (lines[1]["plan"], lines[1]["heard"], lines[1]["labels"]) == ("dtmf", "42", {"4": 1, "2": 1})
    assert "42" in (tmp_path / "found.toml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["found.toml"]


def test_records_are_as_the_schema_says() -> None:
    words = ("-r", "8k", "--json", "--plan", "dtmf", "--calibration", "118dB")
    lines = read_lines(run("identify", f"{UNKNOWN},dtmf:5,silence:1s", *words).stdout)
    for line in lines:
        if line["type"] in ("family", "unknown"):
            assert line["level_dbspl"] == pytest.approx(line["level_dbfs"] + 118, abs=0.02)
    assert {"family", "unknown", "summary"} <= {line["type"] for line in lines}
    schema = make_schema(list_event_types())
    for line in lines:
        jsonschema.validate(line, schema)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.wav"], 3, "nowhere.wav"),
        (["sim:dtmf:5", "--plan", "nothing"], 2, "no plan is called"),
        (["sim:dtmf:5", "-o", "found.txt"], 2, "must end in .toml"),
        (["sim:tone:440:1s", "-r", "2k"], 2, "from 4000 on"),
        (["sim:noise:-40"], 2, "never ends"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words: list[str], code: int, said: str) -> None:
    done = run("identify", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.audio
def test_in_a_microphone_it_tells_what_sounded_meanwhile(mic: VirtualMic, tmp_path: Path) -> None:
    sent = tmp_path / "sent.wav"
    spec = "cadence:1234.5/300,0/300x30,silence:1s"
    assert run("generate", spec, "-o", str(sent)).returncode == 0
    playing = mic.play_in_background(sent)
    done = run("identify", "mic", "--duration", "9s", "--json", env=mic.env)
    playing.kill()
    playing.wait()
    assert done.returncode == 0, done.stderr
    lines = read_lines(done.stdout)
    unknown, *_ = [line for line in lines if line["type"] == "unknown"]  # one, if the machine keeps up
    assert unknown["kind"] == "cadence"
    assert unknown["steps"][0]["freqs_hz"] == pytest.approx([1234.5], rel=1e-3)
    assert (lines[0]["type"], lines[-1]["type"], lines[-1]["reason"]) == ("start", "end", "duration")


def test_cut_short_it_tells_what_it_has_found(tmp_path: Path) -> None:
    sent, flag = tmp_path / "sent.raw", tmp_path / "flag"
    sent.write_bytes(bytes(400_000))  # a pipe holds 64 kB: when all is written, most was read
    program = f"cmd:sh -c 'cat {sent}; touch {flag}; exec sleep 60'"
    process = start("identify", program, "--format", "s16le", "-r", "8k", "--channels", "1")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not flag.exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "cut short by SIGTERM" in stderr
    assert "Nothing that a plan knows" in stdout
    assert "silence 100 %" in stdout
