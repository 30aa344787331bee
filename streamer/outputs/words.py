"""Text for people, in which letters are words: what is keyed is told a word a line, once it is whole."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streamer.base.reading import PLAIN
from streamer.detectors.registry import is_letter
from streamer.events import End, Event, Record, Start
from streamer.outputs.formats import find_reading, format_text

PAUSE_S = 2.0  # after a letter without another one the word is over
LONGEST = 40  # letters; one who makes no pauses is told in parts


class TextLines:
    """A format: as format_text, with letters of one sender and channel held until their word is over.

    Where several plans listen, each line names its own.
    """

    def __init__(self) -> None:
        self._names_plan, self._reading = False, PLAIN
        self._words: dict[tuple[str | None, str, int, str | None], Event] = {}

    def __call__(self, record: Record) -> tuple[str, ...]:
        if isinstance(record, Start):
            self._names_plan, self._reading = len(record.plans) > 1, find_reading(record)
        lines = (
            format_text(each, names_plan=self._names_plan, reading=self._reading)
            for each in self._take(record)
        )
        return tuple(line for line in lines if line is not None)

    def _take(self, record: Record) -> Iterator[Record]:
        """What may be told now, the newest last."""
        if isinstance(record, End) or (isinstance(record, Start) and not record.sample):
            yield from self._take_over(None)
        elif (t_s := getattr(record, "t_s", None)) is not None:
            yield from self._take_over(t_s)
        if not (isinstance(record, Event) and is_letter(record)):
            yield record
            return
        key = record.plan, record.label, record.channel, record.file
        word, text = self._words.get(key), record.text or ""
        if word is not None and (text.startswith(" ") or len(word.text or "") >= LONGEST):
            yield self._words.pop(key)
            word = None
        self._words[key] = _join(word, record, text.lstrip())

    def _take_over(self, t_s: float | None) -> Iterator[Event]:
        """Words that are over by then; all, if the source is."""
        for key, word in list(self._words.items()):
            if t_s is None or t_s > word.t_s + (word.duration_s or 0.0) + PAUSE_S:
                yield self._words.pop(key)


def _join(word: Event | None, letter: Event, text: str) -> Event:
    if word is None:
        return msgspec.structs.replace(letter, text=text)
    lasted_s = letter.t_s + (letter.duration_s or 0.0) - word.t_s
    return msgspec.structs.replace(word, text=f"{word.text}{text}", duration_s=lasted_s)
