"""The bar says which recording, how far, how fast and how long still."""

from __future__ import annotations

import io

from rich.console import Console

from streamer.commands.progress import ProgressBar


def test_a_bar_on_a_terminal_says_what_how_far_and_how_fast():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with ProgressBar(console=console) as progress:
        for done_s in (0.0, 600.0, 900.0):
            progress("[b]call.wav", done_s, 3600.0)
    shown = out.getvalue()
    assert "[b]call.wav" in shown
    assert "25%" in shown
    assert "x real time" in shown


def test_several_recordings_have_a_line_for_all_of_them():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with ProgressBar(console=console, n_recordings=12) as progress:
        progress("call.wav", 3600.0, 3600.0)
        progress.show_done(3)
    assert "3 of 12 recordings" in out.getvalue()


def test_a_recording_of_unknown_length_has_a_bar_without_an_end():
    out = io.StringIO()
    with ProgressBar(console=Console(file=out, force_terminal=True, width=100)) as progress:
        progress("stdin", 4.0, None)
    assert "stdin" in out.getvalue()


def test_off_a_terminal_and_when_quiet_nothing_is_written(capsys):
    with ProgressBar() as progress:
        progress("call.wav", 1.0, 2.0)
    out = io.StringIO()
    with ProgressBar(is_quiet=True, console=Console(file=out, force_terminal=True)) as progress:
        progress("call.wav", 1.0, 2.0)
    assert capsys.readouterr() == ("", "")
    assert out.getvalue() == ""
