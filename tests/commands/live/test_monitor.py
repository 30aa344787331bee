"""The main job from end to end: real processes, a real audio server, a real terminal."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.commands.live.monitor import watch
from streamer.commands.live.spec import MonitorSpec
from streamer.commands.live.wanted import Wanted
from streamer.plans.listening import make_set_up
from streamer.sources import parse_source
from tests.dashboard.test_process import Desk
from tests.programs import (
    STREAMER,
    digits_of,
    find_children,
    is_running,
    left_in_shared_memory,
    read_lines,
    run,
    run_python,
    shared_files,
    start,
)
from tests.sox import make_with_sox
from tests.virtual_mic import NAME, VirtualMic

needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed (Debian: sox)")


@pytest.fixture(scope="module")
def dial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dial") / "dial.wav"
    make_with_sox(path, "5550123#")
    return path


def wait_until(what: object, *, timeout_s: float = 20.0) -> None:
    assert callable(what)
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.02)


# --- the microphone ------------------------------------------------------------------------------------------


@needs_sox
@pytest.mark.audio
def test_digits_played_into_a_real_microphone_are_heard_exactly(mic: VirtualMic, dial: Path) -> None:
    program = start("live", f"mic:{NAME}", "--rate", "48k", "--plan", "dtmf", "--json", env=mic.env)
    assert program.stdout is not None
    first = program.stdout.readline()  # the start record: the microphone is open
    mic.play(dial)
    time.sleep(0.5)  # what was played last is still on its way through the server
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=10)
    assert program.returncode == 0, err
    lines = read_lines(first + out)
    assert digits_of(lines) == "5550123#"
    ends = [line for line in lines if line["type"] == "dtmf" and line["phase"] == "end"]
    for number, line in enumerate(ends):
        assert line["t_s"] - ends[0]["t_s"] == pytest.approx(number * 0.11, abs=0.005)
        assert line["duration_s"] == pytest.approx(0.06, abs=0.005)
        assert line["time"].endswith("Z")
    end = lines[-1]
    assert (end["type"], end["reason"], end["dropped"]) == ("end", "interrupted", 0)
    assert end["captured"] == end["analysed"] + end["dropped"] + end["pending"]
    assert not [line for line in lines if line["type"] in ("gap", "error")]


@pytest.mark.audio
def test_a_device_that_is_not_there_ends_with_3_and_lists_what_is(mic: VirtualMic) -> None:
    result = run("live", "mic:nonesuch", env=mic.env)
    assert result.returncode == 3
    assert 'no input device matches "nonesuch"; there are: ' in result.stderr
    assert NAME in result.stderr


@pytest.mark.audio
def test_devices_lists_the_microphone(mic: VirtualMic) -> None:
    result = run("devices", env=mic.env)
    assert result.returncode == 0
    assert NAME in result.stdout


# --- pipes, programs, files ------------------------------------------------------------------------------------


@needs_sox
def test_wav_on_stdin_is_heard(dial: Path) -> None:
    line = f'sox "{dial}" -t wav - | "{sys.executable}" -m streamer live - --plan dtmf --json --speed max'
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    assert digits_of(read_lines(result.stdout)) == "5550123#"


@needs_sox
@pytest.mark.parametrize(
    ("sample_format", "options"),
    [
        ("s16le", "-t raw -e signed -b 16"),
        ("s24le", "-t raw -e signed -b 24"),
        ("ulaw", "-t ul"),
        ("alaw", "-t al"),
    ],
)
def test_raw_samples_of_a_program_are_heard(dial: Path, sample_format: str, options: str) -> None:
    result = run(
        *("live", f"cmd:sox {dial} {options} -", "--format", sample_format, "--rate", "8k"),
        *("--plan", "dtmf", "--json", "--speed", "max"),
    )
    assert result.returncode == 0, result.stderr
    assert digits_of(read_lines(result.stdout)) == "5550123#"


@needs_sox
def test_a_file_at_full_speed_gives_the_events_of_detect(dial: Path) -> None:
    replayed = read_lines(run("live", str(dial), "--plan", "dtmf", "--json", "--speed", "max").stdout)
    detected = read_lines(run("detect", str(dial), "--plan", "dtmf", "--json").stdout)
    for line in detected:
        line.pop("file", None)
    assert [x for x in replayed if x["type"] == "dtmf"] == [x for x in detected if x["type"] == "dtmf"]


def test_lines_come_as_they_happen_and_not_at_the_end() -> None:
    program = start("live", "sim:dtmf:12:50ms/50ms,silence:60s", "--plan", "dtmf", "--json")
    assert program.stdout is not None
    heard = ""
    while "2" not in heard:
        heard += digits_of(read_lines(program.stdout.readline()))
    program.terminate()
    program.communicate(timeout=10)
    assert program.returncode == 0


# --- ends --------------------------------------------------------------------------------------------------------


def run_until_it_streams(*words: str, **options: object) -> subprocess.Popen[str]:
    program = start("live", *words, "--json", **options)  # type: ignore[arg-type]
    assert program.stdout is not None
    assert '"start"' in program.stdout.readline()
    return program


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")],
)
def test_a_signal_ends_it_in_order_and_leaves_nothing(number: signal.Signals, reason: str) -> None:
    before = shared_files()
    program = run_until_it_streams("--demo")
    children = find_children(program.pid)
    assert len(children) >= 3  # the process server, capture, a worker
    program.send_signal(number)
    out, err = program.communicate(timeout=10)
    assert program.returncode == 0, err
    assert read_lines(out)[-1]["reason"] == reason
    wait_until(lambda: not any(is_running(pid) for pid in children), timeout_s=2)
    assert not left_in_shared_memory(before)


def test_interrupted_while_a_pipe_stalls_it_ends_all_the_same() -> None:
    program = start("live", "-", "--format", "s16le", "--rate", "8k", "--json", stdin=subprocess.PIPE)
    assert program.stdout is not None
    assert '"start"' in program.stdout.readline()
    program.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert program.wait(10) == 0
    assert time.monotonic() - began < 5
    program.communicate()


def test_closed_stdout_ends_it() -> None:
    program = run_until_it_streams("sim:dtmf:123456789,loop", "--plan", "dtmf")
    children = find_children(program.pid)
    assert program.stdout is not None
    program.stdout.close()
    assert program.wait(10) == 0
    wait_until(lambda: not any(is_running(pid) for pid in children), timeout_s=2)
    assert program.stderr is not None
    program.stderr.close()


def test_killed_outright_it_leaves_no_process_and_no_shared_memory() -> None:
    before = shared_files()
    program = run_until_it_streams("--demo")
    children = find_children(program.pid)
    program.kill()
    program.communicate()
    wait_until(lambda: not any(is_running(pid) for pid in children), timeout_s=3)
    assert not left_in_shared_memory(before)


def test_duration_ends_it() -> None:
    result = run("live", "--demo", "--duration", "300ms", "--json")
    assert result.returncode == 0
    end = read_lines(result.stdout)[-1]
    assert end["reason"] == "duration"
    assert 0.3 * 48000 <= end["captured"] < 1.0 * 48000


def test_a_file_cut_short_is_told_and_what_there_was_is_heard(tmp_path: Path) -> None:
    make_with_sox(tmp_path / "whole.wav", "123456")
    samples, fs_hz = soundfile.read(tmp_path / "whole.wav", dtype="int16")
    soundfile.write(tmp_path / "whole.flac", samples, fs_hz)
    whole = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) * 2 // 3])
    result = run("live", str(tmp_path / "cut.flac"), "--plan", "dtmf", "--json", "--speed", "max")
    lines = read_lines(result.stdout)
    assert result.returncode == 3, result.stderr
    assert "123456".startswith(digits_of(lines)[:3])
    assert lines[-1]["reason"] == "error"
    assert "cut.flac" in result.stderr


def stuff(fd: int) -> None:
    """Fill the pipe, so that whoever writes next waits for a reader."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, bytes(1024))
    except BlockingIOError:
        os.set_blocking(fd, True)


def test_a_stderr_that_nobody_reads_stops_no_digit_and_no_end() -> None:
    reader, writer = os.pipe()
    stuff(writer)
    program = run_until_it_streams("sim:dtmf:0123456789,loop", "--plan", "dtmf", stderr=writer)
    assert program.stdout is not None
    lines: list[dict[str, object]] = []
    while not digits_of(lines):  # by now the worker has said what it is
        lines += read_lines(program.stdout.readline())
    [worker] = [
        pid for pid in find_children(program.pid) if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(worker, signal.SIGKILL)  # which is told on stderr
    while not any(line["type"] == "worker" for line in lines):
        lines += read_lines(program.stdout.readline())
    heard = len(digits_of(lines))
    while len(digits_of(lines)) < heard + 10:
        lines += read_lines(program.stdout.readline())
    program.send_signal(signal.SIGTERM)
    began_s = time.monotonic()
    out, _ = program.communicate(timeout=10)
    assert time.monotonic() - began_s < 2
    lines += read_lines(out)
    assert program.returncode == 0
    digits = digits_of(lines)
    assert digits == ("0123456789" * 100)[: len(digits)]
    assert (lines[-1]["reason"], lines[-1]["dropped"]) == ("terminated", 0)
    os.close(reader)
    os.close(writer)


def test_a_pipe_is_listened_to_for_digits_unless_told_otherwise(dial: Path) -> None:
    heard = run("live", "-", "--speed", "max", "--json", stdin=dial.read_bytes())
    assert digits_of(read_lines(heard.stdout)) == "5550123#"
    assert read_lines(heard.stdout)[0]["plans"] == ["dtmf"]
    nothing = run("live", "-", "--speed", "max", "--plan", "none", stdin=dial.read_bytes())
    assert nothing.stdout == ""
    said, ended = nothing.stderr.splitlines()
    assert said.startswith("streamer: nothing is listened for: --plan dtmf would hear digits")
    assert ended.startswith("streamer: eof, nothing was listened for; captured ")


def test_nothing_heard_is_said_with_what_was_listened_for() -> None:
    result = run("live", "sim:silence:200ms", "--speed", "max", "--plan", "dtmf", "--plan", "fax")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("streamer: eof, nothing was heard of dtmf, fax; captured ")


def test_digits_of_a_recording_are_a_line_a_channel(dial: Path) -> None:
    assert run("live", str(dial), "--speed", "max", "--digits", "-q").stdout == "5550123#\n"
    two = run(
        "live", "sim:dtmf:12:channel=1+dtmf:9:channel=2", "--speed", "max", "--digits", "-q", "-r", "8k"
    )
    assert two.stdout.splitlines() == ["channel 1  12", "channel 2  9"], two.stderr
    both = run("live", str(dial), "--digits", "--json")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--json and --digits are given" in both.stderr


def test_every_record_of_a_pipe_has_a_time_of_day_and_its_place(dial: Path) -> None:
    began = datetime.now(UTC)
    result = run("live", "-", "--json", stdin=dial.read_bytes())
    lines = read_lines(result.stdout)
    assert {line["type"] for line in lines} == {"start", "dtmf", "stats", "end"}
    assert [line for line in lines if None in (line["time"], line["sample"], line["t_s"])] == []
    for line in lines:  # what waited in the pipe when it was opened was made shortly before
        assert began - timedelta(seconds=3) <= datetime.fromisoformat(line["time"]) <= datetime.now(UTC)
    start, *digits = (line for line in lines if line["type"] in ("start", "dtmf"))
    assert start["time"] <= min(digit["time"] for digit in digits)
    [stats] = [line for line in lines if line["type"] == "stats"]
    assert stats["clipped"] == 0
    assert -40 < stats["input_dbfs"][0] < stats["peak_dbfs"][0] < 0


@pytest.mark.parametrize("command", [("live", "--speed", "max"), ("detect",)])
def test_a_recording_has_the_time_it_is_said_to_begin_at_or_none(
    dial: Path, command: tuple[str, ...]
) -> None:
    at = ("--start-time", "2026-11-22T07:31:00+01:00")
    for words, wanted in (((), None), (at, "2026-11-22T06:31:00.000000Z")):
        lines = read_lines(run(*command, str(dial), "--json", *words).stdout)
        assert lines[0]["time"] == wanted
        assert all((line["time"] is None) == (wanted is None) for line in lines)
        assert None not in [line[key] for line in lines for key in ("sample", "t_s")]
    digit = next(line for line in lines if line["type"] == "dtmf")
    assert digit["time"].startswith("2026-11-22T06:31:00.2")


def test_a_silence_of_hours_is_one_pair_of_records_and_can_be_left_out() -> None:
    spec = "sim:tone:440@-20:1s,silence:2h,tone:440@-20:1s"
    words = ("live", spec, "--speed", "max", "--json", "-q", "-r", "1k", "-b", "440", "--plan", "none")
    lines = [line for line in read_lines(run(*words).stdout) if line["type"] == "silence"]
    assert [(line["phase"], line.get("duration_s")) for line in lines] == [
        ("begin", None),
        ("end", pytest.approx(7200, abs=0.3)),
    ]
    assert lines[0]["t_s"] == lines[1]["t_s"] == pytest.approx(1, abs=0.2)
    assert not [
        line for line in read_lines(run(*words, "--silence", "off").stdout) if line["type"] == "silence"
    ]


# --- the terminal ------------------------------------------------------------------------------------------------


def test_the_dashboard_in_a_real_terminal_shows_bars_digits_and_throughput_and_leaves_it_as_it_was() -> None:
    pexpect = pytest.importorskip("pexpect")
    pyte = pytest.importorskip("pyte")
    screen = pyte.Screen(120, 40)
    stream = pyte.Stream(screen)
    shell = pexpect.spawn(
        "bash",
        [
            "--norc",
            "-c",
            f'stty -a; "{STREAMER[0]}" -m streamer live --demo; echo "code $?"; stty -a; echo done',
        ],
        dimensions=(40, 120),
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        encoding="utf-8",
        codec_errors="replace",
        timeout=60,
    )
    typed_before = read_settings(shell)
    deadline = time.monotonic() + 60

    def shows(*words: str) -> bool:
        text = "\n".join(screen.display)
        return all(word in text for word in words)

    while not shows("dtmf", "5550", "lost 0", "█"):
        assert time.monotonic() < deadline, "\n".join(screen.display)
        stream.feed(shell.read_nonblocking(65536, timeout=10))
    for word in (
        "◆ DEMO",
        "48 kHz",
        "dBFS",
        "third-octave:50-8k",
        "engine ok",
        "heard at",
        "0:00:0",
        "q quit",
    ):
        assert shows(word), "\n".join(screen.display)
    shell.send("q")
    shell.expect(r"code (\d+)")
    assert shell.match[1] == "0"
    assert read_settings(shell) == typed_before
    shell.expect("done")
    shell.close()


def test_a_file_that_has_ended_leaves_its_digits_on_the_ordinary_screen(dial: Path) -> None:
    desk = Desk(*STREAMER, "live", str(dial), "--speed", "max")
    desk.wait_for(r"■ ENDED +dial\.wav [^\n]* 8 events, nothing lost")
    assert "5550123#" in desk.text()
    desk.run.send("x")
    desk.wait_until(lambda: not desk.run.isalive())
    desk.wait_until(lambda: desk.read() or b"streamer: eof" in desk.sent)
    assert desk.has_left()
    number, end = desk.sent.rpartition(b"\x1b[?1049l")[2].decode().strip().splitlines()[-2:]
    assert re.search(r" dtmf +5550123# ", number)
    assert end.startswith("streamer: eof, 8 events; captured ")


def read_settings(shell: object) -> list[str]:
    """What `stty -a` prints next."""
    shell.expect(r"speed [\s\S]*?-?echoke[^\r\n]*")  # type: ignore[attr-defined]
    return sorted(str(shell.match[0]).split())  # type: ignore[attr-defined]


def test_a_recording_waits_for_who_reads_its_lines_and_none_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.outputs.output.MAX_WAITING", 2000)
    pipe = tmp_path / "lines.jsonl"
    os.mkfifo(pipe)
    text: list[str] = []

    def read_late() -> None:
        with pipe.open() as lines:
            text.append(lines.readline())
            time.sleep(2)  # meanwhile pipe and queue run full: there is a megabyte of lines
            text.append(lines.read())

    reader = threading.Thread(target=read_late)
    reader.start()
    spec = MonitorSpec(
        source=parse_source("sim:dtmf:0123456789:50ms/50ms,loop", rate_hz=8000),
        speed=None,
        duration_s=200,
        has_health_lines=False,
        output_paths=(str(pipe),),
    )

    def choose_display(fs_hz: float) -> Analysis:
        frames = FrameSpec(length_samples=800, hop_samples=800)
        return Analysis(bank=Bank(freqs_hz=np.array([440.0])), frames=frames, fs_hz=fs_hz)

    set_up = make_set_up(["dtmf"], choose_display)
    assert watch(lambda: Wanted(spec=spec, set_up=set_up, notes=(), contents={})) == 0
    reader.join(10)
    lines = read_lines("".join(text))
    assert digits_of(lines) == "0123456789" * 200
    assert [line for line in lines if line["type"] in ("error", "gap")] == []
    assert (lines[-1]["reason"], lines[-1]["captured"], lines[-1]["dropped"]) == ("duration", 1_600_000, 0)


def test_under_strict_what_a_detector_could_not_read_ends_it_with_4_and_is_told() -> None:
    code = (
        "from streamer.live.collector import Collector\n"
        "Collector.read = lambda *_: None\n"
        "import sys\n"
        "sys.argv = 'streamer live sim:silence:500ms,dtmf:55@-10,silence:500ms --plan dtmf --strict'.split()\n"
        "sys.argv += '--speed max --json -q'.split()\n"
        "from streamer.commands.main import main\n"
        "main()\n"
    )
    result = run_python(code)
    assert result.returncode == 4, result.stderr
    lines = read_lines(result.stdout)
    gaps = [line for line in lines if line["type"] == "gap"]
    assert {gap["reason"] for gap in gaps} == {"unheard"}
    end = lines[-1]
    assert (end["type"], end["dropped"]) == ("end", 0)
    assert end["unheard"] == sum(gap["lost_samples"] for gap in gaps) > 0
    assert end["captured"] == end["analysed"] + end["dropped"] + end["pending"]


# --- bands ----------------------------------------------------------------------------------------------------


def test_the_start_says_where_bands_end_and_how_long_their_windows_are() -> None:
    result = run(
        "live", "sim:tone:1120@-10:1s", "--rate", "48k", "--speed", "max", "--json", "-b", "440+bark:200-600"
    )
    begun = read_lines(result.stdout)[0]
    assert begun["bands_hz"] == [250, 350, 440, 450, 570]
    assert begun["bands_edges_hz"] == [[200, 300], [300, 400], None, [400, 510], [510, 630]]
    assert begun["band_windows"] == [4080] * 5
    assert begun["window_length"] == 4080
    assert "probes see" not in result.stderr


@pytest.mark.parametrize("words", [(), ("--quiet",)])
def test_live_says_that_probes_leave_gaps_unless_it_is_to_be_quiet(words: tuple[str, ...]) -> None:
    result = run("live", "sim:tone:1120@-10:100ms", "--rate", "8k", "--speed", "max", "-b", "dtmf", *words)
    told = "streamer: 8 probes see 18 % of 697 to 1633 Hz, and no tone between them: bands(dtmf) would leave no gap"
    assert (told in result.stderr.splitlines()) == (not words)


def test_complex_values_of_bands_are_refused_and_probes_named(tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    result = run("spectrogram", "sim:tone:440:2s", "-b", "bark:50-3k", "--scale", "complex", "-o", str(out))
    assert result.returncode == 2
    assert "probes(bark:50-3k)" in result.stderr
    assert not out.exists()
