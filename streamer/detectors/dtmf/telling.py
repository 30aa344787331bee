"""What is told of a digit: the event of its begin and that of its end."""

from __future__ import annotations

from streamer.base.units import db_from_power
from streamer.detectors.dtmf.pairs import PAIR_DIGITS
from streamer.detectors.dtmf.records import BEGUN, Told
from streamer.detectors.dtmf.timing import Timing
from streamer.detectors.dtmf.verdict import MOST_SNR_DB
from streamer.events import Event


def make_event(told: Told, timing: Timing, *, channel: int) -> Event:
    """It became known at the end of its frame.

    An end has the figures of a digit's last part, if there are any, and the noise of its begin.
    """
    low, high, is_begin = told.low, told.high, told.kind == BEGUN
    event = Event(
        type="dtmf",
        phase="begin" if is_begin else "end",
        label=PAIR_DIGITS[told.pair],
        sample=round(told.start_sample),
        t_s=told.start_sample / timing.fs_hz,
        known_sample=timing.end_sample(told.frame),
        id=told.number,
        channel=channel,
        confidence=round(told.confidence, 3),
    )
    if is_begin or told.has_figures:
        event.freqs_hz = [round(told.low_hz, 2), round(told.high_hz, 2)]
    if is_begin:
        event.level_dbfs = round(db_from_power(low * low + high * high, least=1e-24), 2)
        event.twist_db = round(db_from_power((max(high, 1e-12) / max(low, 1e-12)) ** 2), 2)
        event.snr_db = round(told.snr_db, 1)
        return event
    if told.has_figures:
        event.level_dbfs = round(db_from_power(2 * (low + high)), 2)
        event.twist_db = round(db_from_power(high / max(low, 1e-20)), 2)
        event.snr_db = round(min(db_from_power(min(low, high) / told.noise), MOST_SNR_DB), 1)
    stop_sample = timing.centre_sample(0) + told.stop_frame * timing.hop_samples
    event.duration_s = (stop_sample - told.start_sample) / timing.fs_hz
    return event
