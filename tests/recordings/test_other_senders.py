"""What other people's programs send is what the family's own plan tells: all of it, once, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import soundfile

import streamer
from tests.other_senders import PROGRAMS, SPANDSP, Sent, list_sent

SENT = {sent.name: sent for sent in list_sent()}
EXACT: dict[str, str] = {  # where what is sent is more than a part of what must be told
    "spandsp-r2-forward": "forward 1 forward 5 forward 5 forward 9 forward 10",
    "spandsp-r2-backward": "backward 1 backward 6 backward 6 backward 1 backward 3",
}
EXACT |= {f"sox-hum-{hz}": f"mains-{hz} mains-{3 * hz}" for hz in (50, 60)}  # a square wave has both
TEXTS = ("dtmf", "morse")  # a match a digit or letter

needs_senders = pytest.mark.skipif(
    SPANDSP is None or not all(map(shutil.which, PROGRAMS)), reason=f"{', '.join(PROGRAMS)}, spandsp"
)


@needs_senders
@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_what_is_sent_is_told_by_the_familys_plan_and_nothing_else(sent: Sent, tmp_path: Path) -> None:
    path = tmp_path / "sent.wav"
    sent.make(path)
    events = streamer.detect(*soundfile.read(path), plan=sent.plan)
    labels = [event.label if event.text is None else event.text for event in events]
    if sent.plan == "fax":
        labels = list(dict.fromkeys(labels))  # each burst of CNG may be told
    told = "".join(labels).strip() if sent.plan in TEXTS else " ".join(labels)
    assert told == EXACT.get(sent.name, sent.heard)
