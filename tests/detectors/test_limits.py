from __future__ import annotations

import pytest

from streamer.base.errors import SpecError
from streamer.detectors.limits import check_ratio, label_tones, list_too_high, list_unparted


def test_the_only_tone_of_an_entry_goes_by_its_name():
    assert label_tones("a", [50, 50]) == [(50, "a")]
    assert label_tones("a", [60, 50]) == [(50, "a 50"), (60, "a 60")]


def test_what_lies_at_half_the_sample_rate_or_above_is_one_obstacle():
    assert list_too_high([440, 3999], 8000) == []
    assert list_too_high([440, 4000], 8000)[0].startswith(
        "4000 Hz cannot be heard at a sample rate of 8000 Hz"
    )
    assert list_too_high([5000, 4000], 8000)[0].startswith("4000 to 5000 Hz cannot be heard")


@pytest.mark.parametrize(
    ("freqs_hz", "longest_ms", "obstacles"),
    [
        ((1000,), 4, []),  # four periods: the main lobe ends at DC
        ((1000,), 3, ["1000 Hz has a period of 1ms; hearing that takes a window of 4ms, and on gives 3ms"]),
        ((1000, 1100), 40, []),
        (
            (1000, 1100),
            39,
            ["1000 and 1100 Hz lie 100 Hz apart; hearing that takes a window of 40ms, and on"],
        ),
        ((), 1, []),  # silence
    ],
)
def test_tones_are_parted_from_each_other_and_from_dc_in_the_time_there_is(freqs_hz, longest_ms, obstacles):
    found = list_unparted(freqs_hz, longest_ms, "on")
    assert [text[: len(start)] for text, start in zip(found, obstacles, strict=True)] == obstacles


def test_a_tolerance_is_a_ratio_up_to_a_fifth():
    for wrong in (0, 0.21):
        with pytest.raises(SpecError, match=r"share is .*; it must lie above 0% and up to 20%"):
            check_ratio("share", wrong)
