"""Who listens: streamer by its plans, and other people's decoders where they are installed here."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import streamer
from streamer.base.errors import SpecError
from tests.family_bench import packages, super_tone
from tests.family_bench.heard import Decoder, Heard
from tests.family_bench.scenes import FS_HZ, Samples


class Streamer:
    """Ours, by the plans' names."""

    def knows(self, family: str, table: str) -> bool:
        try:
            streamer.detect(np.zeros(800), FS_HZ, plan=table)
        except SpecError as error:
            if "Hz" not in str(error):
                return False
        return True

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]:
        things: dict[int, Heard] = {}
        for event in streamer.detect(samples.astype(np.float32), fs_hz, plan=table, begins=True):
            first = things.get(event.id)
            stop_s = None if event.duration_s is None else event.t_s + event.duration_s
            text = getattr(event, "text", None)
            things[event.id] = Heard(
                label=text if text and family in ("morse", "same") else event.label,
                type=event.type,
                start_s=event.t_s,
                stop_s=stop_s,
                known_s=(first.known_s if first else event.known_sample / fs_hz),
            )
        return list(things.values())


def to_int16(samples: Samples) -> np.ndarray:
    return np.ascontiguousarray(np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2"))


def resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    from scipy.signal import resample_poly

    return samples if from_hz == to_hz else np.asarray(resample_poly(samples, round(to_hz), round(from_hz)))


# spandsp's lists: modem_connect_tones_rx's answers, and who says them of what
FAX_CNG, FAX_CED, ANSAM_TYPES = 1, 3, (4, 5, 6, 7)


class Spandsp:
    """bell_mf_rx, r2_mf_rx, modem_connect_tones_rx, each asked after 20 ms of samples; super_tone_rx for rhythms."""

    BLOCK = 160

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library, self._super_tone = library, super_tone.SuperTone(library)
        for name in ("bell_mf_rx_init", "r2_mf_rx_init", "modem_connect_tones_rx_init"):
            getattr(library, name).restype = ctypes.c_void_p
        library.bell_mf_rx_init.argtypes = [ctypes.c_void_p] * 3
        library.r2_mf_rx_init.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        library.modem_connect_tones_rx_init.argtypes = [
            ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        library.bell_mf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        library.bell_mf_rx_get.restype = ctypes.c_size_t
        library.r2_mf_rx_get.argtypes = library.modem_connect_tones_rx_get.argtypes = [ctypes.c_void_p]
        for name in ("bell_mf_rx", "r2_mf_rx", "modem_connect_tones_rx"):
            getattr(library, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
            getattr(library, f"{name}_free").argtypes = [ctypes.c_void_p]

    def knows(self, family: str, table: str) -> bool:
        return family in ("r1", "r2", "fax", *super_tone.FAMILIES)

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]:
        pcm = to_int16(resample(samples, fs_hz, FS_HZ))
        if family in super_tone.FAMILIES:
            return [
                Heard(label=label, known_s=at_s) for label, at_s in self._super_tone.hear(pcm, family, table)
            ]
        hears = {"r1": self._hear_r1, "r2": self._hear_r2, "fax": self._hear_fax}
        return hears[family](pcm, table)

    def _blocks(self, pcm: np.ndarray):  # type: ignore[no-untyped-def]
        for start in range(0, pcm.size, self.BLOCK):
            part = np.ascontiguousarray(pcm[start : start + self.BLOCK])
            yield (start + part.size) / FS_HZ, part

    def _hear_r1(self, pcm: np.ndarray, _table: str) -> list[Heard]:
        state = self._library.bell_mf_rx_init(None, None, None)
        found, digits, known_s = ctypes.create_string_buffer(129), "", 0.0
        for at_s, part in self._blocks(pcm):
            self._library.bell_mf_rx(state, part.ctypes.data, part.size)
            n = self._library.bell_mf_rx_get(state, found, 128)
            digits, known_s = digits + found.raw[:n].decode(), at_s if n else known_s
        self._library.bell_mf_rx_free(state)
        label = digits.replace("*", "KP").replace("#", "ST")
        return [Heard(label=label, known_s=known_s)] if label else []

    def _hear_r2(self, pcm: np.ndarray, table: str) -> list[Heard]:
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

    def _hear_fax(self, pcm: np.ndarray, _table: str) -> list[Heard]:
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


class Multimon:
    """multimon-ng over a pipe at 22,050 Hz."""

    MODES: Mapping[str, str] = {
        "zvei1": "ZVEI1", "zvei2": "ZVEI2", "zvei3": "ZVEI3", "dzvei": "DZVEI", "pzvei": "PZVEI",
        "eea": "EEA", "eia": "EIA", "ccir": "CCIR", "morse": "MORSE_CW", "same": "EAS",
    }  # fmt: skip

    def __init__(self, program: str) -> None:
        self._program = program

    def knows(self, family: str, table: str) -> bool:
        return (table if family == "selcall" else family) in self.MODES

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]:
        mode = self.MODES[table if family == "selcall" else family]
        pcm = to_int16(resample(samples, fs_hz, 22050)).tobytes()
        ran = subprocess.run(
            [self._program, "-q", "-t", "raw", "-a", mode, "-"], input=pcm, capture_output=True, check=False
        )
        text = ran.stdout.decode(errors="replace")
        if family == "morse":
            return [Heard(label=text)] if text.strip() else []
        said = [line.partition(": ")[2].strip() for line in text.splitlines() if line.startswith(mode)]
        if family == "same":
            return [Heard(label=each) for each in said if each.startswith("ZCZC")]
        expanded = [re.sub(r"(.)E", r"\1\1", each) for each in said]
        return [Heard(label=each) for each in expanded if each]


class Program:
    """A decoder that reads a file and writes text; what of it is said, `read` takes out."""

    def __init__(self, family: str, command: list[str], read: Callable[[str], list[str]]) -> None:
        self._family, self._command, self._read = family, command, read

    def knows(self, family: str, table: str) -> bool:
        return family == self._family

    def hear(self, samples: Samples, family: str, table: str, fs_hz: float = FS_HZ) -> list[Heard]:
        import soundfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scene.wav"
            soundfile.write(path, resample(samples, fs_hz, 22050), 22050, subtype="PCM_16")
            ran = subprocess.run([*self._command, str(path)], capture_output=True, check=False, timeout=120)
        return [Heard(label=each) for each in self._read(ran.stdout.decode(errors="replace"))]


def read_same(text: str) -> list[str]:
    """minimodem and direwolf print each burst; whoever reads them counts three of one text once."""
    return list(dict.fromkeys(re.findall(r"ZCZC-\w{3}-\w{3}-[\d-]+\+\d{4}-\d{7}-[^-]{1,8}-", text)))


def read_line(text: str) -> list[str]:
    return [text] if text.strip() else []


PROGRAMS: tuple[tuple[str, str, str, tuple[str, ...], Callable[[str], list[str]]], ...] = (
    ("minimodem", "same", "minimodem", ("--rx", "-q", "same", "-f"), read_same),
    ("direwolf", "same", "atest", ("-B", "EAS"), read_same),
    ("morse2ascii", "morse", "morse2ascii", ("-q",), read_line),
)


def find_decoders(names: list[str]) -> dict[str, Decoder]:
    """Those of the named decoders that are installed here."""
    found: dict[str, Decoder] = {"streamer": Streamer()}
    if library := ctypes.util.find_library("spandsp"):
        found["spandsp"] = Spandsp(ctypes.CDLL(library))
    if program := shutil.which("multimon-ng"):
        found["multimon-ng"] = Multimon(program)
    for name, family, program, arguments, read in PROGRAMS:
        if path := shutil.which(program):
            found[name] = Program(family, [path, *arguments], read)
    found |= packages.list_installed()
    return {name: found[name] for name in names if name in found}


NAMES = ("streamer", "spandsp", "multimon-ng", "minimodem", "direwolf", "morse2ascii", "icad", "pycw")
