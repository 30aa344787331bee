"""Events as lines: the schema first, nothing lost on the way."""

from __future__ import annotations

import json
import math
from typing import get_args

import msgspec
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
