"""The contract: an output is one file and one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.events import Record
from streamer.outputs import OUTPUTS, Keeping, check_outputs, list_targets, open_outputs
from streamer.outputs.output import Audio, Output
from streamer.outputs.target import Target
from streamer.outputs.to_file import FileOutput
from tests.outputs.records import DIGIT, END, START


class Counter(Output):
    """How many records of each kind there were; it is full after some."""

    def __init__(self, target: Target, audio: Audio | None) -> None:
        self.most, self.audio = int(target.address), audio
        self.counts: dict[str, int] = {}
        self.is_open = True
        super().__init__(name=target.name)

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            if sum(self.counts.values()) == self.most:
                raise OSError(28, "No space left")
            name = type(record).__name__
            self.counts[name] = self.counts.get(name, 0) + 1

    def close(self) -> None:
        self.is_open = False


def check_output(target: Target) -> None:
    if not target.address.isdigit():
        raise SpecError(f"{target.name} counts to nothing")


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> Counter:
    del keeping  # it is no file
    return Counter(target, audio)


@pytest.fixture(autouse=True)
def _one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OUTPUTS, "count", __name__)


def test_an_output_is_one_file_and_one_line() -> None:
    def read_audio(_channel: int, start: int, stop: int) -> np.ndarray:
        return np.zeros(stop - start, np.float32)

    [output] = open_outputs(["count:9"], audio=read_audio)
    assert isinstance(output, Counter)
    assert output.audio is read_audio
    for record in (START, DIGIT, DIGIT, END):
        output.put(record)
    assert output.finish()
    assert output.counts == {"Start": 1, "Event": 2, "End": 1}
    assert not output.is_open
    assert output.error is None


def test_what_is_wrong_with_a_target_is_told_before_any_is_opened() -> None:
    check_outputs(["count:9"])
    with pytest.raises(SpecError, match="count:x counts to nothing"):
        check_outputs(["count:9", "count:x"])


def test_what_takes_no_more_says_why_and_is_not_asked_again() -> None:
    [output] = open_outputs(["count:1"])
    assert isinstance(output, Counter)
    for record in (START, DIGIT, END):
        output.put(record)
    assert output.finish()
    assert output.counts == {"Start": 1}
    assert not output.is_closed_by_reader
    assert output.describe_error() == "cannot write to count:1: No space left"


def test_what_begins_with_no_known_scheme_is_a_file(tmp_path: Path) -> None:
    [output] = open_outputs([f"{tmp_path}/at 10:30.txt"])
    assert isinstance(output, FileOutput)
    assert output.finish()


def test_people_are_told_of_every_scheme() -> None:
    assert list_targets().endswith(" or count:")
    with pytest.raises(SpecError, match=r"must end in one of \.jsonl.* or count:"):
        open_outputs(["cuont:1"])


def test_one_file_named_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"again; leave one of them out"):
        check_outputs([str(tmp_path / "a.csv"), f"{tmp_path}/../{tmp_path.name}/a.csv"])
