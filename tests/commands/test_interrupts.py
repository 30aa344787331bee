"""Signals from the first moment on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamer.commands.interrupts import AGAIN_S
from tests.programs import run_python, start
from tests.signals_run import find_leftovers, run_trials

LATER = 0
START = """if True:
    import os, signal, sys, time
    sys.argv = ["streamer", *{words!r}]
    from streamer import __main__ as program
    from streamer.commands import interrupts
    interrupts.AGAIN_S = {again_s}
    begin = interrupts.interrupts.catch
    def catch():
        begin()
        for number in {numbers!r}:
            os.kill(os.getpid(), number) if number else time.sleep({again_s})
    interrupts.interrupts.catch = catch
    program.main()
"""


@pytest.mark.parametrize(
    ("words", "numbers", "code"),
    [
        (["live", "--demo"], [signal.SIGTERM], 0),
        (["live", "--demo"], [signal.SIGINT], 0),
        (["live", "--demo"], [signal.SIGINT, LATER, signal.SIGINT], 130),
        (
            ["live", "--demo"],
            [signal.SIGINT, signal.SIGINT],
            0,
        ),  # timeout's: to the program, and to its group
        (["live", "--demo"], [signal.SIGINT, signal.SIGTERM], 0),
        (["detect", "sim:dtmf:1,loop"], [signal.SIGTERM], 143),
        (["detect", "sim:dtmf:1,loop"], [signal.SIGINT], 130),
        (["spectrogram", "sim:dtmf:1,loop"], [signal.SIGTERM], 143),
        (["generate", "silence:1s", "-o", "/nowhere/x.wav"], [signal.SIGINT], 130),
        (["generate", "silence:1s", "-o", "/nowhere/x.wav"], [signal.SIGHUP], 129),
        (["detect", "sim:dtmf:1,loop"], [signal.SIGHUP], 129),
    ],
)
def test_a_signal_that_comes_before_anything_is_loaded_ends_it_with_the_documented_code(
    words: list[str], numbers: list[int], code: int
) -> None:
    script = START.format(
        words=words,
        numbers=[int(number) for number in numbers],
        again_s=AGAIN_S if LATER in numbers else 60.0,
    )
    done = run_python(script, timeout_s=30)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_an_internal_failure_is_never_an_interruption() -> None:
    code = """if True:
        import sys
        sys.argv = ["streamer", "bands", "dtmf"]
        import streamer.commands.bands as bands
        def fail(**_):
            raise EOFError("nothing more")
        bands.command.callback = fail
        from streamer.__main__ import main
        main()
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert done.stderr.splitlines() == [
        "streamer: internal error: EOFError: nothing more; run again with --debug and report what it prints"
    ]


def test_signals_at_random_moments_end_live_with_its_code_and_leave_nothing() -> None:
    assert run_trials(count=4, seed=11, only="live") == 0


def test_it_ends_within_two_seconds_while_kernels_are_compiled_and_nothing_goes_on_compiling(
    tmp_path: Path,
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    folders = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(temporary)}
    program = start("live", "--demo", env={**os.environ, **folders})
    assert program.stderr is not None
    assert "compiling kernels" in program.stderr.readline()
    program.terminate()
    began_s = time.monotonic()
    program.communicate(timeout=10)
    assert time.monotonic() - began_s < 2
    assert program.returncode == 0
    assert find_leftovers(str(temporary)) == []


def test_a_ctrl_c_that_reaches_the_process_server_before_it_has_begun_is_nobodys_traceback() -> None:
    code = """if True:
        import os, signal
        signal.signal(signal.SIGINT, lambda *_: None)
        from streamer.base import children
        children.start_server()
        for _ in range(200):
            os.kill(children._server._process.pid, signal.SIGINT)
        child = children.start_process(os.getpid, name="nobody")
        child.join(60)
        print(child.exitcode)
    """
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("0\n", "")
