from __future__ import annotations

import msgspec

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


def test_a_name_that_is_no_utf_8_reaches_the_screen():
    name = b"l\xe4.wav".decode("utf-8", "surrogateescape")
    scene = msgspec.structs.replace(make_scene(bands=3, channels=2), source=name)
    assert decode_message(encode(scene)) == msgspec.structs.replace(scene, source="l\\xe4.wav")
