"""When detectors say that they rest, so that others may take over: a reload waits for no longer than it must."""

from __future__ import annotations

import numpy as np
import pytest

import streamer
from streamer.live.hearings import SURE_S
from streamer.sources.synthetic.language import parse_signal

FS_HZ = 8000
STEP = 400  # samples
CASES = ["alarms/t3", "call-progress-us/us-busy", "ctcss/100.0", "eas/same", "fax/ansam", "mains50/mains-100"]
CASES += [
    "mfc-r2/forward 7",
    "mf-r1/KP12ST",
    "morse/CQ",
    "selcal/AB-CD",
    "sit/sit-vc",
    "two-tone/600.9/788.5",
]
CASES += ["zvei1/13579", "dtmf/159D", "tone-burst/1750"]


@pytest.mark.parametrize("sent", CASES)
def test_a_detector_rests_before_and_after_and_never_while_it_has_begun(sent: str) -> None:
    plan = sent.partition("/")[0]
    after_s = 17 if plan == "morse" else 4
    signal = parse_signal(f"silence:1s,plan:{sent}@-20,silence:{after_s}s+noise:-70", fs_hz=FS_HZ, seed=5)
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))[:, 0]
    listener, events, rests = streamer.Listener(FS_HZ, plan=plan), [], []
    for stop in range(STEP, len(samples), STEP):
        events += listener.feed(samples[stop - STEP : stop])
        if listener._decoder.is_at_rest:
            rests.append(stop)
    events += listener.close()
    assert [event.phase for event in events].count("end") >= 1
    assert min(rests) < FS_HZ  # in noise
    assert max(rests) > len(samples) - 2 * STEP
    for event in events:  # what was heard and not told yet when it last rested had only just begun
        rested = max(at for at in rests if at < event.known_sample)
        assert rested - event.sample <= SURE_S * FS_HZ + STEP
