import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.sources.channels import parse_channels


@pytest.mark.parametrize(
    ("text", "is_raw", "taken"),
    [
        (None, False, [0, 1, 2]),
        ("all", False, [0, 1, 2]),
        ("2", False, [1]),
        ("3,1", False, [2, 0]),
        ("3", True, [0, 1, 2]),  # raw samples do not say how many interleave
        ("all/3", True, [0, 1, 2]),
        ("2/3", True, [1]),
        ("1,3/3", True, [0, 2]),
    ],
)
def test_channels_are_chosen_by_number(text, is_raw, taken):
    block = np.arange(30, dtype=np.float32).reshape(10, 3)
    choice = parse_channels(text, is_raw=is_raw)
    assert choice.n_interleaved == (3 if is_raw else None)
    assert choice.count_of(3, name="x") == len(taken)
    assert np.array_equal(choice.pick_from(block), block[:, taken])


def test_mix_is_the_mean_of_all_channels():
    assert np.array_equal(parse_channels("mix").pick_from(np.array([[1, 2, 6]], np.float32)), [[3]])


def test_a_raw_stream_has_as_many_channels_as_memory_allows_and_a_recording_those_of_its_format():
    assert parse_channels("2000", is_raw=True).n_interleaved == 2000
    assert parse_channels("1,30000/65536", is_raw=True).picks == (0, 29999)
    with pytest.raises(SpecError, match='channels is "65537"; there are at most 65536 channels'):
        parse_channels("65537", is_raw=True)
    with pytest.raises(SpecError, match='channels is "1025"; there are at most 1024 channels'):
        parse_channels("1025")
