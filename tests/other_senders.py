"""Recordings of every family made by other people's programs, and what `streamer identify` says of them.

`python -m tests.other_senders` makes all of them, identifies each, and prints what was told beside what was sent.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import soundfile

from streamer.events import Event, FamilyRecord, SummaryRecord, UnknownRecord
from streamer.plans.plan import Plan, leave_out_parts, list_plans, load_plan
from streamer.recordings.detect import Task, listen
from streamer.recordings.identify.findings import Findings
from streamer.sources import parse_source

FS_HZ = 8000
Found = list[FamilyRecord | UnknownRecord | SummaryRecord]
PROGRAMS = ("sox", "ffmpeg", "ebook2cw", "espeak-ng", "minimodem")  # Debian's packages of these names
SPANDSP = find_library("spandsp")  # Debian: libspandsp2

Segments = Sequence[tuple[Sequence[float], float]]  # tones at once, or none, and for how many seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One recording. plan, heard: what identify must say, `heard` as a part of its words"""

    name: str
    plan: str
    heard: str
    make: Callable[[Path], None]


@cache
def load_all() -> list[Plan]:
    return leave_out_parts([load_plan(name) for name in list_plans()])


def identify(source: str, *, fs_hz: float | None = None) -> Found:
    """By every plan there is, as the command does it."""
    findings = Findings(load_all())
    plans = tuple(plan.name for plan in load_all())
    for item in listen(Task(source=parse_source(source, rate_hz=fs_hz), plans=plans), beside=findings.survey):
        if isinstance(item, Event):
            findings.take(item)
    return findings.conclude()


def _sox(segments: Segments, times: int, path: Path, *, voice: str = "sine") -> None:
    """A program of its own for each segment, all of which sox then joins."""
    parts = []
    for tones, seconds in segments:
        synth = " ".join(f"{voice} {hz}" for hz in tones) if tones else "sine 1000 gain -300"
        mixed = f"remix - gain -{12 if tones else 300}"
        parts.append(f"|sox -D -n -r {FS_HZ} -p synth {seconds} {synth} {mixed}")
    subprocess.run(
        ["sox", "-D", *(parts * times), "-b", "16", "-c", "1", str(path), "pad", "0.3", "0.5"], check=True
    )


def _ffmpeg(segments: Segments, times: int, path: Path) -> None:
    """One expression in time."""
    terms, at_s = [], 0.3
    for tones, seconds in [each for _ in range(times) for each in segments]:
        when = f"between(t\\,{at_s:.4f}\\,{at_s + seconds:.4f})"
        terms += [f"0.2*sin(2*PI*{hz}*t)*{when}" for hz in tones]
        at_s += seconds
    source = f"aevalsrc={'+'.join(terms)}:s={FS_HZ}:d={at_s + 0.5}"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, str(path)], check=True)


def _morse(text: str, wpm: int, pitch_hz: int, path: Path) -> None:
    folder = path.parent / path.stem
    folder.mkdir()
    (folder / "text").write_text(f"{text}\n")
    subprocess.run(
        ["ebook2cw", "-w", str(wpm), "-f", str(pitch_hz), "-s", "11025", "-o", "cw", "text"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    subprocess.run(["sox", str(folder / "cw0000.mp3"), str(path)], check=True)


def _beneath_speech(tone_hz: float, path: Path) -> None:
    """A sub-audible tone beneath a voice that says something, without what the voice has there."""
    said = path.with_suffix(".said.wav")
    talk = "Control to all mobile units, please report your position and the state of the road. Over."
    subprocess.run(["espeak-ng", "-w", str(said), talk], check=True)
    voice = f"|sox {said} -r {FS_HZ} -p sinc 300-3000 gain -n -8"
    tone = f"|sox -D -n -r {FS_HZ} -p synth 5 sine {tone_hz} gain -20"
    subprocess.run(["sox", "-D", "-m", voice, tone, "-b", "16", str(path), "trim", "0", "5"], check=True)


def _hum(mains_hz: float, path: Path) -> None:
    subprocess.run(
        [*("sox", "-D", "-n", "-r", str(FS_HZ), "-b", "16", str(path), "synth", "4", "square", str(mains_hz)),
         *("gain", "-25", "lowpass", "400")], check=True)  # fmt: skip


def _minimodem(header: str, path: Path) -> None:
    """A SAME header, thrice, a second apart."""
    once = path.with_suffix(".once.wav")
    sent = b"\xab" * 16 + header.encode()
    subprocess.run(["minimodem", "--tx", "-R", "22050", "-f", str(once), "same"], input=sent, check=True)
    subprocess.run(
        ["sox", str(once), str(path), "gain", "-12", "pad", "0.1", "0.5", "repeat", "2"], check=True
    )


class _Spandsp:
    """Senders of libspandsp. Each fills blocks of 16-bit samples until it has nothing more to send."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(SPANDSP or "libspandsp.so.2")

    def send(
        self, name: str, init: Sequence[object], put: Sequence[object] | None, seconds: float
    ) -> np.ndarray:
        lib = self._library
        start = getattr(lib, f"{name}_init")
        start.restype = ctypes.c_void_p
        state = ctypes.c_void_p(start(*init))
        if put is not None:
            getattr(lib, f"{name}_put")(state, *put)
        n = round(seconds * FS_HZ)
        block = (ctypes.c_int16 * n)()
        done = getattr(lib, name)(state, block, n)
        return np.frombuffer(block, np.int16)[:done].astype(np.float64) / 32768


def _spandsp(
    name: str, init: Sequence[object], put: Sequence[object] | None, path: Path, *, seconds: float = 4
) -> None:
    sent = _Spandsp().send(name, init, put, seconds)
    silence = np.zeros(FS_HZ // 2)
    soundfile.write(path, np.concatenate([silence, sent, silence]), FS_HZ)


def _spandsp_r2(is_forward: bool, digits: str, path: Path) -> None:
    """Each digit for 150 ms, 100 ms apart, as a compelled exchange has it."""
    silence = np.zeros(round(0.1 * FS_HZ))
    sent = [
        part
        for digit in digits
        for part in (
            _Spandsp().send("r2_mf_tx", (None, is_forward), (ctypes.c_char(digit.encode()),), 0.15),
            silence,
        )
    ]
    soundfile.write(path, np.concatenate([silence, *sent, silence]), FS_HZ)


def _selcall(table: str, ms: float, digits: str) -> Segments:
    tones = [float(hz) for hz in table.split()]
    return [((tones[int(digit, 16)],), ms / 1e3) for digit in digits]


def _dtmf(digits: str, on_s: float = 0.08, off_s: float = 0.08) -> Segments:
    rows = {d: (low, high) for low, row in zip((697, 770, 852, 941), ("123", "456", "789", "*0#"), strict=True)
            for d, high in zip(row, (1209, 1336, 1477), strict=True)}  # fmt: skip
    return [each for digit in digits for each in ((rows[digit], on_s), ((), off_s))]


ZVEI1 = "2400 1060 1160 1270 1400 1530 1670 1830 2000 2200 2800 810 970 885 2600 680"
CCIR = "1981 1124 1197 1275 1358 1446 1540 1640 1747 1860 2400 930 2247 991 2110 1055"
EIA = "600 741 882 1023 1164 1305 1446 1587 1728 1869 2151 2433 2010 2292 459 1091"
HEADER = "ZCZC-WXR-TOR-039173-039051+0030-1591829-KCLE/NWS-"
SIT_IC = [((913.8,), 0.274), ((1370.6,), 0.274), ((1776.7,), 0.38)]
T3 = [((3100,), 0.5), ((), 0.5), ((3100,), 0.5), ((), 0.5), ((3100,), 0.5), ((), 1.5)]
T4 = [*[each for _ in range(4) for each in (((3000,), 0.1), ((), 0.1))][:-1], ((), 5.0)]


def _cadences(sender: Callable[..., None]) -> list[tuple[str, str, Segments, int]]:
    """Plan, label, cycle and how often, for one of the two."""
    if sender is _sox:
        return [
            ("call-progress-us", "us-busy", [((480, 620), 0.5), ((), 0.5)], 4),
            (
                "call-progress-uk",
                "uk-ringback",
                [((400, 450), 0.4), ((), 0.2), ((400, 450), 0.4), ((), 2)],
                3,
            ),
            ("call-progress-de", "de-congestion", [((425,), 0.24), ((), 0.24)], 6),
            ("call-progress-cn", "cn-busy", [((450,), 0.35), ((), 0.35)], 5),
            ("call-progress-us", "us-dial", [((350, 440), 4)], 1),
            ("fax", "fax-cng", [((1100,), 0.5), ((), 3)], 2),
            ("fax", "fax-ced", [((2100,), 3)], 1),
            ("tone-burst", "1750", [((1750,), 0.8)], 1),
            ("two-tone", "600.9/788.5", [((600.9,), 1), ((788.5,), 3)], 1),
            ("sit", "sit-ic", SIT_IC, 1),
            ("alarms", "t3", T3, 3),
            ("eas", "eas-attention", [((853, 960), 8)], 1),
        ]
    return [
        ("call-progress-us", "us-ringback", [((440, 480), 2), ((), 4)], 3),
        ("call-progress-fr", "fr-busy", [((440,), 0.5), ((), 0.5)], 4),
        ("call-progress-it", "it-dial", [((425,), 0.2), ((), 0.2), ((425,), 0.6), ((), 1.0)], 4),
        ("call-progress-au", "au-ringback", [((413, 438), 0.4), ((), 0.2), ((413, 438), 0.4), ((), 2)], 3),
        ("two-tone", "1122.5/1285.8", [((1122.5,), 1), ((1285.8,), 3)], 1),
        ("alarms", "t4", T4, 3),
        ("eas", "noaa-alarm", [((1050,), 9)], 1),
        ("zvei1", "13579", _selcall(ZVEI1, 70, "13579"), 1),
        ("zvei1", "1A3B5", _selcall(ZVEI1, 70, "1A3B5"), 1),
        ("ccir", "24680", _selcall(CCIR, 100, "24680"), 1),
        ("ccir7", "90817", _selcall(CCIR, 70, "90817"), 1),
        ("eia", "40718", _selcall(EIA, 33, "40718"), 1),
        ("dtmf", "5550123", _dtmf("5550123"), 1),
    ]


def list_sent() -> list[Sent]:
    """All of them."""
    sent = [
        Sent(name=f"{sender.__name__[1:]}-{label.replace('/', '-')}", plan=plan, heard=label,
             make=partial(sender, segments, times))
        for sender in (_sox, _ffmpeg)
        for plan, label, segments, times in _cadences(sender)
    ]  # fmt: skip
    sent += [
        Sent(name="sox-dtmf", plan="dtmf", heard="1470", make=partial(_sox, _dtmf("1470", 0.06, 0.06), 1)),
        Sent(name="sox-triangle-t3", plan="alarms", heard="t3", make=partial(_sox, T3, 3, voice="triangle")),
        Sent(name="ebook2cw-20", plan="morse", heard="PARIS DE K5ABC", make=partial(_morse, "paris de k5abc", 20, 700)),
        Sent(name="ebook2cw-13", plan="morse", heard="QTH BERLIN", make=partial(_morse, "qth berlin", 13, 500)),
        Sent(name="ebook2cw-28", plan="morse", heard="THE QUICK BROWN FOX",
             make=partial(_morse, "the quick brown fox", 28, 850)),
        Sent(name="espeak-ctcss-100", plan="ctcss", heard="103.5", make=partial(_beneath_speech, 103.5)),
        Sent(name="espeak-ctcss-67", plan="ctcss", heard="67.0", make=partial(_beneath_speech, 67.0)),
        Sent(name="minimodem-same", plan="eas", heard=HEADER, make=partial(_minimodem, HEADER)),
        Sent(name="sox-hum-50", plan="mains50", heard="mains-50", make=partial(_hum, 50)),
        Sent(name="sox-hum-60", plan="mains60", heard="mains-60", make=partial(_hum, 60)),
        Sent(name="spandsp-dtmf", plan="dtmf", heard="1596",
             make=partial(_spandsp, "dtmf_tx", (None, None, None), (b"1596", -1), seconds=1)),
        Sent(name="spandsp-r1", plan="mf-r1", heard="KP5551234ST",
             make=partial(_spandsp, "bell_mf_tx", (None,), (b"*5551234#", -1), seconds=3)),
        Sent(name="spandsp-r2-forward", plan="mfc-r2", heard="forward 5", make=partial(_spandsp_r2, True, "15590")),
        Sent(name="spandsp-r2-backward", plan="mfc-r2", heard="backward 6", make=partial(_spandsp_r2, False, "16613")),
        Sent(name="spandsp-cng", plan="fax", heard="fax-cng",
             make=partial(_spandsp, "modem_connect_tones_tx", (None, 1), None, seconds=8)),
        Sent(name="spandsp-ans", plan="fax", heard="fax-ced",
             make=partial(_spandsp, "modem_connect_tones_tx", (None, 2), None, seconds=4)),
    ]  # fmt: skip
    return sent


def is_named(sent: Sent, found: Found) -> bool:
    """Whether the first family told is the one that was sent, or one that sounds the same and is named beside."""
    first = next((record for record in found if isinstance(record, FamilyRecord)), None)
    if first is None:
        return False
    return sent.heard in (first.heard if sent.plan == first.plan else first.alike.get(sent.plan, ""))


def main() -> None:
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}")
    right = 0
    sents = [
        sent for sent in list_sent() if not sys.argv[1:] or any(word in sent.name for word in sys.argv[1:])
    ]
    with tempfile.TemporaryDirectory() as folder:
        for sent in sents:
            path = Path(folder) / f"{sent.name}.wav"
            sent.make(path)
            found = identify(str(path))
            told = [
                f"{each.plan}: {each.heard}" if isinstance(each, FamilyRecord) else f"unknown {each.label}"
                for each in found
                if not isinstance(each, SummaryRecord)
            ]
            right += is_named(sent, found)
            verdict = "ok " if is_named(sent, found) else "NOT"
            print(f"{verdict} {sent.name:<24} {sent.plan}: {sent.heard:<20} <- {'; '.join(told)}", flush=True)
    print(f"{right} of {len(sents)}")


if __name__ == "__main__":
    main()
