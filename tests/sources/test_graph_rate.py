"""What PipeWire says of its graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.sources.graph_rate import find_graph_rate_hz, read_rate_hz

SETTINGS = """Found "settings" metadata 30
update: id:0 key:'log.level' value:'2' type:''
update: id:0 key:'clock.rate' value:'48000' type:''
update: id:0 key:'clock.allowed-rates' value:'[ 44100, 48000 ]' type:''
update: id:0 key:'clock.force-rate' value:'{forced}' type:''
"""


@pytest.mark.parametrize(("forced", "rate_hz"), [(0, 48000), (96000, 96000)])
def test_a_forced_rate_comes_before_the_usual_one(forced: int, rate_hz: int) -> None:
    assert read_rate_hz(SETTINGS.format(forced=forced)) == rate_hz


def test_without_a_word_of_it_the_rate_is_not_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert read_rate_hz("") is None
    monkeypatch.setenv("PIPEWIRE_RUNTIME_DIR", str(tmp_path))
    assert find_graph_rate_hz() is None
