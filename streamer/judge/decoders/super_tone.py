"""spandsp's super_tone_rx, told of the rhythms that the families send: what an exchange's maintainer would write."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import permutations

import numpy as np

from streamer.judge.families import CALL_PROGRESS, QCII, T3, T4, country_of, parse_rhythm
from streamer.judge.heard import Pcm

OFF, OFF_MS = 0.12, 32.0  # of a duration, as spandsp's own tables allow, and two of its blocks
HELD_MS = {"call-progress": 2000, "tone-burst": 300, "eas": 3000}  # of what has no end
FAMILIES = ("call-progress", "sit", "two-tone", "tone-burst", "eas", "alarms")
BLOCK = 160

Element = tuple[int, int, int, int]  # two frequencies, 0 for none; shortest and longest in ms, 0 for no end
Tones = list[tuple[str, list[Element]]]


def list_tones(family: str, table: str) -> list[Tones]:
    """What is to be heard: labels with the elements of a cycle; each list is a receiver of its own.

    Tones closer than its bins of 62 Hz are not parted where one receiver listens for both: so a group of reeds each has
    its own, and special information tones are one pattern.
    """
    if family == "call-progress":
        rhythms = CALL_PROGRESS[country_of(table)]
        country = country_of(table)
        return [[(f"{country}-{name}", read_rhythm(text, HELD_MS[family])) for name, text in rhythms.items()]]
    if family == "alarms":
        return [[(name, read_rhythm(text.format(3100), 0)) for name, text in (("t3", T3), ("t4", T4))]]
    if family == "tone-burst":
        return [[("1750", [(1750, 0, HELD_MS[family], 0)])]]
    if family == "eas":
        held_ms = HELD_MS[family]
        return [[("eas-attention", [(853, 960, held_ms, 0)]), ("noaa-alarm", [(1050, 0, held_ms, 0)])]]
    if family == "sit":
        return [[("sit", [(950, 0, 200, 450), (1400, 0, 200, 450), (1800, 0, 200, 0)])]]
    groups = [[float(hz) for hz in group.split()] for group in QCII.values()]
    return [
        [
            (f"{a:g}/{b:g}", [(round(a), 0, 600, 1500), (round(b), 0, 1500, 0)])
            for a, b in permutations(reeds, 2)
        ]
        for reeds in groups
    ]


def read_rhythm(text: str, held_ms: int) -> list[Element]:
    elements = []
    for freqs_hz, _, ms in parse_rhythm(text):
        low, high = (*map(round, freqs_hz), 0, 0)[:2]
        off_ms = max(OFF * ms, OFF_MS) if ms else 0
        elements.append((low, high, *((round(ms - off_ms), round(ms + off_ms)) if ms else (held_ms, 0))))
    return elements


class SuperTone:
    """A descriptor for each list of a table."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._report = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int)
        pointer, number = ctypes.c_void_p, ctypes.c_int
        library.super_tone_rx_make_descriptor.restype = library.super_tone_rx_init.restype = pointer
        library.super_tone_rx_make_descriptor.argtypes = library.super_tone_rx_add_tone.argtypes = [pointer]
        library.super_tone_rx_add_element.argtypes = [pointer, *[number] * 5]
        library.super_tone_rx_init.argtypes = [pointer, pointer, self._report, pointer]
        library.super_tone_rx.argtypes = [pointer, pointer, number]
        library.super_tone_rx_free.argtypes = [pointer]
        self._known: dict[tuple[str, str], list[tuple[int, list[str]]]] = {}

    def hear(self, pcm: Pcm, family: str, table: str) -> Iterator[tuple[str, float]]:
        """Labels as they are said, and when."""
        if (family, table) not in self._known:
            self._known[family, table] = [self._describe(tones) for tones in list_tones(family, table)]
        for descriptor, labels in self._known[family, table]:
            said: list[int] = []
            report = self._report(lambda _user, code, _level, _delay, said=said: said.append(code))
            state = self._library.super_tone_rx_init(None, descriptor, report, None)
            for start in range(0, pcm.size, BLOCK):
                part = np.ascontiguousarray(pcm[start : start + BLOCK])
                self._library.super_tone_rx(state, part.ctypes.data, part.size)
                yield from ((labels[code], (start + part.size) / 8000) for code in said if code >= 0)
                said.clear()
            self._library.super_tone_rx_free(state)

    def _describe(self, tones: Tones) -> tuple[int, list[str]]:
        """Of two frequencies it reports the one that it was told of first, first: so both orders are told."""
        descriptor = self._library.super_tone_rx_make_descriptor(None)
        labels = []
        for label, elements in tones:
            turned = [(high or low, high and low, *range_ms) for low, high, *range_ms in elements]
            for each in (elements, turned) if any(high for _, high, *_ in elements) else (elements,):
                tone = self._library.super_tone_rx_add_tone(descriptor)
                for element in each:
                    self._library.super_tone_rx_add_element(descriptor, tone, *element)
                labels.append(label)
        return descriptor, labels
