"""Files get the format of their suffix, and say why they cannot be written."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from streamer.base.errors import SpecError
from streamer.events import Record
from streamer.outputs import open_outputs
from streamer.outputs.formats import format_json, format_text
from streamer.outputs.to_file import FileOutput
from tests.outputs.records import DIGIT, END, START


def write(path: Path, records: list[Record]) -> list[str]:
    [output] = open_outputs([str(path)])
    for record in records:
        output.put(record)
    assert output.finish()
    return path.read_text().splitlines()


def test_files_get_the_format_of_their_suffix(tmp_path: Path) -> None:
    records: list[Record] = [START, DIGIT, END]
    lines = write(tmp_path / "a.jsonl", records)
    assert [json.loads(line)["type"] for line in lines] == ["start", "dtmf", "end"]
    header, row = write(tmp_path / "a.csv", records)
    assert dict(zip(header.split(","), row.split(","), strict=True))["label"] == "5"
    [text] = write(tmp_path / "a.txt", records)
    assert text == format_text(DIGIT)


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r'"a\.xls"; its name must end in one of \.jsonl'):
        open_outputs(["a.xls"])


def test_a_file_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="Not a directory"):
        open_outputs([str(tmp_path / "file" / "a.csv")])


def test_a_reader_that_went_away_is_noticed_and_not_fatal() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    output = FileOutput(io.FileIO(writer, "w"), format_json, name="pipe")
    output.put(DIGIT)
    assert output.finish()
    assert output.is_closed_by_reader


def test_a_full_disk_is_an_error_of_that_output() -> None:
    output = FileOutput(io.FileIO("/dev/full", "w"), format_json, name="full")
    output.put(DIGIT)
    assert output.finish()
    assert output.error is not None
    assert not output.is_closed_by_reader
