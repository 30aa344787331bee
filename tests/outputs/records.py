"""A run of one digit."""

from __future__ import annotations

from streamer.events import End, Event, Start

DIGIT = Event(
    type="dtmf",
    phase="end",
    label="5",
    sample=473904,
    t_s=9.873,
    known_sample=480000,
    id=17,
    duration_s=0.102,
    level_dbfs=-17.9,
    snr_db=34.0,
    twist_db=-0.4,
    plan="dtmf",
)
START = Start(
    run="r",
    version="1",
    source="a,b.wav",
    fs=8000,
    channels=1,
    window_length=1,
    hop_length=1,
    window="hann",
    bands_hz=[],
    plans=[],
    time=None,
)
END = End(reason="eof", events=1, captured=1, analysed=1, dropped=0)
