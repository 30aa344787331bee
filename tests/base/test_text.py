from __future__ import annotations

import pytest

from streamer.base.errors import SpecError
from streamer.base.text import as_unicode, choose, offer, printable, shorten, shorten_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 5", "Größe 5"),
        ("a\x1b[2Jb", "a?[2Jb"),  # what clears a screen
        ("a\nb\tc", "a?b?c"),
        ("\u202ename", "?name"),  # what turns the rest of the line around
    ],
)
def test_what_is_printed_cannot_steer_the_terminal(text, shown):
    assert printable(text) == shown
    assert printable(text, instead="") == shown.replace("?", "")


def test_a_file_name_that_is_no_utf_8_becomes_text_that_says_so():
    assert as_unicode(b"latin1-\xe4.wav".decode("utf-8", "surrogateescape")) == r"latin1-\xe4.wav"
    assert as_unicode("\ud800") == r"\ud800"
    assert as_unicode("Größe 5") == "Größe 5"


def test_what_was_written_is_quoted_and_cut():
    assert shorten("hann") == '"hann"'
    assert shorten("x" * 60) == f'"{"x" * 60}"'
    assert shorten("x" * 61) == f'"{"x" * 57}..."'


def test_an_offer_says_that_there_is_nothing():
    assert offer("hann", []) == "; there are: none"


def test_a_choice_lists_the_choices_and_guesses():
    assert choose("hann", ["hann", "boxcar"], name="window") == "hann"
    with pytest.raises(SpecError, match=r'window is "hnan"; did you mean hann\? There are: hann, boxcar'):
        choose("hnan", ["hann", "boxcar"], name="window")
    with pytest.raises(SpecError, match=r'window is "q"; there are: hann, boxcar'):
        choose("q", ["hann", "boxcar"], name="window")


def test_a_line_with_a_name_in_it_is_whole_unless_that_would_fill_the_screen():
    line = "/var/lib/asterisk/sounds/custom/greeting.wav cannot be written: No space left on device"
    assert shorten_line(line) == line
    shown = shorten_line("x" * 4000 + ".wav cannot be written")
    assert len(shown) == 600
    assert shown.endswith("x.wav cannot be written")
