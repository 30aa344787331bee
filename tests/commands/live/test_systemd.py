"""What a service manager hears on its socket."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.commands.live.systemd import Notifier
from tests.programs import start

Heard = list[list[str]]


class Manager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(20)

    def env(self, **more: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, **more}

    def hear(self) -> list[str]:
        return self.socket.recv(4096).decode().split("\n")

    def hear_all(self) -> Heard:
        self.socket.setblocking(False)
        heard: Heard = []
        try:
            while True:
                heard.append(self.hear())
        except BlockingIOError:
            return heard


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "s") if request.param == "path" else f"@streamer-test-{os.getpid()}"
    manager = Manager(address)
    yield manager
    manager.socket.close()


def tell(notifier: Notifier, now_s: float, progress: int, *, may_rest: bool = False) -> None:
    if notifier.is_due(now_s):
        notifier.tell_alive(now_s, progress=progress, may_rest=may_rest, status=f"at {progress}")


def test_it_is_ready_once_and_tells_the_watchdog_at_half_its_time_while_samples_flow(
    manager: Manager,
) -> None:
    notifier = Notifier(manager.env(WATCHDOG_USEC="4000000"))
    for tenth in range(81):
        tell(notifier, 100 + tenth / 10, tenth)
    notifier.tell_stopping()
    notifier.tell_stopping()
    assert manager.hear_all() == [
        ["READY=1", "STATUS=at 0", "WATCHDOG=1"],
        *(["STATUS=at " + at, "WATCHDOG=1"] for at in ("20", "40", "60", "80")),
        ["STOPPING=1"],
    ]


def test_the_watchdog_is_left_to_bite_when_samples_stop_but_not_while_the_source_is_waited_for(
    manager: Manager,
) -> None:
    notifier = Notifier(manager.env(WATCHDOG_USEC="2000000"))
    story = [(5, False), (5, False), (5, True), (5, False), (6, False)]
    for second, (progress, may_rest) in enumerate(story):
        tell(notifier, second, progress, may_rest=may_rest)
    assert ["WATCHDOG=1" in heard for heard in manager.hear_all()] == [True, False, True, False, True]


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}],
)
def test_without_a_watchdog_of_ours_there_is_only_a_status_now_and_then(
    manager: Manager, watchdog: dict[str, str]
) -> None:
    notifier = Notifier(manager.env(**watchdog))
    for second in range(21):
        tell(notifier, second, second)
    assert manager.hear_all() == [["READY=1", "STATUS=at 0"], ["STATUS=at 10"], ["STATUS=at 20"]]


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens", "relative", "/" + "x" * 200])
def test_nobody_listening_is_no_error(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert notifier.is_due(0) == bool(address)
    notifier.tell_alive(0, progress=1, may_rest=False, status="")
    notifier.tell_stopping()


by_path = pytest.mark.parametrize("manager", ["path"], indirect=True)


@by_path
def test_a_service_says_ready_then_that_it_is_alive_and_last_that_it_stops(manager: Manager) -> None:
    env = {**os.environ, **manager.env(WATCHDOG_USEC="600000")}
    program = start("live", "sim:dtmf:5:50ms/50ms,loop", "--plan", "dtmf", "--json", "-q", env=env)
    heard = [manager.hear() for _ in range(5)]
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=10)
    assert program.returncode == 0
    assert heard[0][0] == "READY=1"
    assert sum("WATCHDOG=1" in lines for lines in heard) >= 3  # a machine under test may stall for 300 ms
    assert heard[-1][0].startswith("STATUS=sim:dtmf")
    assert manager.hear_all()[-1] == ["STOPPING=1"]


@by_path
def test_an_idle_pipe_is_waited_for_and_no_reason_to_be_killed(manager: Manager) -> None:
    reader, writer = os.pipe()
    env = {**os.environ, **manager.env(WATCHDOG_USEC="400000")}
    words = ("live", "-", "--format", "s16le", "--rate", "8k", "--plan", "dtmf", "--json", "-q")
    program = start(*words, env=env, stdin=reader)
    os.close(reader)
    os.write(writer, bytes(16000))
    heard = [manager.hear() for _ in range(8)]
    os.close(writer)
    program.communicate(timeout=10)
    assert all("WATCHDOG=1" in lines for lines in heard)
    assert program.returncode == 0
