"""spandsp's receivers, by ctypes."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Iterator

import numpy as np

from streamer.judge.decoders import super_tone
from streamer.judge.heard import Heard, OneByOne, Pcm, resample

FS_HZ = 8000.0

# spandsp's lists: modem_connect_tones_rx's answers, and who says them of what
FAX_CNG, FAX_CED, ANSAM_TYPES = 1, 3, (4, 5, 6, 7)


class Spandsp(OneByOne):
    """dtmf_rx and bell_mf_rx, r2_mf_rx, modem_connect_tones_rx, asked every 20 ms; super_tone_rx for rhythms."""

    BLOCK = 160

    def __init__(self, library: ctypes.CDLL, version: str) -> None:
        super().__init__()
        self.version = version
        self._library, self._super_tone = library, super_tone.SuperTone(library)
        for name in ("dtmf_rx_init", "bell_mf_rx_init", "r2_mf_rx_init", "modem_connect_tones_rx_init"):
            getattr(library, name).restype = ctypes.c_void_p
        library.dtmf_rx_init.argtypes = library.bell_mf_rx_init.argtypes = [ctypes.c_void_p] * 3
        library.r2_mf_rx_init.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        library.modem_connect_tones_rx_init.argtypes = [
            ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        for name in ("dtmf_rx_get", "bell_mf_rx_get"):
            getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
            getattr(library, name).restype = ctypes.c_size_t
        library.r2_mf_rx_get.argtypes = library.modem_connect_tones_rx_get.argtypes = [ctypes.c_void_p]
        for name in ("dtmf_rx", "bell_mf_rx", "r2_mf_rx", "modem_connect_tones_rx"):
            getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
            getattr(library, f"{name}_free").argtypes = [ctypes.c_void_p]

    def knows(self, family: str, table: str) -> bool:
        return family in ("dtmf", "r1", "r2", "fax", *super_tone.FAMILIES)

    def hear_one(self, pcm: Pcm, family: str, table: str, fs_hz: float) -> list[Heard]:
        pcm = resample(pcm, fs_hz, FS_HZ)
        if family in super_tone.FAMILIES:
            return [
                Heard(label=label, known_s=at_s) for label, at_s in self._super_tone.hear(pcm, family, table)
            ]
        hears = {"dtmf": self._hear_digits, "r1": self._hear_r1, "r2": self._hear_r2, "fax": self._hear_fax}
        return hears[family](pcm, table)

    def _blocks(self, pcm: Pcm) -> Iterator[tuple[float, Pcm]]:
        for start in range(0, pcm.size, self.BLOCK):
            part = np.ascontiguousarray(pcm[start : start + self.BLOCK])
            yield (start + part.size) / FS_HZ, part

    def _receive(self, receiver: str, pcm: Pcm) -> Iterator[tuple[float, str]]:
        """Digits as they are had, and when."""
        receive, get = (getattr(self._library, name) for name in (receiver, f"{receiver}_get"))
        state = getattr(self._library, f"{receiver}_init")(None, None, None)
        found = ctypes.create_string_buffer(129)
        for at_s, part in self._blocks(pcm):
            receive(state, part.ctypes.data, part.size)
            if n := get(state, found, 128):
                yield at_s, found.raw[:n].decode()
        getattr(self._library, f"{receiver}_free")(state)

    def _hear_digits(self, pcm: Pcm, _table: str) -> list[Heard]:
        return [Heard(label=digits, known_s=at_s) for at_s, digits in self._receive("dtmf_rx", pcm)]

    def _hear_r1(self, pcm: Pcm, _table: str) -> list[Heard]:
        received = list(self._receive("bell_mf_rx", pcm))
        digits, known_s = "".join(each for _, each in received), received[-1][0] if received else None
        label = digits.replace("*", "KP").replace("#", "ST")
        return [Heard(label=label, known_s=known_s)] if label else []

    def _hear_r2(self, pcm: Pcm, table: str) -> list[Heard]:
        way, names = table.rpartition("-")[2], "1234567890BCDEF"
        state = self._library.r2_mf_rx_init(None, int(way == "forward"), None, None)
        heard, before = [], 0
        for at_s, part in self._blocks(pcm):
            self._library.r2_mf_rx(state, part.ctypes.data, part.size)
            now = self._library.r2_mf_rx_get(state)
            if now and now != before:
                heard.append(Heard(label=f"{way} {names.index(chr(now)) + 1}", known_s=at_s))
            before = now
        self._library.r2_mf_rx_free(state)
        return heard

    def _hear_fax(self, pcm: Pcm, _table: str) -> list[Heard]:
        heard = []
        for kind, label in ((FAX_CNG, "fax-cng"), (FAX_CED, "fax-ced"), (4, "ansam")):
            state = self._library.modem_connect_tones_rx_init(None, kind, None, None)
            before = 0
            for at_s, part in self._blocks(pcm):
                self._library.modem_connect_tones_rx(state, part.ctypes.data, part.size)
                now = self._library.modem_connect_tones_rx_get(state)
                if now and now != before:
                    heard.append(Heard(label=label, known_s=at_s))
                before = now
            self._library.modem_connect_tones_rx_free(state)
        return heard


def find_spandsp() -> Spandsp | None:
    """Its version is its file's, as it tells no other."""
    name = ctypes.util.find_library("spandsp")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    return Spandsp(library, os.path.basename(_find_file(name)))  # noqa: PTH119


def _find_file(name: str) -> str:
    """The real name of a library that is loaded."""
    try:
        with open("/proc/self/maps") as maps:  # noqa: PTH123
            paths = [line.split()[-1] for line in maps if name.partition(".so")[0] in line]
    except OSError:
        return name
    return os.path.realpath(paths[0]) if paths else name
