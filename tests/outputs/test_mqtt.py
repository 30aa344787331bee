"""MQTT by a real broker, mosquitto: dying, hanging and refusing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jinja2
import msgspec
import pytest

from streamer.events import Event
from streamer.outputs import check_outputs, open_outputs, to_mqtt
from streamer.outputs.reading import Read, read_records
from streamer.outputs.to_mqtt import announce
from tests.outputs.counterparts import (
    Server,
    has_sent,
    is_away,
    make_mosquitto,
    require,
    running,
    wait_until,
)
from tests.outputs.records import DIGIT, END, START
from tests.outputs.test_nats import make_digits


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    with running(make_mosquitto(tmp_path / "mosquitto")) as mosquitto:
        yield mosquitto


def subscribe(broker: Server, topic: str, count: int) -> subprocess.Popen[str]:
    """Another program's reader, which ends once it has so many; topic and body a line."""
    words = [require("mosquitto_sub", "mosquitto-clients"), "-h", "127.0.0.1", "-p", str(broker.port)]
    return subprocess.Popen(
        [*words, "-t", topic, "-q", "1", "-C", str(count), "-W", "20", "-v"],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_another_programs_reader_gets_every_record_under_its_topic(broker: Server) -> None:
    [output] = open_outputs([f"mqtt://127.0.0.1:{broker.port}/tones#host=lab"])
    wait_until(has_sent(output, 0))
    with subscribe(broker, "tones/#", 5) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "tones/lab/status online\n"  # kept by the broker
        for record in (START, DIGIT, END):
            output.put(record)
        assert output.finish(timeout_s=10)
        lines = [line.split(" ", 1) for line in reader.communicate()[0].splitlines()]
    assert [topic for topic, _ in lines] == [
        f"tones/lab/{each}" for each in ("start", "dtmf", "end", "status")
    ]
    said = json.loads(lines[1][1])
    assert (said["label"], said["host"], said["run"]) == ("5", "lab", "r")
    assert lines[-1][1] == "offline"


def test_a_broker_that_is_killed_loses_nothing_to_who_keeps_reading(broker: Server) -> None:
    place = f"mqtt://127.0.0.1:{broker.port}"
    [output] = open_outputs([f"{place}#types=dtmf"])
    found = read_records(place, since=None, follows=True)
    next(found)  # it has subscribed
    for digit in make_digits(range(300)):
        output.put(digit)
    wait_until(has_sent(output, 300))
    ids = {read.record.id for read in take(found, 300)}
    broker.kill()
    for digit in make_digits(range(300, 500)):
        output.put(digit)
    wait_until(is_away(output))
    broker.start()
    while next(found) != f"{place} is back":
        pass
    wait_until(has_sent(output, 500))
    for digit in make_digits(range(500, 510)):
        output.put(digit)
    assert output.finish(timeout_s=10)
    ids |= {read.record.id for read in take(found, 10, until_id=509)}
    assert ids >= {
        *range(300),
        *range(500, 510),
    }  # what came before the reader was back, the broker has not kept
    found.close()


def take(found: Iterator[Read | str | None], count: int, *, until_id: int | None = None) -> list[Read]:
    reads: list[Read] = []
    for read in found:
        if isinstance(read, Read) and isinstance(read.record, Event):
            reads.append(read)
            if read.record.id == until_id or (until_id is None and len(reads) == count):
                break
    return reads


def test_a_reader_with_a_session_misses_nothing_while_it_is_away(broker: Server) -> None:
    place = f"mqtt://127.0.0.1:{broker.port}#session=desk"
    found = read_records(place, since=None, follows=True)
    next(found)
    found.close()
    [output] = open_outputs([f"mqtt://127.0.0.1:{broker.port}"])
    for digit in make_digits(range(20)):
        output.put(digit)
    assert output.finish(timeout_s=10)
    again = read_records(place, since=None, follows=True)
    assert [read.record.id for read in take(again, 20)] == list(range(20))
    again.close()


def test_a_broker_that_hangs_is_away_until_it_goes_on(
    broker: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_mqtt, "ANSWER_S", 0.5)
    [output] = open_outputs([f"mqtt://127.0.0.1:{broker.port}"])
    output.put(DIGIT)
    wait_until(has_sent(output, 1))
    broker.freeze()
    output.put(DIGIT)
    wait_until(is_away(output))
    assert output.books.error == "no answer in time"
    broker.thaw()
    wait_until(has_sent(output, 2))
    assert output.finish(timeout_s=10)


def test_a_broker_that_does_not_know_us_is_told_as_away_and_why(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("")
    locked = make_mosquitto(tmp_path / "m", f"password_file {tmp_path}/passwords", is_open=False)
    with running(locked):
        [output] = open_outputs([f"mqtt://me:secret@127.0.0.1:{locked.port}"])
        output.put(DIGIT)
        wait_until(is_away(output))
        assert output.books.error == "Not authorized"
        assert "secret" not in output.take_news()[0]
        assert not output.finish(timeout_s=0.1)


def test_home_assistant_finds_an_event_and_a_sensor_for_each_type(broker: Server) -> None:
    with subscribe(broker, "homeassistant/#", 2) as reader:
        [output] = open_outputs([f"mqtt://127.0.0.1:{broker.port}?homeassistant=yes&host=lab&types=dtmf"])
        configs = {}
        for line in reader.communicate()[0].splitlines():
            topic, body = line.split(" ", 1)
            configs[topic] = json.loads(body)
        assert output.finish(timeout_s=10)
    event = configs["homeassistant/event/streamer_lab/dtmf/config"]
    sensor = configs["homeassistant/sensor/streamer_lab/dtmf/config"]
    assert event["state_topic"] == sensor["state_topic"] == "streamer/lab/dtmf"
    assert event["availability_topic"] == "streamer/lab/status"
    said = {"value_json": msgspec.to_builtins(DIGIT)}
    shown = json.loads(jinja2.Template(event["value_template"]).render(said))
    assert shown["event_type"] in event["event_types"]
    assert jinja2.Template(sensor["value_template"]).render(said) == "5"


def test_entities_have_names_of_their_own() -> None:
    configs = [json.loads(body) for _, body in announce("a b", "streamer/a b", types=None)]
    names = [config["unique_id"] for config in configs]
    assert len(set(names)) == len(names) >= 6


def test_what_is_wrong_with_an_address_is_told_at_once() -> None:
    for target, why in [
        ("mqtt://", "names no host"),
        ("mqtt://h/a+b", r'topic is "a\+b"'),
        ("mqtt://h?homeassistant=perhaps", "write yes or no"),
    ]:
        with pytest.raises(ValueError, match=why):
            check_outputs([target])
