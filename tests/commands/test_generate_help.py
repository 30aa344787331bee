"""The help of generate has the whole language of signals in it."""

from __future__ import annotations

from streamer.sources.synthetic.language import GRAMMAR
from streamer.sources.synthetic.words import USAGE
from tests.programs import run


def test_the_help_of_generate_lists_every_part_there_is() -> None:
    told = run("generate", "--help").stdout
    assert all(kind in told for kind in USAGE)
    for line in GRAMMAR.splitlines():
        assert line.strip() in told
