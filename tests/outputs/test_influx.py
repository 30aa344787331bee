"""InfluxDB's line protocol: what a real server has of it, and what becomes of it where one refuses or is away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import msgspec
import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.base.reading import Reading, Sensitivity
from streamer.outputs import check_outputs, open_outputs, reaches_out
from streamer.outputs.target import hide_password
from streamer.outputs.to_influx import InfluxOutput, write_point
from tests.outputs.counterparts import Server, has_sent, is_away, make_influxd, running, wait_until
from tests.outputs.level_feeds import BEGIN_S, feed, make_analysis, make_frames, make_scene
from tests.outputs.records import DIGIT, END, START
from tests.outputs.test_nats import make_digits
from tests.outputs.test_webhook import Hook


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(make_influxd(tmp_path_factory.mktemp("influx"))) as server:
        yield server


def ask(server: Server, words: str, *, db: str = "") -> list[dict[str, Any]]:
    """Rows."""
    query = urlencode({"q": words, "db": db, "epoch": "ns"})
    with urlopen(f"http://127.0.0.1:{server.port}/query?{query}", data=b"") as answer:
        [result] = json.load(answer)["results"]
    [series] = result.get("series", [{"values": []}])
    return [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]


def open_influx(server: Server, db: str, options: str = "") -> InfluxOutput:
    ask(server, f'CREATE DATABASE "{db}"')
    [output] = open_outputs([f"influx:http://127.0.0.1:{server.port}/write?db={db}#host=lab{options}"])
    assert isinstance(output, InfluxOutput)
    output.put(START)
    return output


def open_hooked(options: str) -> tuple[Hook, InfluxOutput]:
    """Of a run that has begun, to a server that notes what it is sent."""
    hook = Hook()
    [output] = open_outputs([f"influx:http://127.0.0.1:{hook.port}/write?db=x{options}"])
    assert isinstance(output, InfluxOutput)
    output.put(START)
    return hook, output


def read_lines(hook: Hook) -> list[str]:
    return [line for _, _, body in hook.got for line in body.decode().splitlines()]


def test_levels_are_points_of_each_band_in_the_unit_of_the_run(database: Server) -> None:
    reading = Reading(unit="dbspl", weighting="A", sensitivities=(Sensitivity(spl_at_0_dbfs_db=120.0),))
    output, analysis = open_influx(database, "levels", "&every=2s"), make_analysis()
    output.put_scene(make_scene(analysis, reading=reading))
    powers = np.tile([[[0.5, 0.005]], [[0.05, 0.005]]], (4, 1, 1)).reshape(1, 8, 2)
    output.put_levels(make_frames(analysis, 0, powers))
    output.put_levels(make_frames(analysis, 8, powers[:, :1]))
    assert output.finish()
    [low, high] = ask(database, "SELECT * FROM streamer_level", db="levels")
    assert low == {
        "time": round(BEGIN_S * 1e9),
        "band": "100",
        "hz": 100,
        "channel": "1",
        "host": "lab",
        "source": "mic:test",
        "unit": "dB(A) SPL",
        "leq": pytest.approx(120 - 2.6 - 19.14, abs=0.01),
        "lmax": pytest.approx(120 - 19.14, abs=0.01),
    }
    assert (high["band"], high["leq"], high["lmax"]) == ("1000", 100, 100)


def test_the_highest_level_is_that_of_a_meter_where_one_is_asked_for() -> None:
    hook, output = open_hooked("#time_weighting=F")
    feed(output, 3)
    assert output.finish()
    lines = read_lines(hook)
    kept = np.exp(-0.25 / 0.125)  # from a frame to the next, four a second
    wanted = [-20 + 10 * np.log10(1 - kept**n) for n in (4, 8)]
    found = [float(line.partition("lfmax=")[2].split(",")[0]) for line in lines if "band=100 " in line]
    assert found == pytest.approx(wanted, abs=0.01)
    hook.close()


def test_the_last_levels_of_a_run_are_told_with_it() -> None:
    hook, output = open_hooked("#every=1m")
    feed(output, 3)
    output.put(END)
    assert output.finish()
    [low, high] = read_lines(hook)
    assert "band=100 " in low
    assert "band=1000 " in high
    assert "leq=-20.0,lmax=-20.0" in low
    hook.close()


def test_what_other_bands_cut_off_is_told_too() -> None:
    hook, output = open_hooked("#every=1m")
    feed(output, 3)
    analysis = make_analysis([50.0, 100.0])
    output.put_scene(make_scene(analysis))
    output.put_levels(make_frames(analysis, 12, np.full((1, 4, 2), 0.5)))
    output.put(END)
    assert output.finish()
    lines = read_lines(hook)
    told = [re.search(r"band=(\d+) leq=(\S+?),", line).groups() for line in lines]
    assert told == [("100", "-20.0"), ("1000", "-40.0"), ("50", "0.0"), ("100", "0.0")]
    hook.close()


def test_events_are_points_with_what_they_are_called_as_tags_and_figures_as_fields(database: Server) -> None:
    output = open_influx(database, "events")
    output.put(msgspec.structs.replace(DIGIT, freqs_hz=[770.0, 1336.0], level_dbspl=102.1))
    output.put(msgspec.structs.replace(DIGIT, phase="begin"))
    assert output.finish()
    [row] = ask(database, "SELECT * FROM streamer_event", db="events")
    assert {key: row[key] for key in ("type", "label", "channel", "phase", "host")} == {
        "type": "dtmf",
        "label": "5",
        "channel": "1",
        "phase": "end",
        "host": "lab",
    }
    assert (row["level_dbfs"], row["level_dbspl"], row["freqs_hz"]) == (-17.9, 102.1, "770+1336")
    assert (output.books.sent, output.books.lost) == (1, 0)


def test_a_server_that_goes_away_and_comes_back_has_each_point_once(tmp_path: Path) -> None:
    with running(make_influxd(tmp_path)) as server:
        output = open_influx(server, "all")
        digits = make_digits(range(30))
        for number, digit in enumerate(digits):
            digit.label, digit.time = f"{number}", f"2026-11-26T10:00:{number:02d}Z"
        for digit in digits[:10]:
            output.put(digit)
        wait_until(has_sent(output, 10))
        server.kill()
        for digit in digits[9:20]:
            output.put(digit)
        wait_until(is_away(output))
        server.start()
        wait_until(has_sent(output, 21))
        for digit in digits[20:]:
            output.put(digit)
        assert output.finish(timeout_s=10)
        rows = ask(server, "SELECT label, id FROM streamer_event", db="all")
    assert [row["label"] for row in rows] == [str(number) for number in range(30)]


HOSTILE = [
    *(
        "a b",
        "a,b=c",
        "a\\",
        "\\ ",
        '"',
        "'",
        '\\"',
        "=",
        "a\nb",
        "\x1b[2J",
        "#",
        "é 🎵",
        "\udce4",
        "t=1,u=2 v=3i 4",
    ),
    *("\\,", "\\=", " ", "  ", ",", "a\\\\", '"a", "b"', "0", "true", "1i", "\x00"),
]


def test_whatever_a_label_or_a_text_holds_is_one_value_of_one_point(database: Server) -> None:
    output = open_influx(database, "words")
    for number, text in enumerate(HOSTILE):
        time = f"2026-11-26T10:00:{number:02d}Z"
        output.put(msgspec.structs.replace(DIGIT, label=text, text=text, time=time, id=number))
    assert output.finish(timeout_s=10)
    assert (output.books.sent, output.books.lost) == (len(HOSTILE), 0)
    rows = ask(database, "SELECT label, text, id FROM streamer_event", db="words")
    shown = ["".join(c if c.isprintable() else "?" for c in text) for text in HOSTILE]
    assert [row["text"] for row in rows] == shown
    assert [row["label"] for row in rows] == [text.replace("\\", "/") for text in shown]


def test_where_one_point_is_refused_the_others_are_taken() -> None:
    hook = Hook()
    statuses = [204, 400, 204, 400, 400]  # the first alone, then four, one of those, the rest, one of those
    hook.answers = [(status, {}, "field type conflict" * (status == 400)) for status in statuses]
    hook.may_answer.clear()
    [output] = open_outputs([f"influx:http://127.0.0.1:{hook.port}/api/v2/write?org=o&bucket=b"])
    first, *others = make_digits(range(5))
    output.put(START)
    output.put(first)
    wait_until(lambda: output._queue.qsize() == 0)
    for digit in others:
        output.put(digit)
    hook.may_answer.set()
    assert output.finish(timeout_s=10)
    assert [body.count(b"\n") + 1 for _, _, body in hook.got] == [1, 4, 1, 3, 1, 1, 1]
    assert (output.books.sent, output.books.lost) == (4, 1)
    assert "field type conflict" in output.take_news()[-1]
    hook.close()


def test_a_token_is_told_as_the_server_wants_it_and_shown_nowhere(tmp_path: Path) -> None:
    hook = Hook()
    (tmp_path / "token").write_text("secret\n")
    target = f"influx:http://127.0.0.1:{hook.port}/api/v2/write?org=o&bucket=b#token_file={tmp_path}/token"
    [output] = open_outputs([target])
    output.put(START)
    output.put(DIGIT)
    assert output.finish(timeout_s=10)
    [(path, headers, _)] = hook.got
    assert (path, headers["Authorization"]) == ("/api/v2/write?org=o&bucket=b", "Token secret")
    assert "secret" not in output.name
    assert "bucket" not in hide_password(target)
    hook.close()


def test_levels_that_nobody_wants_are_not_sent() -> None:
    hook, output = open_hooked("#levels=no")
    feed(output, 5)
    assert output.finish(timeout_s=10)
    assert not hook.got
    assert output.books.queued == 0
    hook.close()


def test_numbers_that_the_protocol_has_no_word_for_are_left_out() -> None:
    line = write_point("m", {"a": "", "b": None, "c": 1}, {"x": None, "y": -0.0, "z": 3}, at_s=1.5)
    assert line == b"m,c=1 y=-0.0,z=3i 1500000000"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("influx:", "is no web address; write influx:http://HOST:8086/write"),
        ("influx://host:8086/db", "is no web address; write influx:http://HOST:8086/write"),
        ("influx:http://h/write?db=x#every=1500ms", "every is 1.5 s; write whole seconds"),
        ("influx:http://h/write?db=x#every=1.0000001s", "every is 1.0000001 s; write whole seconds"),
        ("influx:http://h/write?db=x#every=500ms", "within 1s"),
        ("influx:http://h/write?db=x#evry=1s", "did you mean every"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(target: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_outputs([target])
    assert reaches_out("influx:http://192.0.2.7/write?db=x")
    assert not reaches_out("influx:http://localhost:8086/write?db=x")
