import sys
from types import ModuleType

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.sources import open_any_source, open_source, parse_source
from streamer.sources.registry import SOURCES, SYNTAX, SourceKind, list_syntax, load
from streamer.sources.spec import Closing, SourceInfo, SourceSpec


def test_messages_list_every_kind_that_can_be_written():
    assert list_syntax() == SYNTAX
    assert SYNTAX.startswith('mic, mic:NAME, a file, - (stdin), cmd:"PROGRAM ARGUMENTS"')
    assert " or " in SYNTAX


@pytest.mark.parametrize("kind", SOURCES)
def test_what_opens_a_kind_and_what_checks_it_are_where_the_table_says(kind):
    places = [SOURCES[kind].opener, SOURCES[kind].check]
    assert all(callable(load(place)) for place in places if place is not None)


class Silence(Closing):
    """What a new file in sources/ would hold."""

    def __init__(self, spec: SourceSpec) -> None:
        self.info = SourceInfo(name=str(spec), fs_hz=spec.rate_hz or 8000.0, channels=1)
        self.nonfinite_samples = 0
        self.remarks: list[str] = []
        self.is_open = True

    def read_blocks(self, block_samples):
        yield np.zeros((block_samples, 1), np.float32)

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def silence(monkeypatch):
    """A new kind: its file, and its line."""
    file = ModuleType("streamer.sources.silence")
    file.Silence = Silence
    monkeypatch.setitem(sys.modules, file.__name__, file)
    monkeypatch.setitem(SOURCES, "silence", SourceKind("silence:Silence", "silence:TIME", prefix="silence"))


@pytest.mark.usefixtures("silence")
def test_a_new_kind_of_source_is_a_file_and_a_line():
    spec = parse_source("silence:1s", rate_hz=16000.0)
    assert (spec.kind, spec.target, str(spec)) == ("silence", "1s", "silence:1s")
    with open_source(spec) as source:
        assert source.info.fs_hz == 16000
        assert not next(source.read_blocks(10)).any()
    assert not source.is_open
    assert list_syntax().endswith(" or silence:TIME")
    with pytest.raises(SpecError, match="silence:1s does not carry raw samples"):
        parse_source("silence:1s", sample_format="s16le", rate_hz=8000.0)


@pytest.mark.parametrize(
    ("says", "given"),
    [
        ({"takes_stdin": True}, {"stdin_fd": 7}),
        ({"is_device": True}, {"before": None}),
        ({}, {}),
    ],
)
def test_a_kind_is_given_what_its_line_says(says, given, monkeypatch):
    asked = []
    file = ModuleType("streamer.sources.ear")
    file.listen = lambda _spec, **options: asked.append(options)
    monkeypatch.setitem(sys.modules, file.__name__, file)
    monkeypatch.setitem(SOURCES, "ear", SourceKind("ear:listen", "ear", word="ear", **says))
    open_any_source(parse_source("ear"), stdin_fd=7)
    assert asked == [given]
