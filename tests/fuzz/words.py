"""Words of streamer's little languages, and what can be done to them."""

from __future__ import annotations

import random
import re

NASTY = (
    *("", " ", "-", "--", ":", ",", "+", "@", "/", "=", "%", "#", "*", ".", "..", "~", '"', "'", "\\"),
    *("\n", "\t", "\x7f", "\x1b[31m", "é", "½", "٣", "∞", "\u202e", "\ufeff", "😀", "\udc80"),
    *("nan", "inf", "-inf", "None", "[]", "{}", "{stem}", "%s", "-1", "0", "-0", "1_000", "0x10"),
    *("1e400", "1e-400", "1e308", "1.5.2", "1,5", "99999999999999999999", "9" * 400, "x" * 3000),
    *("(" * 50, "[" * 200, "/dev/null", "/", "../..", "con", "--help", "--json", "-o"),
)
NUMBERS = ("0", "1", "2", "3", "7.5", "100", "440", "697.0", "1k", "4k", "8k", "1e3", "48000")
LENGTHS = ("20ms", "85ms", "1s", "0ms", "4096", "1", "205", "50%", "25%", "100%", "1h", "3.7ms", "0.1s")
LEVELS = ("-30dBFS", "-12", "0dB", "3dB", "-90dBFS", "60", "-200")
WINDOWS = (
    "hann",
    "hamming",
    "boxcar",
    "blackman",
    "kaiser:8.6",
    "tukey:0.25",
    "values:0,1,0",
    "flattop",
    "gaussian:20",
)
RATES = ("8000", "8k", "11025", "16k", "44.1kHz", "48k")
FORMATS = ("s16le", "s24le", "s32le", "f32le", "f64le", "u8", "alaw", "ulaw", "s16be")
CHANNELS = ("1", "2", "1,2", "all", "mix", "3", "0")
PLANS = ("dtmf", "call-progress-us", "eas", "alert-us", "fax", "plan.toml", "missing.toml", "dmtf")
BANDS = (
    *("697,770,852", "lin:100-1000:10", "log:50-3k:40", "notes:A2-C7", "notes:A2-C7@442", "octave:63-2k"),
    *("third-octave:50-3k", "1/6-octave:100-1k", "mel:40", "bark", "erb:32", "dtmf", "ctcss", "mains50:20"),
    *("mains60:5", "zvei1", "ccir", "eea", "plan:dtmf", "plan:fax", "@bands.csv", "440", "1k,2k+dtmf"),
)
SIGNALS = (
    *("tone:350+440@-20:2s", "dtmf:5550123@-10:50ms/50ms", "dtmf:12:twist=3dB", "two-tone:349.0/433.7"),
    *("zvei1:12345@-10", "ccir:123E4:100ms", "cadence:480+620/500,0/500x3", "cadence:!350+440/100,425*25/1000"),
    *("sweep:100-3000:5s", "sweep:100-3000@-20:5s:log:ramp=5ms", "silence:1s", "noise:-40", "hum:50@-40:1s"),
    *("tone:440:offset=1.5%:channel=2", "dtmf:1,silence:10ms,loop", "tone:440:1s+noise:-30,loop:3,seed:7", "demo"),
    *("dtmf:5,alaw", "tone:440:1s,ulaw"),
)  # fmt: skip
PLAN = """\
description = "things to listen for"
[dtmf]
preset = "default"
[[tone]]
name = "hum"
freqs = [100, 150.5]
open_snr = "8dB"
close_snr = "4dB"
min_on = "250ms"
tolerance = "1%"
[[sequence]]
name = "station-7"
tolerance = "1.5%"
max_gap = "200ms"
cooldown = "30s"
steps = [{freqs=[1185.2], on="0.6s-1.5s"}, {freqs=[1122.5], on="2s-4s"}]
[[cadence]]
name = "us-busy"
pattern = "480+620/500,0/500"
repeats = 2
"""
CONFIG = """\
[live]
bands = "third-octave:50-3k"
window = "hann"
window_length = "85ms"
hop = "25%"
rate = "48k"
channels = "1"
speed = "max"
plan = ["dtmf", "plan.toml"]
unit = "dbfs"
workers = 1
fps = 15
dashboard = "auto"
"""
BANDS_CSV = "hz,label\n440,a\n697.5,b\n1000,\n"
SETTINGS = (
    "BANDS",
    "WINDOW",
    "WINDOW_LENGTH",
    "HOP",
    "RATE",
    "CHANNELS",
    "SPEED",
    "PLAN",
    "UNIT",
    "FPS",
    "DASHBOARD",
)

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[A-Za-z_]+")


def mutate(rng: random.Random, text: str, *, most: int = 3) -> str:
    """The text after one to `most` accidents."""
    for _ in range(rng.randint(1, most)):
        at = rng.randint(0, len(text))
        to = min(len(text), at + rng.randint(0, 6))
        choice = rng.randrange(7)
        if choice == 0:
            text = text[:at] + text[to:]
        elif choice == 1:
            text = text[:to] + text[at:]
        elif choice == 2:
            text = text[:at] + rng.choice(NASTY) + text[at:]
        elif choice == 3:
            text = _replace_one(rng, _NUMBER, text, rng.choice((*NASTY, *NUMBERS, *LENGTHS)))
        elif choice == 4:
            text = _replace_one(
                rng, _WORD, text, rng.choice((*NASTY, "tone", "dtmf", "lin", "name", "freqs"))
            )
        elif choice == 5:
            lines = text.splitlines(keepends=True) or [""]
            lines.insert(rng.randint(0, len(lines)), rng.choice(lines))
            text = "".join(lines)
        else:
            text = text[:at]
    return text


def _replace_one(rng: random.Random, pattern: re.Pattern[str], text: str, by: str) -> str:
    found = list(pattern.finditer(text))
    if not found:
        return text
    one = rng.choice(found)
    return text[: one.start()] + by + text[one.end() :]


def damage(rng: random.Random, data: bytes) -> bytes:
    """The bytes after one to four accidents, more of them where a header is."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        reach = min(len(changed), 64 if rng.random() < 0.6 else len(changed))
        at = rng.randint(0, max(0, reach - 1))
        choice = rng.randrange(6)
        if choice == 0:
            changed[at : at + 1] = bytes([rng.randrange(256)])
        elif choice == 1:
            changed[at : at + 4] = rng.choice(
                (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\1\0\0\0")
            )
        elif choice == 2:
            del changed[rng.randint(0, len(changed)) :]
        elif choice == 3:
            del changed[at : at + rng.randint(1, 40)]
        elif choice == 4:
            changed[at:at] = rng.randbytes(rng.randint(1, 40))
        else:
            changed += changed[at : at + rng.randint(1, 200)]
    return bytes(changed)
