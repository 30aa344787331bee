"""NATS JetStream by a real server: nothing lost, nothing twice, however it dies."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from streamer.base.errors import SourceError
from streamer.events import Event
from streamer.outputs import check_outputs, open_outputs, to_nats
from streamer.outputs.reading import Read, read_records
from tests.outputs import many_hosts
from tests.outputs.counterparts import (
    Server,
    find_free_port,
    has_sent,
    is_away,
    make_nats,
    running,
    wait_until,
)
from tests.outputs.records import DIGIT, END, START
from tests.programs import digits_of, read_lines, run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(make_nats(tmp_path / "nats")) as nats:
        yield nats


def make_digits(ids: range) -> list[Event]:
    return [msgspec.structs.replace(DIGIT, id=number, label=str(number % 10)) for number in ids]


def read_all(port: int) -> list[Read]:
    found = read_records(f"nats://127.0.0.1:{port}", since=None, follows=False)
    return [read for read in found if isinstance(read, Read)]


def test_what_the_stream_has_says_whose_it_is(server: Server) -> None:
    [output] = open_outputs([f"nats://127.0.0.1:{server.port}#host=lab"])
    for record in (START, DIGIT, END):
        output.put(record)
    assert output.finish(timeout_s=10)
    reads = read_all(server.port)
    assert [json.loads(read.line)["type"] for read in reads] == ["start", "dtmf", "end"]
    said = json.loads(reads[1].line)
    assert (said["host"], said["run"], said["source"], said["label"]) == ("lab", "r", "a,b.wav", "5")
    assert reads[1].record == DIGIT


def test_reading_ends_with_what_was_there_however_much_comes_meanwhile(server: Server) -> None:
    [output] = open_outputs([f"nats://127.0.0.1:{server.port}#types=dtmf"])
    for digit in make_digits(range(600)):
        output.put(digit)
    wait_until(has_sent(output, 600))
    is_read = threading.Event()

    def go_on() -> None:
        number = 600
        while not is_read.wait(0.005):
            output.put(make_digits(range(number, number + 1))[0])
            number += 1

    writer = threading.Thread(target=go_on)
    writer.start()
    ids = [read.record.id for read in read_all(server.port) if isinstance(read.record, Event)]
    is_read.set()
    writer.join()
    assert output.finish(timeout_s=10)
    assert ids == list(range(len(ids)))
    assert len(ids) >= 600


def test_a_server_that_is_killed_loses_nothing_and_has_nothing_twice(server: Server) -> None:
    [output] = open_outputs([f"nats://127.0.0.1:{server.port}#types=dtmf"])
    for digit in make_digits(range(2000)):
        output.put(digit)
    wait_until(lambda: output.books.sent > 0)
    server.kill()  # somewhere among them
    wait_until(is_away(output))
    for digit in make_digits(range(2000, 2500)):
        output.put(digit)
    server.start()
    wait_until(has_sent(output, 2500))
    assert output.finish(timeout_s=10)
    reads = [read.record for read in read_all(server.port)]
    assert [record.id for record in reads if isinstance(record, Event)] == list(range(2500))
    news = output.take_news()
    assert " is away: " in news[0]
    assert " is back after " in news[-1]


def test_a_server_that_hangs_is_away_and_its_answer_may_come_late(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_nats, "ANSWER_S", 0.5)
    [output] = open_outputs([f"nats://127.0.0.1:{server.port}#types=dtmf"])
    output.put(DIGIT)
    wait_until(has_sent(output, 1))
    server.freeze()
    for digit in make_digits(range(100, 200)):
        output.put(digit)  # the server will find them when it goes on, and once more, as nobody had an answer
    wait_until(is_away(output))
    server.thaw()
    wait_until(has_sent(output, 101))
    assert output.finish(timeout_s=10)
    ids = [read.record.id for read in read_all(server.port) if isinstance(read.record, Event)]
    assert sorted(ids) == [17, *range(100, 200)]


@pytest.mark.slow
def test_a_run_of_live_is_read_back_with_history(server: Server) -> None:
    place = f"nats://127.0.0.1:{server.port}"
    done = run("live", "sim:dtmf:5550123", "--speed", "max", "-r", "8k", "-q", "-o", f"{place}#host=a")
    assert (done.returncode, done.stderr) == (0, "")
    text = run("history", place)
    assert text.returncode == 0
    [run_id] = {line["run"] for line in read_lines(run("history", place, "--json").stdout)}
    assert all(line.startswith(f"a/{run_id[:4]}  ") for line in text.stdout.splitlines())
    assert text.stderr == f"streamer: a/{run_id[:4]} listens to sim:dtmf:5550123\n"
    assert "dtmf   5" in text.stdout
    assert digits_of(read_lines(run("history", place, "--json").stdout)) == "5550123"


@pytest.mark.slow
def test_a_run_without_a_server_ends_with_what_was_not_sent() -> None:
    port = find_free_port()
    done = run("live", "sim:dtmf:55", "--speed", "max", "-r", "8k", "-q", "-o", f"nats://127.0.0.1:{port}")
    assert done.returncode == 70
    assert "not taken off us in time, as it is away: Connection refused" in done.stderr
    assert done.stdout.count("dtmf") == 2
    with pytest.raises(SourceError, match="Connection refused"):
        read_all(port)


def test_what_is_wrong_with_an_address_is_told_at_once() -> None:
    for target, why in [
        ("nats:", "names no host"),
        ("nats://h/a b", 'subject is "a b"'),
        ("nats://h:x", "nats://h:x"),
        ("nats://h?quality=1", '"quality" is no option of it; there are: host, labels, phase, types'),
        ("nats://h#types=dtfm", "did you mean dtmf"),
    ]:
        with pytest.raises(ValueError, match=why):
            check_outputs([target])


@pytest.mark.slow
def test_hosts_whose_broker_dies_lose_nothing_and_tell_nothing_twice(tmp_path: Path) -> None:
    verdict = many_hosts.run(tmp_path, hosts=2, seconds=5, kills=1)
    assert verdict.is_good, verdict
