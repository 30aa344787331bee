"""PipeWire, which most desktops run: heard at its own rate, and its faults told, as with the other servers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.live.test_faults import Listener
from tests.programs import digits_of, run, run_python
from tests.virtual_mic import PIPEWIRE, PIPEWIRE_NAME, PipeWireMic, require_virtual_mic

FS_HZ = 48000
DIGITS = "5550123"


@pytest.fixture
def dial(tmp_path: Path) -> Path:
    """Digits long enough for what a machine that is busy with other tests loses without a word."""
    path = tmp_path / "dial.wav"
    spec = f"silence:300ms,dtmf:{DIGITS}@-10:200ms/200ms,silence:300ms"
    assert run("generate", spec, "-o", str(path), "-r", str(FS_HZ)).returncode == 0
    return path


FAULTS: list[tuple[str, Callable[[PipeWireMic], None], Callable[[PipeWireMic], None]]] = [
    ("frozen", PipeWireMic.freeze, PipeWireMic.thaw),
    ("crashed", PipeWireMic.crash, PipeWireMic.start),
]


@pytest.mark.audio
def test_digits_are_heard_by_pipewire_before_and_after_its_server_was_frozen_and_killed(
    pipewire: PipeWireMic, dial: Path
) -> None:
    listener = Listener("--plan", "dtmf", env=pipewire.env)
    assert listener.seen[0]["source"] == f"mic:{PIPEWIRE_NAME}"
    listener.wait_for_audio()
    heard = play(pipewire, dial, listener)
    for name, break_it, mend_it in FAULTS:
        broken_s = time.monotonic()
        break_it(pipewire)
        told_s, line = listener.wait_for("error")
        assert "waiting for it to come back" in line["message"], name
        assert told_s - broken_s < 2, name
        mend_it(pipewire)
        mended_s = time.monotonic()
        back_s, gap = listener.wait_for("gap")
        while gap["reason"] != "device_lost":  # it may have stalled before
            back_s, gap = listener.wait_for("gap")
        assert back_s - mended_s < 4, name
        # From the last sample to the first one after it.
        assert gap["lost_samples"] / FS_HZ == pytest.approx(back_s - broken_s, abs=1), name
        print(
            f"{name}: told after {told_s - broken_s:.2f} s, back {back_s - mended_s:.2f} s after its return"
        )
        listener.wait_for_audio()
        heard += play(pipewire, dial, listener)
    listener.end()
    assert heard == dialled(listener.seen) == DIGITS * (1 + len(FAULTS))


@pytest.mark.audio
def test_a_microphone_unplugged_from_pipewire_is_heard_again_once_it_is_plugged_in(
    pipewire: PipeWireMic, dial: Path
) -> None:
    """PipeWire feeds the stream silence meanwhile, or nothing, and joins it to the microphone when that is back."""
    listener = Listener("--plan", "dtmf", env=pipewire.env)
    listener.wait_for_audio()
    heard = play(pipewire, dial, listener)
    for break_it, mend_it in [
        (PipeWireMic.unplug, PipeWireMic.plug),
        (PipeWireMic.suspend, PipeWireMic.resume),
    ]:
        break_it(pipewire)
        listener.wait_for("stats")
        mend_it(pipewire)
        listener.wait_for_audio()
        heard += play(pipewire, dial, listener)
    listener.end()
    assert heard == dialled(listener.seen) == DIGITS * 3


def play(pipewire: PipeWireMic, dial: Path, listener: Listener) -> str:
    """What is heard while the digits are played."""
    before = len(listener.seen)
    pipewire.play(dial)
    while len(dialled(listener.seen[before:])) < len(DIGITS):
        listener.wait_for("dtmf")
    return dialled(listener.seen[before:])


def dialled(lines: list[dict[str, Any]]) -> str:
    """The digits, 400 ms from start to start; one that the player, short of processor time, has parted counts once."""
    ends = [line for line in lines if line["type"] == "dtmf" and line["phase"] == "end"]
    whole = [
        end
        for before, end in zip([None, *ends], ends, strict=False)
        if before is None or end["label"] != before["label"] or end["t_s"] - before["t_s"] > 0.3
    ]
    return digits_of(whole)


@pytest.mark.audio
@pytest.mark.parametrize("rate_hz", [48000, 96000])
def test_a_device_that_leads_to_pipewire_is_opened_at_the_rate_of_its_graph(rate_hz: int) -> None:
    require_virtual_mic(PIPEWIRE)
    with PipeWireMic(rate_hz) as mic:
        [device] = msgspec.json.decode(run("devices", "--json", env=mic.env).stdout)
        assert (device["name"], device["fs_hz"]) == (PIPEWIRE_NAME, rate_hz)
        listener = Listener(env=mic.env)
        assert listener.seen[0]["fs"] == rate_hz
        listener.end()


@pytest.mark.audio
def test_a_server_that_does_not_answer_is_not_waited_for_to_learn_its_rate(pipewire: PipeWireMic) -> None:
    code = "from streamer.sources.graph_rate import find_graph_rate_hz as find; print(find())"
    assert run_python(code, env=pipewire.env).stdout == "48000.0\n"
    pipewire.freeze()
    assert run_python(code, env=pipewire.env, timeout_s=15).stdout == "None\n"


LATE = """
import threading, time
from streamer.sources import parse_source
from streamer.sources.mic import open_mic
counted, done = [], threading.Event()
def push(block, arrival_ns):
    counted.append((arrival_ns / 1e9, len(block)))
    if len(counted) == 200:
        time.sleep(0.12)  # so late is what is tested
    if len(counted) == 600:
        done.set()
source = open_mic(parse_source("mic"))
source.start(push, lambda: None)
assert done.wait(20)
times, sizes = zip(*counted[50:600])
print((times[-1] - times[0]) - sum(sizes[1:]) / source.info.fs_hz)
"""


@pytest.mark.audio
def test_nothing_of_pipewire_is_lost_when_a_block_is_taken_late(pipewire: PipeWireMic) -> None:
    result = run_python(LATE, env=pipewire.env, timeout_s=60)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 0.06  # the server, too, may be late on a busy machine
