from __future__ import annotations

import sys
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamer.base.processes import (
    JOBS,
    PRELOADED,
    SharedBlock,
    get_context,
    receive_block,
    send_block,
    start_process,
)
from tests.programs import run_python


@pytest.mark.parametrize("name", sorted({*PRELOADED, *JOBS}))
def test_the_server_loads_what_is_there(name: str) -> None:
    assert find_spec(name)  # a name that is wrong would be passed over in silence


def fill(block: SharedBlock, answers: Connection) -> None:
    block.array(np.int64, (4,))[:] = 7
    answers.send(block.size_bytes)
    late = receive_block(answers)
    late.array(np.int64, (2,))[:] = 9
    answers.send(late.size_bytes)


def test_a_child_writes_into_blocks_it_was_given_at_its_start_and_later() -> None:
    first, later = SharedBlock(32), SharedBlock(16)
    ours, theirs = get_context().Pipe(duplex=True)
    child = start_process(fill, first, theirs, name="filler")
    assert child.pid is not None
    assert ours.recv() == 32
    send_block(ours, later)
    assert ours.recv() == 16
    child.join(5)
    assert first.array(np.int64, (4,)).tolist() == [7] * 4
    assert later.array(np.int64, (2,)).tolist() == [9] * 2


def test_a_child_knows_nothing_of_the_callers_script() -> None:
    ours, theirs = get_context().Pipe(duplex=False)
    start_process(send_main, theirs, name="sender").join(5)
    assert ours.recv() is None


def send_main(answers: Connection) -> None:
    answers.send(getattr(sys.modules["__main__"], "__file__", None))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a server of its own is begun")
def test_a_copy_of_this_process_serves_children_that_have_what_it_has_loaded(tmp_path: Path) -> None:
    kept = tmp_path / "open"
    program = f"""
import os
from streamer.base import children
from streamer.base.processes import get_context
mine = os.open({str(kept)!r}, os.O_CREAT | os.O_RDWR)
children.fork_own_server(["colorsys"])
ours, theirs = get_context().Pipe(duplex=True)
work = '''
import os, sys
files = [os.path.realpath(f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd")]
link.send(("colorsys" in sys.modules, os.getppid(), files))
'''
child = children.start_process(exec, work, {{"link": theirs}}, name="tester")
has_it, server_pid, files = ours.recv()
child.join(5)
print(has_it, {str(kept)!r} in files, child.exitcode)
children.end_server()
print(os.path.exists(f"/proc/{{server_pid}}"))
"""
    result = run_python(program)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True False 0\nFalse\n", "")


NONE_TO_BE_HAD = """
import errno, os, threading
def refuse(*_words):
    raise {error}
"""
FORK = "BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))"
THREAD = 'RuntimeError("can\'t start new thread")'


@pytest.mark.skipif(sys.platform != "linux", reason="a copy of this process cannot serve here")
@pytest.mark.parametrize(
    ("error", "replaced", "forks_first"),
    [
        (FORK, "os.fork", False),  # the server itself
        (FORK, "os.fork", True),  # its children
        (THREAD, "threading.Thread.start", True),  # a thread that a child needs
        (THREAD, "threading.Thread.start", False),  # one that we need
    ],
)
def test_a_system_that_has_no_processes_for_us_is_told_without_a_traceback(
    tmp_path: Path, error: str, replaced: str, forks_first: bool
) -> None:
    """forks_first: the server has begun, and is to refuse when it is asked"""
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(8000), 8000)
    begin = "from streamer.base import fork_server, children\n"
    if forks_first:
        begin += f"""
children_serve = children.serve
def serve(*words, **more):
    real = fork_server._fork
    def _fork(*of):
        {replaced} = refuse
        real(*of)
    fork_server._fork = _fork
    children_serve(*words, **more)
children.serve = serve
"""
    else:
        begin += f"{replaced} = refuse\n"
    code = (
        NONE_TO_BE_HAD.format(error=error)
        + begin
        + f"""
import sys
from streamer.commands.main import run
sys.argv = ["streamer", "spectrogram", {str(tmp_path)!r}, "-j", "1", "-o", {str(tmp_path / "{stem}.npz")!r}]
sys.exit(run())
"""
    )
    done = run_python(code)
    assert done.returncode == 70, done.stderr
    assert done.stderr.count("no process can be begun: ") in (1, 2), (
        done.stderr
    )  # each that is refused says so
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]
