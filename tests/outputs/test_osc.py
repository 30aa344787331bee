"""Open Sound Control: what liblo's own program reads of it, and what becomes of it where nobody listens."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.base.reading import Reading, Sensitivity
from streamer.outputs import check_outputs, open_outputs, reaches_out
from streamer.outputs.levels import LevelOutput
from tests.outputs.counterparts import find_free_port, require, wait_until
from tests.outputs.level_feeds import feed, make_analysis, make_frames, make_scene
from tests.outputs.records import DIGIT


@contextmanager
def listening(folder: Path) -> Iterator[tuple[int, Path]]:
    """oscdump, on a port: a line a message."""
    program, port, said = require("oscdump", "liblo-tools"), find_free_port(), folder / "said"
    with said.open("w") as file:
        process = subprocess.Popen(["stdbuf", "-oL", program, str(port)], stdout=file)
    try:
        wait_until(
            lambda: f":{port:04X} " in Path("/proc/net/udp").read_text() + Path("/proc/net/udp6").read_text()
        )
        yield port, said
    finally:
        process.kill()
        process.wait()


def open_osc(port: int, options: str = "") -> LevelOutput:
    [output] = open_outputs([f"osc://127.0.0.1:{port}{options}"])
    assert isinstance(output, LevelOutput)
    return output


def read(said: Path, count: int) -> list[str]:
    """That many messages, without their times."""
    wait_until(lambda: said.read_text().count("\n") >= count)
    return [line.partition(" ")[2] for line in said.read_text().splitlines()]


def test_levels_are_told_with_what_they_are_of_in_the_unit_of_the_run(tmp_path: Path) -> None:
    reading = Reading(unit="dbspl", sensitivities=(Sensitivity(spl_at_0_dbfs_db=120.0),))
    with listening(tmp_path) as (port, said):
        output = open_osc(port, "#every=1s")
        output.put_scene(make_scene(make_analysis(), reading=reading))
        feed(output, 2, begins=False)
        assert output.finish()
        assert read(said, 3) == [
            '/streamer/bands isff 1 "dB SPL" 100.000000 1000.000000',
            "/streamer/levels iff 1 100.000000 80.000000",
            "/streamer/levels iff 1 100.000000 80.000000",
        ]


def test_a_message_has_the_mean_power_since_the_one_before(tmp_path: Path) -> None:
    with listening(tmp_path) as (port, said):
        output, analysis = open_osc(port, "#every=500ms&prefix=/hall/north"), make_analysis()
        output.put_scene(make_scene(analysis))
        powers = np.array([0.5, 0.5, 0.05, 0.0])[None, :, None] * np.ones((1, 4, 2))
        output.put_levels(make_frames(analysis, 0, powers))
        assert output.finish()
        levels = [line for line in read(said, 3) if "levels" in line]
        assert levels == [
            "/hall/north/levels iff 1 0.000000 0.000000",  # the first frame, at once
            "/hall/north/levels iff 1 -2.596373 -2.596373",  # 10 lg 0.55
        ]


def test_events_are_told_as_they_begin_and_end(tmp_path: Path) -> None:
    with listening(tmp_path) as (port, said):
        output = open_osc(port, "#levels=no")
        begin = msgspec.structs.replace(DIGIT, phase="begin", duration_s=None, freqs_hz=[770.0, 1336.0])
        output.put(begin)
        output.put(msgspec.structs.replace(begin, phase="end", duration_s=0.1))
        assert output.finish()
        assert read(said, 2) == [
            '/streamer/begin ssifff "dtmf" "5" 1 -17.900000 770.000000 1336.000000',
            '/streamer/end ssiffff "dtmf" "5" 1 -17.900000 0.100000 770.000000 1336.000000',
        ]


def test_that_nobody_listens_is_told_once_and_holds_up_nothing() -> None:
    output = open_osc(find_free_port(), "#every=0")
    feed(output, 5)
    assert output.finish()
    [news] = output.take_news()
    assert "Connection refused; what is sent to it is lost" in news
    assert output.books.error == "Connection refused"
    assert not output.has_failed


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("osc:9000", "names no host"),
        ("osc://h:0", "port is 0; it must lie in 1..65535"),
        ("osc://h/path", "more than a host and a port"),
        ("osc://h#every=-1s", "every"),
        ("osc://h#prefix=hall", "write an OSC address such as /hall/north"),
        ("osc://h#evry=1s", "did you mean every"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(target: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_outputs([target])


def test_only_this_machine_is_reached_without_asking() -> None:
    assert not reaches_out("osc://127.0.0.1")
    assert reaches_out("osc://192.0.2.7")
