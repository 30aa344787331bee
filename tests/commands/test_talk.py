"""Talk is one line, and nobody has to listen."""

from __future__ import annotations

import io
import sys

import pytest

from streamer.commands.talk import say


def test_a_line_of_talk_holds_nothing_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    say("streamer: \x1b[2Ja.wav")
    assert capsys.readouterr().err == "streamer: ?[2Ja.wav\n"


def test_a_closed_stderr_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    say("nobody hears")
