"""What all tests share."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from tests.virtual_mic import (
    JACK,
    JACK_PATIENT_SAMPLES,
    PIPEWIRE,
    TICK_HZ,
    JackMic,
    PipeWireMic,
    VirtualMic,
    require_virtual_mic,
)

# The first example of a test may compile kernels, and shared machines stall: time is not what is tested.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# Started in the background of a script, or under nohup, tests would hand these on as ignored to what they start.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """Those with a real audio server run alone: what is lost is counted there, and others would take their turns."""
    with _turn(is_alone=item.get_closest_marker("audio") is not None):
        return (yield)


@contextmanager
def _turn(*, is_alone: bool) -> Iterator[None]:
    """Many at a time, or one alone. Who wants to be alone keeps the gate, so that nobody else begins before."""
    with Path(__file__).open("rb") as gate, Path(__file__).with_name("__init__.py").open("rb") as turn:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(turn, fcntl.LOCK_UN)  # also for children that have the descriptor


@pytest.fixture(scope="session", autouse=True)
def _compiled_kernels() -> None:
    """The first run on a machine says that it compiles; the tests are about those after it."""
    subprocess.run([sys.executable, "-c", "import streamer.live.preload"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def mic() -> Iterator[VirtualMic]:
    require_virtual_mic()
    with VirtualMic() as virtual:
        yield virtual


@pytest.fixture
def pipewire() -> Iterator[PipeWireMic]:
    require_virtual_mic(PIPEWIRE)
    with PipeWireMic() as virtual:
        yield virtual


@pytest.fixture
def jack() -> Iterator[JackMic]:
    require_virtual_mic(JACK)
    with JackMic() as virtual:
        yield virtual


@pytest.fixture
def patient_jack() -> Iterator[JackMic]:
    """For tests that nothing is lost: what other work on the machine takes from JACK is not streamer's doing."""
    require_virtual_mic(JACK)
    with JackMic(period_samples=JACK_PATIENT_SAMPLES) as virtual:
        yield virtual


@pytest.fixture
def tick_plan(tmp_path: Path) -> str:
    """Hears each of JackMic's ticks as a tone."""
    path = tmp_path / "tick.toml"
    path.write_text(
        f'[[tone]]\nname = "tick"\nfreqs = [{TICK_HZ}]\nopen_snr = "10dB"\nclose_snr = "6dB"\nmin_on = "40ms"\n'
    )
    return str(path)
