"""Events as lines: the schema first, nothing lost on the way."""

from __future__ import annotations

import dataclasses
import json
import math
import pprint
from typing import get_args

import msgspec
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.events import SCHEMA, ErrorRecord, Event, GapRecord, Record, encode_line, make_schema

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
maybe = st.none() | finite


@given(
    event=st.builds(
        Event,
        type=st.sampled_from(["tone", "dtmf", "match"]),
        phase=st.sampled_from(["begin", "end"]),
        label=st.text(),
        sample=st.integers(0, 2**53),
        t_s=finite,
        known_sample=st.integers(0, 2**53),
        id=st.integers(0, 2**31),
        plan=st.none() | st.text(),
        file=st.none() | st.text(),
        duration_s=maybe,
        time=st.none() | st.just("2026-11-22T07:31:00.000000Z"),
        channel=st.integers(1, 64),
        freqs_hz=st.none() | st.lists(finite, max_size=4),
        level_dbfs=maybe,
        confidence=maybe,
    )
)
def test_an_event_is_one_line_that_reads_back_equal(event: Event) -> None:
    line = encode_line(event)
    assert b"\n" not in line
    fields = json.loads(line)
    assert next(iter(fields)) == "schema"
    assert fields.pop("schema") == SCHEMA
    assert "time" in fields  # null where there is no wall time
    assert msgspec.convert(fields, Event) == event


def test_what_is_not_known_is_left_out() -> None:
    event = Event(type="tone", phase="begin", label="hum", sample=1, t_s=0.5, known_sample=3)
    assert json.loads(encode_line(event)).keys() == {
        *("schema", "type", "phase", "label", "sample", "t_s", "known_sample", "time")
    }


def test_records_carry_their_type() -> None:
    gap: Record = GapRecord(sample=10, t_s=0.1, lost_samples=5, reason="overload")
    fields = json.loads(encode_line(gap))
    assert (fields["schema"], fields["type"], fields["lost_samples"]) == (SCHEMA, "gap", 5)
    assert not any(isinstance(value, float) and math.isnan(value) for value in fields.values())


def test_a_line_is_encoded_whatever_is_in_a_name_and_steers_no_terminal() -> None:
    name = b"l\xe4-\xc2\x9b2J\xe2\x80\xae\xc2\xa0.wav".decode("utf-8", "surrogateescape")
    line = encode_line(ErrorRecord(message="\x1b[2J\n", file=name)).decode()
    assert line.isprintable()
    read = json.loads(line)
    assert read["file"] == "l\\xe4-\x9b2J\u202e\xa0.wav"
    assert read["message"] == "\x1b[2J\n"


@pytest.mark.parametrize("kind", get_args(Record))
def test_every_record_has_its_time_and_its_place(kind: type) -> None:
    schema = make_schema(["dtmf"])["$defs"][kind.__name__]["properties"]
    assert {"time", "sample", "t_s"} <= set(schema)
    if kind is not Event:  # what is not known is null, and not left out
        assert not kind.__struct_config__.omit_defaults


# --- as programs look at them


BEGUN = Event(
    type="tone",
    phase="begin",
    label="a\nb",
    sample=80,
    t_s=0.01,
    known_sample=100,
    file="x\x1b.wav",
    channel=2,
)
ENDED = Event(
    type="dtmf",
    phase="end",
    label="5",
    sample=1600,
    t_s=0.200037,
    known_sample=2308,
    duration_s=0.050139,
    freqs_hz=[770.02, 1336.0],
    level_dbfs=-7.0,
    snr_db=49.3,
    plan="dtmf",
)


def test_an_events_repr_is_a_line_for_people() -> None:
    assert (
        repr(ENDED) == "<Event dtmf end '5' at 0.200037 s for 50.14 ms, 770.02+1336 Hz, -7.0 dBFS, 49 dB S/N>"
    )
    assert pprint.pformat([ENDED]) == f"[{ENDED!r}]"
    assert repr(BEGUN) == "<Event tone begin 'a?b' at 0.01 s, channel 2, x?.wav>"
    assert ", channels 1, 2, " in repr(msgspec.structs.replace(BEGUN, channels=[1, 2]))


def test_an_event_is_a_dictionary_of_all_its_fields() -> None:
    assert list(ENDED.to_dict()) == list(Event.__struct_fields__)
    assert Event(**ENDED.to_dict()) == ENDED
    assert ENDED.to_dict()["time"] is None


def test_a_list_of_events_is_a_table() -> None:
    table = pandas.DataFrame([ENDED, BEGUN])
    assert list(table.columns) == list(Event.__struct_fields__)
    assert table["label"].tolist() == ["5", "a\nb"]
    assert table["freqs_hz"][0] == [770.02, 1336.0]
    assert pandas.DataFrame([event.to_dict() for event in (ENDED, BEGUN)]).equals(table)
    assert dataclasses.asdict(ENDED) == ENDED.to_dict()
