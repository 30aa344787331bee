"""streamer wait, as a program."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.commands.wait.labels import check_labels
from streamer.commands.wait.run import Wait
from streamer.events import Event
from streamer.plans.plan import choose_plans, load_plan
from tests.programs import read_lines, run, start
from tests.virtual_mic import VirtualMic

RAW = ("--format", "s16le", "-r", "8k", "--channels", "1")


@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        (["sim:silence:1s,tone:1000:2s,silence:1s", "--tone", "1000"], 0, ["1000"]),
        (["sim:silence:1s,tone:1000:2s,silence:1s", "--tone", "1000", "--min", "1500ms"], 0, ["1000"]),
        (["sim:silence:1s,tone:1000:2s,silence:1s", "--tone", "1000", "--min", "2500ms"], 1, []),
        (["sim:tone:350+440:1s", "--tone", "350+440"], 0, ["350+440"]),
        (["sim:tone:350:1s", "--tone", "350+440"], 1, []),
        (["sim:dtmf:1234", "--plan", "dtmf", "--label", "3"], 0, ["3"]),
        (["sim:dtmf:1234", "--plan", "dtmf", "--count", "3"], 0, ["1", "2", "3"]),
        (["sim:dtmf:1234", "--plan", "dtmf", "--count", "5"], 1, ["1", "2", "3", "4"]),
        (["sim:dtmf:1:50ms/50ms", "--plan", "dtmf", "--min", "1s"], 1, []),
        (["sim:silence:3s,tone:1000:1s", "--tone", "1000", "--timeout", "2s"], 1, []),
        (["sim:noise:-40", "--tone", "1000", "--timeout", "2s"], 1, []),
        (["sim:silence:1s,plan:alarms/t3", "--plan", "alarms", "--label", "t3"], 0, ["t3"]),
        (["sim:silence:1s,plan:fax/ansam", "--plan", "fax", "--label", "ansam"], 0, ["ansam"]),
    ],
)
def test_it_ends_with_0_once_it_is_heard_and_with_1_if_it_is_not(
    words: list[str], code: int, printed: list[str]
) -> None:
    done = run("wait", *words, "-r", "8k", "--json")
    assert done.returncode == code, done.stderr
    assert [line["label"] for line in read_lines(done.stdout)] == printed
    assert ("heard" in done.stderr) is (code == 1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["sim:dtmf:1"], 2, "nothing to wait for: give --tone 1000, or --plan"),
        (["sim:dtmf:1", "--tone", "high"], 2, "tone"),
        (["sim:dtmf:1", "--tone", "5000", "-r", "8k"], 2, "5000 Hz cannot be heard"),
        (["sim:dtmf:1", "--plan", "alarms", "--label", "t5"], 2, "there are: t3, t4"),
        (
            ["sim:dtmf:1", "--plan", "morse", "--label", "CQ"],
            2,
            'label is "CQ", and no event is ever called so',
        ),
        (["nowhere.wav", "--plan", "dtmf"], 3, "nowhere.wav"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words: list[str], code: int, said: str) -> None:
    done = run("wait", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_label_that_cannot_be_is_refused_before_anything_is_compiled(tmp_path: Path) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = run("wait", "sim:dtmf:1", "--plan", "alarms", "--label", "t5", env=env)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("plan", "label", "said"),
    [
        ("alarms", "T3", "did you mean t3? There are: t3, t4"),
        ("dtmf", "12", "There are: 0, 1, 2, 3"),
        ("zvei1", "1a345", "did you mean 1A345?"),
        ("zvei1", "123", "4 to 8 of the digits 0 1 2"),
        ("zvei1", "1E345", "0123 and the like"),  # E repeats the digit before it
        ("mf-r1", "KP123", "KP1ST and the like"),
        ("mfc-r2", "forward 16", "forward 15"),
        ("two-tone", "600.9/788", "did you mean 600.9/788.5?"),
        ("selcal", "BA-CD", "AB-CD and the like"),
        ("ctcss", "67", "did you mean 67.0?"),
        ("eas", "SAME", "did you mean same?"),
        ("fax", "fax-ing", "fax-cng, fax-ced, ansam"),
        ("all", "us-bsy", "did you mean us-busy?"),
    ],
)
def test_a_label_that_no_plan_can_ever_tell_is_refused_with_what_there_is(
    plan: str, label: str, said: str
) -> None:
    plans = [load_plan(name) for name in choose_plans([plan])]
    with pytest.raises(SpecError, match=f'label is "{label}", and no event is ever called so; ') as refused:
        check_labels([label], plans)
    assert said in str(refused.value)


def find_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        return int(own.getsockname()[1])


@pytest.mark.parametrize("words", [("udp", *RAW), ("rtp",)], ids=["udp", "rtp"])
def test_of_a_sender_who_never_begins_it_says_that_no_datagram_came(words: tuple[str, ...]) -> None:
    kind, *raw = words
    source = f"{kind}:{find_free_port()}"
    done = run("wait", source, *raw, "--tone", "1000", "--timeout", "300ms")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr.splitlines()[-1]
        == f"streamer: heard 0 of 1 in 0ms: no datagram with samples came to {source}"
    )


def test_a_limit_in_db_spl_is_waited_for_where_it_is_calibrated(tmp_path: Path) -> None:
    (tmp_path / "loud.toml").write_text('[[level]]\nname = "loud"\nfreq_hz = 1000\nabove_dbspl = 85\n')
    words = (
        "wait",
        "--calibration",
        "118dB",
        "sim:silence:1s,tone:1000@-20:2s",
        "-r",
        "8k",
        "--plan",
        str(tmp_path / "loud.toml"),
        "--json",
    )
    done = run(*words)
    assert done.returncode == 0, done.stderr
    (line,) = read_lines(done.stdout)
    assert line["level_dbspl"] == pytest.approx(line["level_dbfs"] + 118, abs=0.02)


def test_of_a_pipe_that_stays_open_it_is_heard_at_once() -> None:
    process = start("wait", "-", *RAW, "--tone", "1000", stdin=subprocess.PIPE)
    tone = 8000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    assert process.stdin is not None
    process.stdin.buffer.write(tone.astype("<i2").tobytes())
    process.stdin.flush()
    assert process.wait(timeout=60) == 0  # and the pipe is open still
    process.communicate()


def test_a_pipe_that_sends_nothing_is_given_up_by_the_clock() -> None:
    process = start("wait", "-", *RAW, "--tone", "1000", "--timeout", "500ms", stdin=subprocess.PIPE)
    assert process.wait(timeout=60) == 1
    assert "no sample came from -" in process.communicate()[1]


@pytest.mark.audio
def test_in_a_microphone_it_is_heard_while_it_sounds(mic: VirtualMic, tmp_path: Path) -> None:
    sent = tmp_path / "sent.wav"
    assert run("generate", "tone:1000@-10:30s", "-o", str(sent)).returncode == 0
    playing = mic.play_in_background(sent)
    done = run("wait", "mic", "--tone", "1000", "--min", "300ms", "--timeout", "25s", "--json", env=mic.env)
    playing.kill()
    playing.wait()
    assert done.returncode == 0, done.stderr
    (heard,) = read_lines(done.stdout)
    assert heard["freqs_hz"] == pytest.approx([1000], abs=1)


def test_cut_short_it_says_how_far_it_came() -> None:
    process = start("wait", "-", *RAW, "--plan", "dtmf", "--count", "2", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    key = 5000 * sum(np.sin(2 * np.pi * hz * np.arange(800) / 8000) for hz in (770, 1336))
    process.stdin.buffer.write(np.concatenate([key, np.zeros(8000)]).astype("<i2").tobytes())
    process.stdin.flush()
    assert "5" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cut short by Ctrl-C; heard 1 of 2" in stderr


def make_event(phase: str, number: int, t_s: float, duration_s: float | None = None) -> Event:
    return Event(
        type="tone",
        phase=phase,
        label="a",
        sample=0,
        known_sample=0,
        id=number,
        t_s=t_s,
        duration_s=duration_s,
    )


def test_what_lasts_counts_while_it_is_on_and_once() -> None:
    wait = Wait(labels=[], shortest_s=1.0, count=2)
    assert wait.take(make_event("begin", 1, 5.0)) == []
    assert [event.id for event in wait.take(make_event("begin", 2, 6.5))] == [1]
    assert wait.take(make_event("end", 1, 5.0, 3.0)) == []
    assert wait.take(make_event("end", 2, 6.5, 0.9)) == []
    assert not wait.is_over
