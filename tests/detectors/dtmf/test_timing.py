import pytest

from streamer.detectors.dtmf.spec import DtmfSpec
from streamer.detectors.dtmf.timing import Timing, make_analysis


@pytest.mark.parametrize("fs_hz", [8000, 11025, 44100, 192000])
@pytest.mark.parametrize("min_on_ms", [20, 28.5, 1000])
def test_the_halo_holds_all_frames_and_samples_that_are_looked_at(fs_hz, min_on_ms):
    timing = Timing(spec=DtmfSpec(min_on_ms=min_on_ms), analysis=make_analysis(fs_hz))
    newest = 1000
    oldest = newest + 1 - timing.kept_frames
    start = timing.end_sample(newest) - timing.halo_samples
    assert start <= oldest * timing.hop_samples
    assert start <= timing.end_sample(newest) - timing.history_samples
    assert timing.halo_samples <= (550 + min_on_ms) * fs_hz / 1000


def test_frames_last_at_least_as_long_as_asked():
    timing = Timing(spec=DtmfSpec(), analysis=make_analysis(8000))
    assert [timing.to_frames(ms) for ms in (0, 2.5, 2.6, 5)] == [0, 1, 2, 2]
    assert (timing.hop_ms, timing.end_sample(2), timing.centre_sample(2)) == (2.5, 248, 144)
