"""Cycles of objects are looked for among what a command makes, and not among what it was loaded from."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import gc
from streamer.base.cycles import put_off, settle

usual, looks = gc.get_threshold(), []
put_off()
gc.callbacks.append(lambda phase, _: looks.append(phase))
import streamer.commands.detect.run
loaded = len(gc.get_objects())
print(len(looks))
settle()
print(gc.get_threshold() == usual, len(gc.get_objects()) < loaded / 10)

class Node: ...
def tie():
    first, second = Node(), Node()
    first.other, second.other = second, first
tie()
print(gc.collect() >= 2)
"""


def test_loading_is_not_looked_through_and_what_is_made_afterwards_is() -> None:
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "True", "True", "True"]


def test_when_the_work_begins_what_is_left_over_is_looked_for_as_ever() -> None:
    code = (
        "import gc; usual = gc.get_threshold();"
        "from streamer.base.cycles import put_off; put_off(); late = gc.get_threshold();"
        "from streamer.commands.talk import begin_work; begin_work(is_quiet=True);"
        "print(late != usual, gc.get_threshold() == usual)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
