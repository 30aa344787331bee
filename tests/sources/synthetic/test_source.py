import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.sources import open_source, parse_source
from streamer.sources.synthetic.language import parse_signal
from tests.sources.reading import read_all


def test_a_simulation_is_the_signal_it_names():
    with open_source(parse_source("sim:dtmf:123,noise:-40", rate_hz=8000.0)) as source:
        assert source.info.name == "sim:dtmf:123,noise:-40"
        assert (source.info.fs_hz, source.info.channels, source.info.n_samples) == (8000, 1, 2400)
        expected = parse_signal("dtmf:123,noise:-40", fs_hz=8000.0).read()
        assert np.array_equal(read_all(source, 77), expected)


def test_the_demo_goes_on_for_ever():
    with open_source(parse_source(None, demo=True)) as source:
        assert (source.info.name, source.info.fs_hz, source.info.n_samples) == ("demo", 48000, None)
        blocks = source.read_blocks(48000)
        first = [next(blocks).copy() for _ in range(5)]
    assert np.abs(np.concatenate(first)).max() < 1


def test_a_simulation_with_a_mistake_in_it_is_a_spec_error():
    with pytest.raises(SpecError, match="did you mean dtmf"):
        open_source(parse_source("sim:dtfm:123"))
    with pytest.raises(SpecError, match="channel 2, but sim:noise:-40 has 1 channel"):
        open_source(parse_source("sim:noise:-40", channels="2"))
