"""Descriptor 2 of the capture process: nobody waits, and nothing piles up."""

from __future__ import annotations

from tests.programs import run_python

CODE = """
import os, resource, sys
from streamer.live.diverted_stderr import DivertedStderr

out = os.dup(1)
said = DivertedStderr()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(20_000):
    try:
        os.write(2, b"ALSA lib pcm.c: underrun " * 40)
    except BlockingIOError:
        pass
assert os.fstat(2).st_size == 0, "it is kept in a file"
grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
said.tail()
os.write(2, b"the last word\\n")
tail = said.tail()
assert tail.endswith("the last word\\n")
assert len(tail) <= 2000
print(grown_kb)
"""


def test_twenty_megabytes_of_complaints_take_no_memory_and_the_newest_is_kept() -> None:
    result = run_python(CODE)
    assert result.returncode == 0, result.stdout
    assert int(result.stdout) < 1000
