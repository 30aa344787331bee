"""Words in messages: made safe, short enough for a line, and held against what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streamer.base.errors import SpecError


def printable(text: object, *, instead: str = "?") -> str:
    """On one line, and without what a terminal would take for a command. instead: stands for each such character"""
    shown = str(text)
    return shown if shown.isprintable() else "".join(c if c.isprintable() else instead for c in shown)


def as_unicode(text: str) -> str:
    """Text that any encoder takes: bytes of a file's name that are no UTF-8 stand there as \\xe4."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # Surrogates: those by which Python smuggles such bytes, or others that mean nothing.
        return "".join(_spell(c) if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def encode_all(encode: Callable[[Any], bytes], value: Any) -> bytes:
    """What msgspec's encoder makes of it; bytes of names that are no UTF-8 arrive as people are shown them."""
    try:
        return encode(value)
    except UnicodeEncodeError:
        import msgspec  # such names are rare

        return encode(_make_encodable(msgspec.to_builtins(value, builtin_types=(bytes,))))


def _make_encodable(value: Any) -> Any:
    """Lists and dictionaries of texts and other things, with texts that any encoder takes."""
    if isinstance(value, str):
        return as_unicode(value)
    if isinstance(value, dict):
        return {_make_encodable(key): _make_encodable(each) for key, each in value.items()}
    return [_make_encodable(each) for each in value] if isinstance(value, list | tuple) else value


def _spell(surrogate: str) -> str:
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def shorten(text: object) -> str:
    """What was written, in quotes and short enough for one line."""
    shown = printable(str(text)[:61])
    return f'"{shown}"' if len(shown) <= 60 else f'"{shown[:57]}..."'


def show(value: object) -> str:
    """The same, in quotes only what is a text."""
    return shorten(value) if isinstance(value, str) else shorten(value)[1:-1]


def shorten_line(line: str) -> str:
    """A line that may quote a file name or an argument of any length: its beginning and its end."""
    return line if len(line) <= 600 else f"{line[:397]}...{line[-200:]}"


def offer(word: str, choices: Iterable[str], *, there_are: str = "there are: ") -> str:
    """The end of a message about a wrong word: `; did you mean hann? There are: hann, boxcar`."""
    known = list(choices)
    near = guess(word, known)
    listed = f"{there_are}{', '.join(known) or 'none'}"
    if near is None:
        return f"; {listed}"
    return f"; did you mean {near}? {listed[0].upper()}{listed[1:]}"


def guess(word: str, choices: Iterable[str]) -> str | None:
    """Which of the choices a wrong word was meant to be, if one is near."""
    from difflib import get_close_matches  # only mistakes need it

    by_lower = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word.lower()[:80], by_lower, n=1)
    return by_lower[near[0]] if near else None


def choose(word: str, choices: Iterable[str], *, name: str) -> str:
    """The word, when it is one of the choices."""
    known = list(choices)
    if word in known:
        return word
    raise SpecError(f"{name} is {shorten(word)}{offer(word, known)}")
