"""The parts of rhythms and codes, of tones as they are heard."""

from __future__ import annotations

from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.matching.parts import Chord, PartFinder

FS_HZ = 8000.0


def tone(told: Told, stop: float, freq_hz: float) -> ToneBurst:
    return ToneBurst(
        known_sample=int(stop) + 400,
        told=told,
        id=1,
        start_sample=1000.0,
        stop_sample=stop,
        freq_hz=freq_hz,
        power=0.01,
        noise=1e-6,
        other_powers=(0.0, 0.0),
        unsteady_bins=0.0,
        full_frames=4,
        swell=0.0,
    )


def test_a_tone_that_strays_from_its_place_stops_all_the_same_and_is_no_part():
    finder = PartFinder(Chord(freqs_hz=(425.0,), tolerance=0.015), fs_hz=FS_HZ, join_samples=80)
    begun = finder.follow(tone(Told.BEGINS, 1800, 420.4))
    assert begun is not None
    assert not begun.is_over
    finder.follow(tone(Told.STOPS, 2500, 418.1))
    assert finder.settle(5000) == [begun]
    assert (begun.is_over, begun.duration, begun.is_fit) == (True, 1500, False)


def test_what_is_back_too_late_to_be_one_with_what_is_over_is_a_part_of_its_own():
    finder = PartFinder(Chord(freqs_hz=(425.0,), tolerance=0.015), fs_hz=FS_HZ, join_samples=320)
    first = finder.follow(tone(Told.STOPS, 2500, 425))
    assert finder.settle(3000) == [first]
    back = tone(Told.BEGINS, 3300, 425)._replace(
        id=2, start_sample=2700.0
    )  # which is known late, as tones are
    second = finder.follow(back)
    assert second is not None
    assert (second is first, second.start) == (False, 2700)
