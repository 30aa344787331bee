"""Whatever an output is: nobody waits for a reader, and what is left out is said."""

from __future__ import annotations

import io
import json
import os
import threading

from streamer.outputs.formats import format_json
from streamer.outputs.output import MAX_WAITING
from streamer.outputs.to_file import FileOutput
from tests.outputs.records import DIGIT


def test_a_reader_that_does_not_read_is_not_waited_for() -> None:
    reader, writer = os.pipe()
    output = FileOutput(io.FileIO(writer, "w"), format_json, name="pipe")
    for _ in range(2000):  # more than the pipe holds
        output.put(DIGIT)
    assert not output.finish(timeout_s=0.05)
    os.close(reader)
    assert output.finish()


def test_a_reader_that_stalls_costs_bounded_memory_and_is_told_what_it_missed() -> None:
    reader, writer = os.pipe()
    output = FileOutput(io.FileIO(writer, "w"), format_json, name="pipe")
    count = 3 * MAX_WAITING
    for _ in range(count):
        output.put(DIGIT)
    lines = []
    closing = threading.Thread(target=output.finish, kwargs={"timeout_s": 30})
    with os.fdopen(reader) as text:
        for line in text:
            lines.append(json.loads(line))
            if len(lines) == MAX_WAITING // 2:  # there is room again
                output.put(DIGIT)
                closing.start()
    closing.join()
    heard = sum(line["type"] == "dtmf" for line in lines)
    missing = sum(int(line["message"].split()[0]) for line in lines if line["type"] == "error")
    assert heard + missing == count + 1
    assert heard < MAX_WAITING + 2000  # what is in the pipe and on its way does not wait here
    assert [line["type"] for line in lines[-2:]] == ["error", "dtmf"]


def test_who_can_wait_waits_for_a_slow_reader_and_loses_nothing() -> None:
    reader, writer = os.pipe()
    output = FileOutput(io.FileIO(writer, "w"), format_json, name="pipe")
    count = MAX_WAITING * 3 // 2

    def put_all() -> None:
        for _ in range(count):
            output.put(DIGIT, waits=True)
        output.finish(timeout_s=30)

    putting = threading.Thread(target=put_all)
    putting.start()
    with os.fdopen(reader) as text:
        assert sum(1 for _ in text) == count
    putting.join()
