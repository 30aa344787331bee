"""Other programs as senders: what they send is heard as it was, and what did not come is told."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.live.test_faults import Listener
from tests.programs import digits_of
from tests.signals import dtmf_digits
from tests.sources.test_network import find_free_port, make_packet

FS_HZ = 8000
WORDS = ("--plan", "dtmf", "--json", "--workers", "1", "-b", "697,770")
pytestmark = pytest.mark.slow


def make_signal() -> np.ndarray:
    return dtmf_digits("5550123", FS_HZ, on_ms=100, off_ms=100)[0]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "dialled.raw"
    path.write_bytes((make_signal() * 2**15).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("encoded", "port_words"),
    [
        (("-c:a", "pcm_mulaw", "-f", "rtp", "rtp://127.0.0.1:{port}"), ("rtp:{port}",)),
        (("-c:a", "pcm_alaw", "-f", "rtp", "rtp://127.0.0.1:{port}"), ("rtp:{port}",)),
        (
            ("-ar", "48000", "-ac", "2", "-c:a", "pcm_s16be", "-f", "rtp", "rtp://127.0.0.1:{port}"),
            ("rtp:{port}", "--format", "s16be", "--rate", "48000", "--channels", "1/2"),
        ),
        (("-f", "s16le", "udp://127.0.0.1:{port}"), ("udp:{port}", "--format", "s16le", "--rate", "8000")),
    ],
)
def test_what_ffmpeg_sends_is_heard(
    recording: Path, encoded: tuple[str, ...], port_words: tuple[str, ...]
) -> None:
    port = find_free_port()
    raw = ("-f", "s16le", "-ar", str(FS_HZ), "-ac", "1", "-i", str(recording))
    sender = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", *raw]
    with subprocess.Popen(
        [*sender, *(word.format(port=port) for word in encoded)], stdout=subprocess.DEVNULL
    ) as program:
        try:
            listener = Listener(*(word.format(port=port) for word in port_words), *WORDS)
            while len(digits_of(listener.seen)) < 8:
                listener.wait_for("dtmf")
            assert listener.end()["dropped"] == 0
        finally:
            program.kill()
    assert digits_of(listener.seen)[:8] in "5550123" * 3


def test_what_sox_sends_through_the_shell_is_heard(recording: Path) -> None:
    port = find_free_port()
    listener = Listener(f"udp:{port}", "--format", "s16be", "--rate", "16000", *WORDS)
    raw = f"-t raw -r {FS_HZ} -e signed -b 16 -c 1 {recording}"
    subprocess.run(
        ["bash", "-c", f"sox -q {raw} -t raw -B -r 16000 - pad 0.3 0.3 > /dev/udp/127.0.0.1/{port}"],
        check=True,
    )
    while len(digits_of(listener.seen)) < 7:
        listener.wait_for("dtmf")
    listener.end()
    assert digits_of(listener.seen) == "5550123"


def test_packets_that_do_not_come_are_gaps_and_a_pause_is_told_with_everything_after_it_at_its_time() -> None:
    port = find_free_port()
    packets = (make_signal().reshape(-1, 160) * 2**15).astype(">i2")
    lost = {11, 12, 52}  # between digits
    listener = Listener(f"rtp:{port}", "--format", "s16be", "--rate", "8000", *WORDS)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:

        def play(first: int, since_s: float) -> None:
            for number, packet in enumerate(packets):
                if number not in lost:
                    time.sleep(max(0.0, since_s + 0.02 * number - time.monotonic()))
                    packed = make_packet(first + number, packet.tobytes())
                    sender.sendto(packed, ("127.0.0.1", port))

        began_s = time.monotonic()
        play(0, began_s)
        listener.wait_for("source")
        play(len(packets), began_s + 4)
        while len(digits_of(listener.seen)) < 14:
            listener.wait_for("dtmf")
    listener.end()
    assert digits_of(listener.seen) == "5550123" * 2
    assert [line["state"] for line in listener.seen if line["type"] == "source"] == ["lost", "back"]
    gaps = [
        (line["sample"], line["lost_samples"])
        for line in listener.seen
        if line.get("reason") == "packets_lost"
    ]
    assert gaps[:2] == [(11 * 160, 320), (52 * 160, 160)]
    begins = [line["t_s"] for line in listener.seen if line["type"] == "dtmf" and line["phase"] == "begin"]
    assert begins[7] - begins[0] == pytest.approx(4, abs=0.05)
