from __future__ import annotations

from streamer.detectors.sequences import SequenceSpec, Step


def test_a_tone_must_lie_clear_of_dc_for_as_long_as_it_lasts():
    steps = (Step(freqs_hz=(50,), on_ms=(79, 100)), Step(freqs_hz=(1000,), on_ms=(80, 100)))
    (limit,) = SequenceSpec(name="a", steps=steps).list_obstacles(8000)
    assert limit.startswith(
        "50 Hz has a period of 20ms; hearing that takes a window of 80ms, and on gives 79ms"
    )


def test_the_only_tone_of_an_entry_goes_by_its_name():
    steps = (Step(freqs_hz=(50,), on_ms=(80, 100)), Step(freqs_hz=(50,), on_ms=(80, 100)))
    assert SequenceSpec(name="a", steps=steps).list_tones() == [(50, "a")]
