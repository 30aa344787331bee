from __future__ import annotations

from streamer.dashboard.messages import (
    Goodbye,
    Quit,
    Taken,
    TerminalGone,
    decode_answer,
    decode_message,
    encode,
)
from tests.dashboard.feeder import make_scene, make_snapshot


def test_every_message_reads_back_as_it_was_sent():
    scene = make_scene(bands=3, channels=2)
    for message in (scene, make_snapshot(scene, 15), Goodbye(reason="end of file")):
        assert decode_message(encode(message)) == message
    for answer in (Taken(), Quit(), TerminalGone(reason="closed")):
        assert decode_answer(encode(answer)) == answer
