"""Real programs that outputs send to: brokers and servers that tests start, kill, stop and start again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamer.outputs.counterpart import Counterpart
from streamer.outputs.output import Output


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def require(program: str, package: str) -> str:
    """Where it is; without it the test is skipped, but not in CI, which installs it."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is needed (Debian: {package})")
        pytest.skip(f"{program} is not installed (Debian: {package})")
    return found


def wait_until(what: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end_s, "timed out"
        time.sleep(0.01)


class Server:
    """A program that listens on a port of this machine; killed and started again it has the same one."""

    def __init__(self, words: Sequence[str], *, port: int) -> None:
        self.words, self.port = words, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.is_listening)

    def is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.words[0]} has ended"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """As a power cut does: nothing is written any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


def make_nats(folder: Path) -> Server:
    program, port = require("nats-server", "nats-server"), find_free_port()
    words = [program, "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(port)]
    return Server(words, port=port)


def make_mosquitto(folder: Path, *more: str, is_open: bool = True) -> Server:
    program, port = require("mosquitto", "mosquitto"), find_free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "mosquitto.conf"
    lines = [f"listener {port} 127.0.0.1", f"allow_anonymous {str(is_open).lower()}", "user root", *more]
    config.write_text("\n".join([*lines, ""]))
    return Server([program, "-c", str(config)], port=port)


def make_influxd(folder: Path) -> Server:
    program, port = require("influxd", "influxdb"), find_free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "influxdb.conf"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{find_free_port()}"\n[meta]\ndir = "{folder}/meta"\n'
        f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n[http]\nbind-address = "127.0.0.1:{port}"\n'
    )
    return Server([program, "run", "-config", str(config)], port=port)


def is_there(output: Output) -> bool:
    assert isinstance(output, Counterpart)
    return output.books.away_s is None and output._is_connected


def has_sent(output: Output, count: int) -> Callable[[], bool]:
    return lambda: output.books.sent == count and output.books.away_s is None


def is_away(output: Output) -> Callable[[], bool]:
    return lambda: output.books.away_s is not None
