"""What is told of a digit: the event of its begin and that of its end."""

from __future__ import annotations

from streamer.detectors.dtmf.pairs import PAIR_DIGITS
from streamer.detectors.dtmf.records import BEGUN, Told
from streamer.detectors.dtmf.timing import Timing
from streamer.events import Event


def make_event(told: Told, timing: Timing, *, channel: int) -> Event:
    """It became known at the end of its frame. told: with its figures, as figures.py writes them"""
    is_begin, has_figures = told.kind == BEGUN, told.has_figures
    duration_s = None
    if not is_begin:
        stop_sample = timing.centre_sample(0) + told.stop_frame * timing.hop_samples
        duration_s = (stop_sample - told.start_sample) / timing.fs_hz
    return Event(
        type="dtmf",
        phase="begin" if is_begin else "end",
        label=PAIR_DIGITS[told.pair],
        sample=told.sample,
        t_s=told.start_sample / timing.fs_hz,
        known_sample=told.known_sample,
        id=told.number,
        duration_s=duration_s,
        channel=channel,
        freqs_hz=[told.low_hz, told.high_hz] if has_figures else None,
        level_dbfs=told.level_dbfs if has_figures else None,
        snr_db=told.snr_db if has_figures else None,
        twist_db=told.twist_db if has_figures else None,
        confidence=told.confidence,
    )
