"""Everything a user can see, as a list of digests: two trees that do the same give the same list.

    python -m tests.corpus before.txt --streamer OLD/bin/streamer --material /tmp/material
    python -m tests.corpus after.txt --streamer NEW/bin/streamer --material /tmp/material
    diff before.txt after.txt

Only the command and, through the python beside it, the names in streamer.__all__ are used, so one copy of this file
tries any tree. Each line is what was run, what of it is meant (stdout, the exit code with stderr, or a file) and
a sha256. --keep DIR keeps what was digested, for a look at what differs.

The recordings come from espeak-ng, sox and ffmpeg. They are made once, in the folder of --material, since another
machine's would not be the same bytes; a changed recipe needs a new folder. ../shared/field is taken in where it is.

Left out, because they depend on the machine or the moment: devices, doctor, bench, microphones, the dashboard, --speed
other than max, --debug (tracebacks name files and lines), and names that are not UTF-8 (their traceback does too).
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import os
import pickle
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Item = tuple[str, bytes]

FIELD = Path(__file__).resolve().parents[2] / "shared" / "field"
TIMEOUT_S = 300

# --- What is heard -----------------------------------------------------------------------------------------------

KEYS = {
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for key, high in zip(row, (1209, 1336, 1477, 1633), strict=True)
}
TALK = {
    "en": (
        "en-us",
        "Please enter your extension, followed by the hash key. Nobody is available at the moment.",
    ),
    "de": ("de", "Kein Anschluss unter dieser Nummer. Bitte warten Sie, bis eine Leitung frei wird."),
    "fr": ("fr-fr", "Le numéro que vous avez demandé n'est pas attribué. Veuillez consulter l'annuaire."),
    "es": ("es", "El número marcado no existe. Por favor, cuelgue y llame de nuevo más tarde."),
    "it": ("it", "Il cliente da lei chiamato non è al momento raggiungibile. Riprovi fra poco."),
    "ru": ("ru", "Абонент временно недоступен. Пожалуйста, позвоните позже."),
    "fi": ("fi", "Hyvää huomenta, kuuntelette Yleisradion uutisia. Yö oli kylmä ja pöllöt huusivat."),
}
VOICES = {
    f"say-{name}.wav": f"espeak-ng -v {voice} -w {{}} {shlex.quote(text)}"
    for name, (voice, text) in TALK.items()
}


def _each(text: str) -> tuple[str, ...]:
    """Words that | parts."""
    return tuple(words.strip() for words in text.split("|"))


def _sound(effects: str, *, fs_hz: int) -> str:
    """A word of sox's command line that stands for what another sox makes."""
    return shlex.quote(f"|sox -R -n -r {fs_hz} -p {effects}")


def _sox(*effects: str, fs_hz: int = 8000, how: str = "", into: str = "") -> str:
    """Sounds one after the other, or with -m or -M at once. into: what stands before the file that is made"""
    return f"sox -R {how} {' '.join(_sound(each, fs_hz=fs_hz) for each in effects)} {into} {{}}"


def _digits(keys: str, *, on_s: float = 0.1, off_s: float = 0.08, gain_db: int = -10) -> list[str]:
    pairs = ("sin {} sin {}".format(*KEYS[key]) for key in keys)
    return [f"synth {on_s} {pair} remix 1,2 gain {gain_db} pad 0 {off_s}" for pair in pairs]


# file -> the shell command that makes it, with {} for the file; in this order
RECORDINGS = {
    **VOICES,
    "say-8k-alaw.wav": "sox -R say-en.wav -r 8000 -e a-law {}",
    "say-8k-ulaw.wav": "sox -R say-de.wav -r 8000 -e mu-law {}",
    "say-11k-u8.wav": "sox -R say-fr.wav -r 11025 -b 8 {}",
    "say-16k-f64.wav": "sox -R say-ru.wav -r 16000 -e float -b 64 {}",
    "say-48k-s24-stereo.wav": "sox -R -M say-es.wav say-it.wav -r 48000 -b 24 {}",
    "say-96k-s32.wav": "sox -R say-fi.wav -r 96000 -b 32 {}",
    "dial-8k.wav": _sox(*_digits("5550123*#ABCD4689"), into="-b 16"),
    "dial-short-8k.wav": _sox(*_digits("159D357B", on_s=0.035, off_s=0.035, gain_db=-30), into="-b 16"),
    "dial-16k.wav": _sox(*_digits("911007", on_s=0.2), fs_hz=16000, into="-b 16"),
    "dial-talk-16k.wav": "sox -R -m dial-16k.wav '|sox -R say-en.wav -r 16000 -p gain -12' {}",
    "dial-44k-f32-stereo.wav": "sox -R -M '|sox -R dial-short-8k.wav -r 44100 -p pad 0.3 1' "
    "'|sox -R dial-8k.wav -r 44100 -p' -e float -b 32 {}",
    "dial-noise-8k-u8.wav": f"sox -R -m dial-8k.wav {_sound('synth 4 whitenoise gain -25', fs_hz=8000)} -b 8 {{}}",
    "dial-loud-8k.wav": "sox -R dial-8k.wav {} gain 14 dcshift 0.1 2>/dev/null",
    "progress-8k.wav": _sox(
        "synth 3 sin 350 sin 440 remix 1,2 gain -12 pad 0.2 0.3",
        "synth 2 sin 440 sin 480 remix 1,2 gain -14 pad 0 1",
        "synth 0.5 sin 480 sin 620 remix 1,2 gain -12 pad 0 0.5 repeat 3",
        into="-b 16",
    ),
    "fax-16k.flac": _sox(
        "synth 0.5 sin 1100 gain -12 pad 0.4 1 repeat 1", "synth 3 sin 2100 gain -12 pad 0 0.2", fs_hz=16000
    ),
    "alert-44k.flac": _sox(
        "synth 5 sin 853 sin 960 remix 1,2 gain -12 pad 0.3 0.6",
        "synth 5 sin 1050 gain -12 pad 0 0.3",
        fs_hz=44100,
    ),
    "hum-48k-s24.wav": _sox(
        "synth 4 sin 50 gain -30 pad 0.5 1",
        "synth 3 sin 100 gain -36 pad 1 0",
        "synth 3 sin 60 gain -33 pad 2 0",
        "synth 6 pinknoise gain -45",
        how="-m",
        fs_hz=48000,
        into="-b 24",
    ),
    "music-44k-stereo.flac": _sox(
        "synth 8 pluck A3 pluck E4 pluck C#5 remix 1,2,3 gain -6",
        "synth 8 saw 110:440 gain -18 tremolo 5 60",
        how="-M",
        fs_hz=44100,
    ),
    "page-22k.aiff": _sox("synth 1 sin 349.0 gain -12", "synth 3 sin 433.7 gain -12 pad 0 0.5", fs_hz=22050),
    "sweep-32k.wav": _sox("synth 3 sin 50:15000 gain -6", fs_hz=32000, into="-b 16"),
    "six-48k.wav": "sox -R -M say-en.wav say-de.wav say-fr.wav '|sox -R dial-8k.wav -r 22050 -p' say-es.wav say-it.wav "
    "-r 48000 {} trim 0 3",
    "bat-192k.wav": _sox("synth 0.8 sin 80000:20000 gain -12 pad 0.1 0.1", fs_hz=192000, into="-b 16"),
    "long-8k.wav": "sox -R '|sox -R say-en.wav -r 8000 -p repeat 4' dial-8k.wav progress-8k.wav "
    "'|sox -R say-it.wav -r 8000 -p repeat 4' {}",
    "größe 1.wav": "cp dial-8k.wav {}",
}
FORMATS = {
    **{
        f"f-{name}.wav": f"sox -R dial-8k.wav {how} {{}}"
        for name, how in {
            "u8": "-b 8",
            "s16": "-b 16",
            "s24": "-b 24",
            "s32": "-b 32",
            "f32": "-e float -b 32",
            "f64": "-e float -b 64",
            "alaw": "-e a-law",
            "ulaw": "-e mu-law",
            "ima": "-e ima-adpcm",
            "ms": "-e ms-adpcm",
            "gsm": "-e gsm",
            "rifx": "-B",
        }.items()
    },
    **{
        f"f-{name}": f"ffmpeg -v error -i dial-8k.wav -map_metadata -1 -fflags +bitexact {how} {{}}"
        for name, how in {
            "rf64.wav": "-rf64 always",
            "streamed.wav": "-f wav - | cat >",
            "flac16.flac": "",
            "flac24.flac": "-sample_fmt s32 -bits_per_raw_sample 24 -ar 48000",
            "vorbis.ogg": "-c:a libvorbis -ar 16000",
            "opus.opus": "-c:a libopus -b:a 24k",
            "cbr.mp3": "-c:a libmp3lame -b:a 48k -ar 16000",
            "vbr.mp3": "-c:a libmp3lame -q:a 4 -ar 22050",
            "noxing.mp3": "-c:a libmp3lame -q:a 4 -write_xing 0 -id3v2_version 0 -ar 16000",
            "layer2.mp2": "-c:a mp2 -ar 16000",
            "s16.aiff": "",
            "s24.aiff": "-c:a pcm_s24be",
            "s16.au": "",
            "ulaw.au": "-c:a pcm_mulaw",
            "f32.au": "-c:a pcm_f32be",
            "s16.caf": "-c:a pcm_s16le",
            "alac.caf": "-c:a alac",
            "s16.w64": "-f w64",
            "s16.voc": "-f voc -c:a pcm_u8",
            "aac.m4a": "-c:a aac -ar 16000",
            "opus.webm": "-c:a libopus",
        }.items()
    },
    **{f"f-s16.{kind}": f"sox -R dial-8k.wav -t {kind} {{}}" for kind in ("aifc", "sph", "ircam", "paf")},
    **{f"f-s16.{kind}": f"sox -R dial-8k.wav -t {kind} {{}}" for kind in ("al", "ul", "gsm")},  # no header
}
RAW = {
    "s16le": "-e signed -b 16 -L",
    "s24le": "-e signed -b 24 -L",
    "s32le": "-e signed -b 32 -L",
    "f32le": "-e float -b 32 -L",
    "f64le": "-e float -b 64 -L",
    "u8": "-e unsigned -b 8",
    "alaw": "-e a-law",
    "ulaw": "-e mu-law",
    "s16be": "-e signed -b 16 -B",
    "s24be": "-e signed -b 24 -B",
    "s32be": "-e signed -b 32 -B",
    "f32be": "-e float -b 32 -B",
    "f64be": "-e float -b 64 -B",
}
RAWS = {f"raw-{name}.raw": f"sox -R dial-8k.wav -t raw {how} {{}}" for name, how in RAW.items()}

# --- What is asked for -------------------------------------------------------------------------------------------

SELCALLS = {
    **dict.fromkeys(
        ("zvei1", "zvei2", "zvei3", "pzvei", "dzvei", "eea", "ccir", "eia", "natel", "euro"), "0123345678"
    ),
    **dict.fromkeys(("pdzvei", "vdew"), "0123345678ABCDE"),
    "modat": "0123345678",
    "autoa": "0123345678B",
}
SIGNALS = (
    *("tone:440:1s", "tone:350+440@-20:2s", "tone:1k@-3dBm0:500ms", "tone:1000:1s:offset=1.5%"),
    *("tone:1000:1s:ramp=5ms", "tone:1000:1s:channel=2"),
    *("tone:440:1s,tone:880:500ms+tone:1.76kHz@-30:200ms", "dtmf:0123456789ABCD*#"),
    *("dtmf:555-0123@-10:50ms/50ms", "dtmf:12:40ms/40ms:twist=3dB", "dtmf:1 2 3:twist=-6dB"),
    *("dtmf:555:offset=-1.5%:ramp=5ms:channel=2", "silence:200ms,dtmf:555-0123@-10:50ms/50ms+noise:-40"),
    *("two-tone:349.0/433.7", "two-tone:349/433.7@-20:600ms/1s"),
    *(f"{family}:{digits}" for family, digits in SELCALLS.items()),
    *("zvei1:12345@-20:100ms", "ccir:1123:offset=1%:ramp=2ms", "cadence:480+620/500,0/500x3"),
    *("cadence:!950/330,!1400/330,!1800/330,0/1000x2", "cadence:440*25/1000", "cadence:425/200,0/200@-15"),
    *("sweep:100-3900:2s", "sweep:100-3900:2s:log", "sweep:3400-200@-20:1s:ramp=50ms", "silence:1s"),
    *("noise:-40:1s", "noise:-40,dtmf:5", "noise:-30:1s:channel=2,dtmf:77:channel=1", "hum:50@-40:1s"),
    *("hum:60@-30:1s", "dtmf:123+hum:50@-30", "dtmf:12,silence:100ms,loop:3", "noise:-40:1s,seed:7"),
    *("noise:-40:1s+seed:8", "dtmf:123,alaw", "tone:1000@-6:1s,ulaw", "dtmf:9@-40+noise:-60+ulaw"),
    *("tone:1000@6:100ms",),
)
ENDLESS_SIGNALS = _each(
    "demo | tone:440 | noise:-40+hum:50 | cadence:350+440 | dtmf:1,loop | dtmf:19,silence:1s,loop"
)
WRONG_SIGNALS = _each(
    """| tune:440 | tone | tone: | tone:5000:1s | tone:440:1 | tone:440:1s:2s | tone:440@loud:1s |
    tone:440@70:1s | tone:440:1s:ofset=1% | tone:440:1s:offset=1 | dtmf:12X | dtmf:- | dtmf:1:50ms |
    dtmf:1:twist=99dB | two-tone:349 | zvei1:G | zvei1: | cadence:440/x | cadence:440/500,620 |
    sweep:100:5s | sweep:100-200 | silence:2y | silence:1s:ramp=5ms | noise:-40@3 | noise:-40:1s:twist=1 |
    loop | loop:0,dtmf:1 | seed:x,dtmf:1 | dtmf:1,alaw:2 | dtmf:1:channel=65 | dtmf:1:channel=0 |
    cadence:440/1,0/1x999999 | noise:-40"""
)
BANDS = (
    *("697,770,852", "1k,1.5kHz,20000Hz", "lin:100-1000:10", "log:50-8k:40", "notes:A2-C7"),
    *("notes:A2-C7@442", "notes:Bb3-F5", "notes:C#4", "octave:63-8k", "third-octave:50-8k"),
    *("1/1-octave:63-8k", "1/3-octave:50-8k", "1/6-octave:50-8k", "1/12-octave:100-4k"),
    *("1/24-octave:100-4k", "1/96-octave:1k-2k", "mel:40", "mel:100-4k:40"),
    *(
        *("bark", "bark:50-4k", "erb:32", "erb:100-4k:32", "dtmf", "ctcss", "mains50:20", "mains60:20"),
        *SELCALLS,
    ),
    *("qcii", *(f"qcii:{group}" for group in "123456AB"), "r1", "r2-forward", "r2-backward", "sit"),
    *("plan:call-progress-us", "plan:dtmf", "plan:fax", "plan:in/hear.toml", "@in/bands.csv"),
    *("dtmf+notes:A4-C5+440", "mains50:3+mains60:3", "DTMF + 440Hz", "440,440,441"),
)
WRONG_BANDS = _each(
    """| 697,-5 | dtmf+ | foo | third-octav:50-8k | lin:100-1000 | lin:1000-100:10 | lin:1-1000:0.001 | 30k |
    log:50-8k:0 | log:50-8k:x | notes:H2 | notes:C5-C4 | 1/97-octave:50-8k | mel | mel:99999 | dtmf:1 |
    qcii:9 | plan:nothing | @nowhere.csv | @in/bad.csv | @in/hear.toml | mains50:0 | 0 | bark:20k-21k |
    440Hzz"""
)
WINDOWS = _each(
    """boxcar | hann | hamming | blackman | blackmanharris | nuttall | flattop | kaiser:8.6 | tukey:0.25 |
    gaussian:300 | exponential | dpss:2.5 | chebwin:80 | bartlett | parzen | cosine | taylor |
    general_hamming:0.7"""
)
WRONG_WINDOWS = ("han", "kaiser", "kaiser:x", "gaussian", "hann:1:2")
TEXTS = {
    "bands.csv": "freq_hz,label\n# the usual\n440,A\n1000\n1.5k,high\n",
    "bad.csv": "440,A,B\n",
    "note.txt": "no sound at all\n",
    "hear.toml": """\
description = "What can be heard"
[dtmf]
preset = "lenient"
digits = "0123456789"
min_on = "30ms"
max_deviation = "2.5%"
[[tone]]
name = "a"
freqs = [440]
min_on = "80ms"
[[tone]]
name = "two"
freqs_hz = [480, 620]
tolerance = "2%"
open_snr = "10dB"
close_snr = "5dB"
min_on_ms = 150
min_off = "60ms"
min_level = "-50dBFS"
max_twist = "6dB"
window = "100ms"
[[tone]]
name = "cng"
freqs = ["1.1k"]
""",
    "check.toml": """\
[[sequence]]
name = "page"
steps = [{freqs = [349.0], on = "0.6s-1.5s"}, {freqs = [433.7], on = "2s-4s"}]
max_gap = "100ms"
cooldown = "5s"
[[cadence]]
name = "busy"
pattern = "480+620/500,0/500"
repeats = 3
duration_tolerance = "15%"
[[code]]
name = "five"
family = "zvei1"
min_digits = 5
[[code]]
name = "own"
digits = {1 = [1060], 2 = [1160, 1270]}
repeat_digit = "2"
digit_ms = [30, 100]
""",
    "wrong.toml": """\
colour = "red"
[[tone]]
name = "x"
freq = [440]
min_on = 250
open_snr = "8dBFS"
[[tone]]
name = "y"
freqs = [440, "1e"]
min_on = "1s"
min_on_ms = 3
[dtmf]
preset = "lenyent"
min_level_dbm = -3
[[sequence]]
name = "s"
steps = [{freqs=[440]}, {freqs=[1], on="2s-1s", foo=3}]
[[cadence]]
name = "c"
pattern = "480+620/500,/3"
[cadense]
[[tone]]
name = "z"
freqs = [440, 500]
close_snr = "10dB"
[[code]]
name = "d"
family = "zvei"
""",
    "fast.toml": '[[tone]]\nname = "high"\nfreqs = [4100]\n[[tone]]\nname = "close"\nfreqs = [440, 441]\n',
    "broken.toml": "[[tone]\nname =\n",
    "empty.toml": "",
    **{f"{name}.toml": f'[dtmf]\npreset = "{name}"\n' for name in ("q24-att", "q24-ntt", "etsi", "lenient")},
    "live.toml": '[live]\nprofile = "rta"\nbands = "dtmf+@bands.csv"\nfps = 5\nplan = ["dtmf", "hear.toml"]\n',
    "wrong-live.toml": '[live]\nbands = "foo"\nhopp = 3\nfps = 1000\nunit = "dbspl"\nworkers = 1.5\n[tone]\n[[dtmf]]\n',
}
SETTINGS = '[live]\nbands = "mains50:5"\nwindow_length = "200ms"\nhop = "50%"\nchannels = "1"\n'


@dataclass(frozen=True, slots=True)
class Call:
    """A command line, run in a folder of its own in which `in` is the folder of recordings.

    stdin: a recording that is piped into it   files: laid into its folder before
    """

    words: tuple[str, ...]
    stdin: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        before = [f"{key}={shlex.quote(value)}" for key, value in self.env.items()]
        after = [f"< in/{self.stdin}"] if self.stdin else []
        return " ".join([*before, shlex.join(self.words), *after, *(f"beside {name}" for name in self.files)])


def call(line: str, *more: str, **around: Any) -> Call:
    """line is split as a shell would; more words follow as they are."""
    return Call((*shlex.split(line), *more), **around)


def list_calls(recordings: list[str], formats: list[str], plans: list[str]) -> Iterator[Call]:
    yield from _list_words()
    yield from _list_bands()
    yield from _list_plans_and_settings(plans)
    yield from _list_generated()
    yield from _list_detected(recordings, plans)
    yield from _list_formats(formats)
    yield from _list_live(recordings)
    yield from _list_spectrograms(recordings)


def _list_words() -> Iterator[Call]:
    """Help, and what is said of wrong words."""
    yield call("streamer")
    yield call("streamer --version")
    commands = _each(
        "bands | bench | completion | config | detect | devices | doctor | generate | live | plan"
    )
    for command in ("", *commands, "spectrogram", *(f"plan {x}" for x in ("list", "show", "check"))):
        yield call(f"streamer {command} --help")
    for command in ("show", "path", "init"):
        yield call(f"streamer config {command} -h")
    yield call("python -m streamer --help")
    yield call("python -m streamer frobnicate")
    for shell in ("bash", "zsh", "fish"):
        yield call(f"streamer completion {shell}")
    for words in ("streamer ", "streamer de", "streamer plan ", "streamer detect --"):
        number = len(words.split()) - (not words.endswith(" "))
        env = {"_STREAMER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": f"{number}"}
        yield call("streamer", env=env)
    for wrong in _each(
        """frobnicate | detct | --frob | plan | plan shw | config | completion | completion tcsh | detect |
        bands | generate dtmf:1 | spectrogram | detect --jobs 0 x.wav | detect --jobs x x.wav |
        live --speed | detect --frob x.wav | generate dtmf:1 -o | generate dtmf:1 -o x.wav --seed -1 |
        live a b"""
    ):
        yield call(f"streamer {wrong}")


def _list_bands() -> Iterator[Call]:
    for spec in BANDS:
        yield call("streamer bands", spec)
    for spec in BANDS[::3]:
        yield call("streamer bands --json -r 44.1k -n 4096 -w blackman", spec)
    for spec in WRONG_BANDS:
        yield call("streamer bands", "--", spec)
    for window in (*WINDOWS, *WRONG_WINDOWS):
        yield call(f"streamer bands dtmf -w {window}")
    for words in _each(
        "-r 8k | -r 1k | -r 0 | -r x | -r 8000 -n 20ms | -n 1 | -n 0 | -n 1.5 | -n 20min | -n 3y"
    ):
        yield call(f"streamer bands dtmf {words}")


def _list_plans_and_settings(plans: list[str]) -> Iterator[Call]:
    files = ("hear", "check", "wrong", "fast", "broken", "empty", "q24-att", "live")
    yield call("streamer plan list")
    yield call("streamer plan show")
    yield call("streamer plan show --schema event")
    yield call("streamer plan show --schema evnt")
    yield call("streamer plan check", *plans)
    for name in (*plans, "pager", "dmtf", "nowhere.toml", "", *(f"in/{name}.toml" for name in files)):
        yield call("streamer plan show", name)
        for rate in ("", "-r 8k", "-r 1k"):
            yield call(f"streamer plan check {rate}", name)
    yield call("streamer plan check dtmf in/wrong.toml fax in/empty.toml")
    yield call("streamer plan check dtmf -r x")

    yield call("streamer config init mine.toml")
    yield call("streamer config init mine.toml", files={"mine.toml": "# there\n"})
    yield call("streamer config path")
    beside = {"streamer.toml": SETTINGS}
    many = {
        "STREAMER_FPS": "7",
        "STREAMER_PLAN": "dtmf,fax",
        "STREAMER_PORT": "tcp://1",
        "STREAMER_UNIT": "dbm0",
    }
    for origin in ("", " --origin"):
        yield call(f"streamer config show{origin}")
        yield call(f"streamer config show{origin}", files=beside)
        yield call(f"streamer config show{origin} --config in/live.toml", files=beside)
        yield call(f"streamer config show{origin} --config in/live.toml --profile ctcss", env=many)
        yield call(f"streamer config show{origin}", env={"STREAMER_PROFILE": "pager"}, files=beside)
        for profile in _each(
            "rta | pager | ctcss | mains50 | mains60 | dtmf | raa | in/live.toml | nowhere.toml"
        ):
            yield call(f"streamer config show{origin} --profile {profile}")
    for wrong in ("in/wrong-live.toml", "in/broken.toml", "nowhere.toml", "in/hear.toml"):
        yield call(f"streamer config show --config {wrong}")
    yield call(
        "streamer config show", env={"STREAMER_FPS": "x", "STREAMER_BANDS": "foo", "STREAMER_HOP": "200%"}
    )


def _list_generated() -> Iterator[Call]:
    for spec in SIGNALS:
        yield call("streamer generate -o g.wav -r 8k", spec)
    for spec in ENDLESS_SIGNALS:
        yield call("streamer generate -o g.wav -r 8k --duration 3s", spec)
    for spec in WRONG_SIGNALS:
        yield call("streamer generate -o g.wav -r 8k", spec)
    spec = "dtmf:159D:channel=1+tone:1k@-20:channel=2+noise:-50"
    for suffix in ("wav", "flac", "ogg", "mp3", "aiff", "au", "caf", "rf64", "w64", "txt"):
        yield call(f"streamer generate -o g.{suffix}", spec)
        for kind in (
            ("s16le", "s24le", "s32le", "f32le", "u8", "alaw", "ulaw")
            if suffix not in ("ogg", "mp3")
            else ("u8",)
        ):
            yield call(f"streamer generate -o g.{suffix} -r 16k --format {kind}", spec)
    for kind in ("", *(f"--format {kind}" for kind in RAW)):
        yield call(f"streamer generate -o - -r 8k {kind}", spec)
    for words in _each(
        "--seed 5 | --duration 100ms | --duration 1us | -r 44.1k | -r 8000.5 | -r 1.5M | -o no/such.wav"
    ):
        yield call(f"streamer generate -o g.wav {words}", spec)


def _list_detected(recordings: list[str], plans: list[str]) -> Iterator[Call]:
    every = [word for plan in plans for word in ("--plan", plan)]
    everything = [f"in/{name}" for name in recordings]
    for plan in (*plans, "in/hear.toml"):
        yield call(f"streamer detect --json --plan {plan}", *everything)
    for name in recordings:
        yield call("streamer detect --json --explain", *every, f"in/{name}")
    for spec in SIGNALS:
        yield call("streamer detect --json", *every, f"sim:{spec}")
    for spec in ENDLESS_SIGNALS:
        yield call("streamer detect --json --duration 4s -r 8k", *every, f"sim:{spec}")
    dials = [f"in/{name}" for name in recordings if name.startswith("dial")]
    for preset in ("q24-att", "q24-ntt", "etsi", "lenient"):
        yield call(f"streamer detect --json --explain --plan in/{preset}.toml", *dials)
    for words in ("", "-q -j 3", "--duration 1.5s", "--json --channels mix", "--json --explain -j 2"):
        yield call(f"streamer detect {words}", *everything)
    outputs = "-o a.jsonl -o b.csv -o c.txt -o d.ndjson -o e.json -o f.log"
    yield call(f"streamer detect {outputs}", *every, *everything)
    yield call(f"streamer detect {outputs} --json in/cut-f-s16.wav in/nothing.wav in/dial-8k.wav")
    for expected in ("5550123", "5550123*#ABCD4689", "911", "555-0123", "us-busy", "us-bsy", ""):
        for name in ("dial-8k.wav", "progress-8k.wav"):
            yield call(
                "streamer detect --plan dtmf --plan call-progress-us", "--expect", expected, f"in/{name}"
            )
    yield call("streamer detect -q --expect 911 in/dial-8k.wav")
    for choice in ("1", "2", "2,1", "all", "mix", "3", "0", "1,1", "x", "1/2"):
        yield call(f"streamer detect --json --channels {choice} in/dial-44k-f32-stereo.wav")
    yield call("streamer detect --json --channels 4,1,6 in/six-48k.wav")
    for wrong in _each(
        """nowhere.wav | in | in/note.txt | in/empty.wav | in/dial-8k.wav --plan dmtf |
        in/dial-8k.wav --plan pager | in/dial-8k.wav --plan in/wrong.toml |
        in/dial-8k.wav --plan in/check.toml | in/dial-8k.wav --plan '' |
        in/dial-8k.wav --plan in/fast.toml | in/dial-8k.wav --plan in/broken.toml | in/dial-8k.wav -r 16k |
        in/dial-8k.wav -r x | in/dial-8k.wav --format s16le | in/dial-8k.wav --duration x |
        in/dial-8k.wav -o x.xls | in/dial-8k.wav -o no/x.csv | sim:tune:440 | sim: | cmd: |
        cmd:no-such-program | cmd:"'" | cmd:false | '' | cmd:'cat in/note.txt' | sim:dtmf:1 --format s16le |
        in/bat-192k.wav in/dial-8k.wav --plan in/fast.toml"""
    ):
        yield call(f"streamer detect --json {wrong}")


def _list_formats(formats: list[str]) -> Iterator[Call]:
    for name in formats:
        yield call("streamer detect --json", f"in/{name}")
        if name.endswith(".wav") or not name.startswith(("cut-", "hole-")):
            yield call("streamer detect --json -", stdin=name)
    yield call("streamer detect --json", *(f"in/{name}" for name in formats))
    yield call("streamer spectrogram -b dtmf -o {name}.csv", *(f"in/{name}" for name in formats))
    for name in _each(
        "cut-f-s16.wav | hole-f-flac16.flac | cut-f-vorbis.ogg | hole-f-cbr.mp3 | field-cut.aiff"
    ):
        yield call("streamer live --speed max --json --plan dtmf", f"in/{name}")
    for kind in RAW:
        for channels in ("", "--channels 2", "--channels 2/2", "--channels mix/2"):
            words = f"streamer detect --json --format {kind} -r 8k {channels}"
            yield call(f"{words} -", stdin=f"raw-{kind}.raw")
        yield call(f"streamer detect --json --format {kind} -r 8k in/raw-{kind}.raw")
        yield call(f"streamer detect --json --format {kind} -r 8k -", stdin=f"cut-raw-{kind}.raw")
    yield call("streamer detect --json --format f32le -r 8k in/raw-strange-f32le.raw")
    yield call("streamer live --speed max --json --plan dtmf --format ulaw -r 8k -", stdin="raw-ulaw.raw")
    for words in _each(
        "| --format s16le | --format s16xx -r 8k | --format s16le -r 0 | --format s16le -r 8k --channels x"
    ):
        yield call(f"streamer detect --json {words} -", stdin="raw-s16le.raw")
    for words in ("--format u8 -r 8k", "-r 16k", "-r 8k", "--channels 2"):
        yield call(f"streamer detect --json {words} -", stdin="f-s16.wav")
    for program in _each(
        "cat in/f-s24.wav | sox in/f-ulaw.wav -t wav - | ffmpeg -v error -i in/f-aac.m4a -f wav -"
    ):
        yield call("streamer detect --json", f"cmd:{program}")
    yield call(
        "streamer detect --json --format s16le -r 8k", "cmd:sox in/dial-8k.wav -t raw -e signed -b 16 -"
    )


def _list_live(recordings: list[str]) -> Iterator[Call]:
    live = "streamer live --speed max"
    for name in recordings[::2]:
        yield call(f"{live} --json -q --plan dtmf --plan call-progress-us", f"in/{name}")
    for spec in SIGNALS[::5]:
        yield call(f"{live} --json -q --plan dtmf", f"sim:{spec}")
    for spec in ENDLESS_SIGNALS:
        yield call(f"{live} --json --duration 5s --plan dtmf --plan mains50 --plan fax", f"sim:{spec}")
    yield call(f"{live} --json --demo --duration 20s")
    for words in _each(
        """| -q | --plain | --workers 1 | --workers 2 --json | --duration 1s | --duration 1s --json |
        --strict | -o a.jsonl -o b.csv -o c.txt | -o d.log --json | --unit dbm0 | --channels mix --json |
        --channels 1 --json | --profile rta --json | --profile pager --json | --profile mains50 --json |
        --config in/live.toml --json | -b notes:A2-C6 --json |
        -b @in/bands.csv -n 1024 --hop 256 -w blackman --json | -w kaiser:8.6 --hop 10% --json | -b 30k |
        -b foo | --hop 200% | --fps 0 | --workers 0 |
        --speed 0 | --dashboard x | --config nowhere.toml | --plan dmtf |
        --demo | --channels 3 | -r 16k | --format s16le | -o x.xls |
        -o no/x.csv"""
    ):
        yield call(f"{live} --plan dtmf --plan in/hear.toml in/dial-44k-f32-stereo.wav {words}")
    yield call(f"{live} --json in/dial-8k.wav", files={"streamer.toml": SETTINGS})
    yield call(
        f"{live} --json in/dial-8k.wav",
        env={"STREAMER_BANDS": "dtmf", "STREAMER_PLAN": "dtmf", "STREAMER_HOPP": "1"},
    )
    yield call(f"{live} --json --plan dtmf -", stdin="f-s24.wav")
    yield call(f"{live} --json --plan dtmf", "cmd:sox in/f-ulaw.wav -t wav -")
    for wrong in _each(
        "nowhere.wav | in/note.txt | in/empty.wav | sim:tune:440 | cmd:no-such-program | cmd:false | ''"
    ):
        yield call(f"{live} --json {wrong}")


def _list_spectrograms(recordings: list[str]) -> Iterator[Call]:
    draw = "streamer spectrogram"
    stores = "-o x.npz -o x.csv -o x.nc -o x.zarr"
    small = "-o x.png -o x.npz --width 500 --height 300"
    for name in recordings:
        yield call(f"{draw} -o {{stem}}.png -o {{name}}.npz", f"in/{name}")
    for scale in ("amplitude", "power", "psd", "complex"):
        for dtype in ("float32", "float64"):
            words = f"--scale {scale} --dtype {dtype} {stores} {'' if scale == 'complex' else '-o x.png'}"
            yield call(f"{draw} {words} -b third-octave:50-3k in/dial-8k.wav")
            yield call(f"{draw} {words} -b notes:A2-C5 -q -j 2 in/say-48k-s24-stereo.wav")
    for spec in (*BANDS, "lin:20-3900:2.5", "lin:3-3990:1"):
        yield call(f"{draw} {small} --end 1s -n 1024 in/dial-44k-f32-stereo.wav -b", spec)
    for window in (*WINDOWS, *WRONG_WINDOWS):
        yield call(f"{draw} {small} --end 1s -b log:50-8k:50 -w {window} in/say-de.wav")
    for words in _each(
        """-n 4096 --hop 1024 | -n 1 -b dtmf --end 100ms | -n 5 --hop 100% -b bark | -n 20ms --hop 5ms |
        -n 1s | --hop 10% | -j 2 | -j 3 -q | --start 1s | --start 500ms --end 1.25s | --end 1s |
        --start 2s --end 1s | --start 5min | --channels 2 | --channels mix | --channels 3 |
        --floor -90dBFS | --floor -60 --ceiling -10dBm0 | --floor 0 --ceiling -10 |
        --width 300 --height 200 | --width 5000 | --width 1 | --height 0 | --width x | --scale psd |
        --scale foo | --scale complex | --dtype float16 | -n 0 | -n x | --hop 0 | --hop 200% | -b foo |
        -b 30k | -r 8k | -o x.foo | -o no/x.png | -o {foo}.png | -o x.png -o x.png | --floor x | --start x |
        --plan dmtf"""
    ):
        yield call(f"{draw} {'' if '-o' in words else '-o x.png -o x.csv'} {words} in/say-48k-s24-stereo.wav")
    for plan in _each(
        "| --plan call-progress-us | --plan dtmf --plan fax | --plan in/hear.toml | --start 1s"
    ):
        for name in ("dial-8k.wav", "progress-8k.wav", "dial-44k-f32-stereo.wav", "fax-16k.flac"):
            yield call(f"{draw} --events {plan} in/{name}")
    yield call(f"{draw} --events -o x.csv in/dial-8k.wav")
    for words in ("-o {stem}.png", "-o {name}.npz -q -j 2", "", "-o x.png"):
        yield call(f"{draw} {words} -n 2048 in/dial-8k.wav in/fax-16k.flac in/nowhere.wav in/f-opus.opus")
    yield call(f"{draw} {stores} -n 4096 --hop 512 in/long-8k.wav")
    yield call(f"{draw} -o x.npz -o x.nc -o x.zarr -b lin:20-3980:10 -n 4096 --hop 64 -j 2 in/long-8k.wav")
    yield call(f"{draw} {stores} -b dtmf -", stdin="f-s16.wav")
    yield call(f"{draw} {stores} -b dtmf --format alaw -r 8k -", stdin="raw-alaw.raw")
    yield call(f"{draw} {stores} -b dtmf", "cmd:sox in/f-ulaw.wav -t wav -")
    for spec in _each(
        "sweep:100-20k:2s:log | dtmf:159+noise:-40 | zvei1:12345 | tone:1000:1s:channel=3 | silence:1s"
    ):
        yield call(f"{draw} -o x.png {stores} -b log:50-20k:60", f"sim:{spec}")
    for wrong in _each(
        "mic | nowhere.wav | in | in/note.txt | in/empty.wav | sim:tune:440 | sim:tone:440:1ms | cmd:false"
    ):
        yield call(f"{draw} -o x.png {wrong}")


# --- Material ----------------------------------------------------------------------------------------------------


def make_material(folder: Path, field_recordings: Path) -> None:
    """Every recording that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, command in (RECORDINGS | FORMATS | RAWS).items():
        path, fresh = folder / name, f"fresh.{name.rpartition('.')[2]}"
        if path.exists():
            continue
        subprocess.run(
            command.replace("{}", fresh), shell=True, cwd=folder, stdin=subprocess.DEVNULL, check=True
        )
        (folder / fresh).rename(path)
    for source in field_recordings.glob("*"):
        if source.suffix != ".txt" and not (folder / f"field-{source.name}").exists():
            shutil.copyfile(source, folder / f"field-{source.name}")
    made: dict[str, bytes] = {"empty.wav": b""}
    for name in (*FORMATS, *RAWS):
        data = (folder / name).read_bytes()
        middle = len(data) // 2
        made[f"cut-{name}"] = data[: len(data) * 6 // 10 | 1]
        made[f"hole-{name}"] = data[:middle] + bytes(len(data[middle : middle + 900])) + data[middle + 900 :]
    whole = (folder / "f-s16.wav").read_bytes()
    made["head-only.wav"], made["half-head.wav"] = whole[:44], whole[:30]
    made["id3.wav"] = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + whole
    values = [0.5, float("nan"), -0.5, float("inf"), 1e20, -1.5, 0.0, -float("inf")] * 1000
    made["raw-strange-f32le.raw"] = struct.pack("<8000f", *values)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 32036, b"WAVE", b"fmt ", 16, 3, 1, 8000, 32000, 4, 32, b"data", 32000
    )
    made["strange-f32.wav"] = head + made["raw-strange-f32le.raw"]
    made["no-align.wav"] = whole[:32] + b"\0\0" + whole[34:]
    for name, data in made.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(data)


# --- Running -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where calls are run, and what they start. tree: where the tree lies, which no digest may hold"""

    streamer: list[str]
    python: list[str]
    work: Path
    tree: str = "/no tree"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        home = str(self.work / "home")
        fixed = {"LANG": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "COLUMNS": "100", "HOME": home}
        return {"PATH": os.environ["PATH"], **fixed, **more}

    def run(self, number: int, wanted: Call) -> list[Item]:
        """The exit code with stderr, stdout, and every file that was written."""
        folder = self.work / f"call{number}"
        folder.mkdir()
        (folder / "in").symlink_to(self.work / "in")
        for name, text in wanted.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        program, *words = wanted.words
        done = subprocess.run(
            [*(self.python if program == "python" else self.streamer), *words],
            input=(folder / "in" / wanted.stdin).read_bytes() if wanted.stdin else b"",
            cwd=folder,
            env=self.environment(wanted.env),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        said = f"exit code {done.returncode}\n".encode() + clean_talk(done.stderr)
        outcome = [
            ("exit code and stderr", said),
            ("stdout", clean_lines(done.stdout)),
            *read_outputs(folder),
        ]
        shutil.rmtree(folder)
        return [(f"{wanted.name} : {what}", self._without_places(data)) for what, data in outcome]

    def _without_places(self, data: bytes) -> bytes:
        for place, word in ((str(self.work), b"WORK"), (self.tree, b"TREE")):
            data = data.replace(place.encode(), word)
        return data


def clean_talk(text: bytes) -> bytes:
    """Without figures of speed, health lines, and the line of a first run."""
    text = re.sub(rb"(?m)^streamer: (compiling kernels|captured ).*\n", b"", text)
    return re.sub(rb", \d+x real time", b", Nx real time", text)


def clean_lines(text: bytes) -> bytes:
    """Events without the run's random name and figures of speed, and stats only where something ends."""
    lines = text.split(b"\n")
    kept = [
        line
        for line, following in zip(lines, [*lines[1:], b""], strict=True)
        if b'"type":"stats"' not in line or b'"type":"end"' in following
    ]
    joined = re.sub(rb'"run":"[0-9a-f]{16}"', b'"run":"RUN"', b"\n".join(kept))
    return re.sub(rb'"(latency_ms_p50|latency_ms_p99|realtime_factor)":[^,}]*', rb'"\1":0', joined)


def read_outputs(folder: Path) -> Iterator[Item]:
    """Files by name, a Zarr store as one, without the times and random numbers that formats carry."""
    stores: dict[str, bytes] = {}
    for at, folders, names in os.walk(folder):  # follows no link, so `in` is left out
        folders.sort()
        for name in sorted(names):
            path = Path(at, name)
            inside = str(path.relative_to(folder))
            data = clean_file(path.suffix, path.read_bytes())
            store, found, member = inside.partition(".zarr/")
            if found:
                stores[f"{store}.zarr"] = stores.get(f"{store}.zarr", b"") + f"\n{member}\n".encode() + data
            else:
                yield inside, data
    yield from stores.items()


def clean_file(suffix: str, data: bytes) -> bytes:
    if suffix in (".jsonl", ".ndjson", ".json", ".nc"):  # zarr.json too
        history = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ streamer"
        data = clean_lines(data) if suffix != ".nc" else data
        return re.sub(history, b"2000-01-01T00:00:00Z streamer", data)
    if suffix in (".wav", ".aiff", ".rf64", ".w64", ".caf"):  # libsndfile says when it found the peak
        return re.sub(rb"(?s)(PEAK.{8}).{4}", rb"\1TIME", data, count=1)
    if suffix == ".ogg":  # a random serial number in every page, and so in its checksum
        return re.sub(rb"(?s)(OggS.{10}).{4}(.{4}).{4}", rb"\1NUMB\2CRC0", data)
    return data


# --- The names in streamer.__all__, tried in the python beside the command ---------------------------------------


def list_values() -> Iterator[Item]:
    """What the public functions give. In the folder of the recordings' link."""
    import streamer

    yield "names", repr((sorted(streamer.__all__), streamer.__version__)).encode()
    for name in sorted(streamer.__all__):
        thing = getattr(streamer, name)
        parents = [cls.__name__ for cls in thing.__mro__] if isinstance(thing, type) else []
        is_error = isinstance(thing, type) and issubclass(thing, Exception)  # which tells no signature
        parameters = [] if is_error else inspect.signature(thing).parameters.values()
        told = [(p.name, p.kind.name, repr(p.default)) for p in parameters]
        members = sorted(member for member in dir(thing) if not member.startswith("_"))
        yield f"streamer.{name}", repr((told, parents, members)).encode()
    yield from _list_banks()
    yield from _list_sums()
    yield from _list_spectra()
    yield from _list_events()
    yield from _list_streams()
    yield from _list_errors()


def _describe(array: Any) -> bytes:
    return f"{array.dtype.str} {array.shape}\n".encode() + bytes(array.tobytes())


def _make_signals() -> dict[str, NDArray[Any]]:
    """8 kHz, 1.5 s: two tones in noise, as callers may hold them."""
    import numpy as np

    t = np.arange(12000) / 8000
    noise = np.random.default_rng(20261125).standard_normal((2, 12000))
    x = 0.3 * np.sin(2 * np.pi * 770 * t) + 0.3 * np.sin(2 * np.pi * 1336 * t) + 0.001 * noise[0]
    gate = (t % 0.2 < 0.1) * x
    return {
        "float64": x,
        "float32": x.astype(np.float32),
        "int16": np.round(x * 32767).astype(np.int16),
        "int32": np.round(x * 2**31 * 0.9).astype(np.int32),
        "uint8": np.round(x * 127 + 128).astype(np.uint8),
        "two channels": np.stack([gate, 0.1 * noise[1]]),
        "2 x 3 channels": np.stack([gate, x, noise[0] / 9, noise[1] / 9, -x, x[::-1]]).reshape(2, 3, -1),
        "bursts": gate,
    }


def _list_banks() -> Iterator[Item]:
    import streamer

    for spec in BANDS:
        for fs_hz in (None, 96000.0):
            bank = streamer.parse_bank(spec, fs_hz)
            about = repr((bank.labels, bank.scale, bank.spec, len(bank))).encode()
            yield f"parse_bank {spec} {fs_hz}", _describe(bank.freqs_hz) + about


def _list_sums() -> Iterator[Item]:
    import numpy as np

    import streamer

    for name, x in _make_signals().items():
        for window in (None, "kaiser:8.6", np.linspace(0, 1, 12000)):
            for freqs in ("dtmf", [770.0, 1336.5, 3999.0], streamer.parse_bank("notes:A2-C7")):
                values = streamer.goertzel(x, freqs, 8000, window)
                shown = getattr(freqs, "spec", freqs), window if isinstance(window, str | None) else "ramp"
                yield f"goertzel {name} {shown}", _describe(values)
    x = np.tile(_make_signals()["float64"], 12)
    yield "goertzel long", _describe(streamer.goertzel(x, "log:50-3k:50", 8000))


def _list_spectra() -> Iterator[Item]:
    import streamer

    for name, x in _make_signals().items():
        for scale in ("amplitude", "power", "psd", "complex"):
            for dtype in ("float32", "float64"):
                found = streamer.spectrogram(x, 8000, "log:100-3k:60", 1024, 128, scale=scale, dtype=dtype)
                yield f"spectrogram {name} {scale} {dtype}", _describe(found.values)
    x = _make_signals()["float64"]
    for window in WINDOWS:
        found = streamer.spectrogram(x, 8000, "notes:A3-C6", window=window, workers=2)
        yield f"spectrogram {window}", _describe(found.values) + repr(found.enbw_hz).encode()
    for length, hop in ((1, 1), (7, 3), (256, 256), (2048, 100), (12000, 1)):
        for spec in ("lin:20-3980:20", "dtmf", "mains50:3"):
            found = streamer.spectrogram(x, 8000, spec, length, hop, window="boxcar", scale="complex")
            yield f"spectrogram {length} {hop} {spec}", _describe(found.values)
    found = streamer.spectrogram(_make_signals()["two channels"], 8000, "third-octave:50-3k", scale="psd")
    for part in ("freqs_hz", "starts", "times_s"):
        yield f"spectrogram.{part}", _describe(getattr(found, part))
    yield "spectrogram's fields", repr((found.fs, found.scale, found.enbw_hz, found.bank.labels)).encode()
    array = found.to_xarray()
    coordinates = [(key, c.dims, c.attrs, c.values.tolist()) for key, c in array.coords.items()]
    yield "spectrogram.to_xarray", repr((array.name, array.dims, array.attrs, coordinates)).encode()


def _list_events() -> Iterator[Item]:
    import streamer

    for name, x in _make_signals().items():
        for plan in ("dtmf", ["dtmf", "in/hear.toml", "mains50"], Path("in/q24-att.toml")):
            yield f"detect {name} {plan}", repr(streamer.detect(x, 8000, plan, begins=True)).encode()


def _list_streams() -> Iterator[Item]:
    """Levels and events: how many frames come at once depends on the moment, what they hold does not."""
    import streamer

    for source, told in (
        ("sim:dtmf:5550123+noise:-40", {"bands": "dtmf", "plan": "dtmf"}),
        ("sim:sweep:100-4000:3s", {"workers": 1}),
        ("sim:sweep:100-4000:3s", {"workers": 2, "window": "blackman", "hop_length": 1000}),
        ("in/dial-8k.wav", {"plan": ["dtmf", "call-progress-us"], "bands": [697.0, 1209.0], "workers": 1}),
        ("in/dial-44k-f32-stereo.wav", {"plan": "dtmf", "bands": "notes:A2-C7", "window_length": 4096}),
        ("in/six-48k.wav", {"channels": "2,4", "bands": "bark", "window": "kaiser:8.6"}),
        ("in/music-44k-stereo.flac", {"channels": "mix", "bands": streamer.parse_bank("erb:32")}),
        ("in/long-8k.wav", {"bands": "lin:20-3980:20", "plan": ["dtmf", "in/hear.toml"]}),
        ("in/say-96k-s32.wav", {"window_length": "20ms", "hop_length": "5ms"}),
        ("in/field-dtmf-gsm.wav", {"plan": "dtmf", "bands": "dtmf"}),
        ("in/cut-f-s16.wav", {"plan": "dtmf", "bands": "dtmf"}),
        ("in/nowhere.wav", {}),
    ):
        shown = {key: getattr(value, "spec", value) for key, value in told.items()}
        yield from ((f"open_stream {source} {shown} : {what}", data) for what, data in _follow(source, told))


def _follow(source: str, told: Mapping[str, Any]) -> Iterator[Item]:
    import msgspec
    import numpy as np

    import streamer

    levels: dict[int, list[Any]] = {}
    events = []
    try:
        stream = streamer.open_stream(source, speed=None, **{"bands": "third-octave:50-3k", **told})
    except streamer.StreamerError as error:
        yield "error", f"{type(error).__name__}: {error}".encode()
        return
    with stream:
        try:
            for item in stream:
                if isinstance(item, streamer.Levels):
                    levels.setdefault(item.channel, []).append(item)
                else:
                    events.append(f"{type(item).__name__} {msgspec.to_builtins(item)}")
        except streamer.StreamerError as error:
            events.append(f"{type(error).__name__}: {error}")
        stats = stream.stats
        books = (stats.captured, stats.analysed, stats.dropped, stats.pending)
        yield "info and stats", repr((stream.info, books)).encode()
    yield "events", "\n".join(events).encode()
    for channel, runs in levels.items():
        for part in ("values", "power", "level_dbfs", "start_samples"):
            yield (
                f"channel {channel}, {part}",
                _describe(np.concatenate([getattr(run, part).T for run in runs])),
            )


def _list_errors() -> Iterator[Item]:
    import streamer

    x = _make_signals()["float64"]
    wrong: dict[str, Callable[[], object]] = {
        "detect shape": lambda: streamer.detect([], 8000),
        "detect complex": lambda: streamer.detect(x + 1j, 8000),
        "detect plan": lambda: streamer.detect(x, 8000, "dmtf"),
        "detect mistakes": lambda: streamer.detect(x, 8000, "in/wrong.toml"),
        "detect rate": lambda: streamer.detect(x, 0),
        "goertzel rate": lambda: streamer.goertzel(x, "dtmf", -1),
        "goertzel bands": lambda: streamer.goertzel(x, "dtmf", 2000),
        "goertzel nan": lambda: streamer.goertzel(x * float("nan"), "dtmf", 8000),
        "goertzel window": lambda: streamer.goertzel(x, "dtmf", 8000, "hanning:x"),
        "goertzel no bands": lambda: streamer.goertzel(x, [], 8000),
        "spectrogram scale": lambda: streamer.spectrogram(x, 8000, "dtmf", scale="db"),  # type: ignore[arg-type]
        "spectrogram dtype": lambda: streamer.spectrogram(x, 8000, "dtmf", dtype="int8"),
        "spectrogram short": lambda: streamer.spectrogram(x[:9], 8000, "dtmf"),
        "spectrogram hop": lambda: streamer.spectrogram(x, 8000, "dtmf", hop_length=0),
        "spectrogram workers": lambda: streamer.spectrogram(x, 8000, "dtmf", workers=0),
        "parse_bank": lambda: streamer.parse_bank("foo"),
        "parse_bank rate": lambda: streamer.parse_bank("dtmf", 2000.0),
        "parse_bank number": lambda: streamer.parse_bank(5),  # type: ignore[arg-type]
        "open_stream source": lambda: streamer.open_stream("sim:"),
        "open_stream rate": lambda: streamer.open_stream("in/dial-8k.wav", rate=0),
        "Bank": lambda: streamer.Bank(freqs_hz=x.reshape(2, -1)),
        "no such name": lambda: streamer.nothing,
    }
    for name, provoke in wrong.items():
        try:
            outcome = repr(provoke())
        except Exception as error:
            parents = [cls.__name__ for cls in type(error).__mro__]
            outcome = f"{parents} {getattr(error, 'exit_code', None)} {error}"
        yield f"error: {name}", outcome.encode()


# --- The whole ---------------------------------------------------------------------------------------------------


def run_corpus(streamer: Path, material: Path, work: Path, *, jobs: int) -> Iterator[Item]:
    """Every item, in any order. Raises where the tree cannot be tried at all."""
    (work / "home").mkdir()
    (work / "in").mkdir()
    recordings = sorted(path.name for path in material.iterdir())
    for name in recordings:
        (work / "in" / name).symlink_to((material / name).resolve())
        yield f"in/{name}", (material / name).read_bytes()
    for name, text in TEXTS.items():
        (work / "in" / name).write_text(text, encoding="utf-8")

    python = [str(streamer.with_name("python")), "-P"]
    bench = Bench(streamer=[str(streamer)], python=python, work=work)
    ask = partial(subprocess.check_output, cwd=work, env=bench.environment({}), text=True)
    where = ask([*python, "-c", "import streamer; print(streamer.__file__)"])
    bench = replace(bench, tree=str(Path(where.strip()).parents[1]))
    plans = [line.split()[0] for line in ask([streamer, "plan", "list"]).splitlines()]
    ask([streamer, "live", "-q", "sim:dtmf:1", "--speed", "max"])  # compiles, where nobody has yet

    heard = [name for name in recordings if name in RECORDINGS or name.startswith("field-dtmf")]
    others = [name for name in recordings if name not in heard and not name.endswith(".raw")]
    calls = {wanted.name: wanted for wanted in list_calls(heard, others, plans)}  # some are listed twice
    with ThreadPoolExecutor(jobs) as pool:
        values = pool.submit(ask, [*python, Path(__file__).resolve(), "--values", work / "values"])
        outcomes = pool.map(bench.run, range(len(calls)), calls.values())
        try:
            values.result()
            yield from pickle.loads((work / "values").read_bytes())
            for items in outcomes:
                yield from items
        finally:
            pool.shutdown(cancel_futures=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.corpus", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="the list of digests")
    parser.add_argument("--streamer", type=Path, default=Path(sys.executable).with_name("streamer"))
    parser.add_argument("--material", type=Path, default=Path(tempfile.gettempdir()) / "streamer-corpus")
    parser.add_argument(
        "--field", type=Path, default=FIELD, help="recordings from the field, for new material"
    )
    parser.add_argument("--keep", type=Path, help="a new folder for what was digested")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--values", type=Path, help=argparse.SUPPRESS)  # the half that imports streamer
    args = parser.parse_args()
    if args.values:
        args.values.write_bytes(pickle.dumps(list(list_values())))
        return
    if args.out is None:
        parser.error("say where the list goes: OUT")
    make_material(args.material, args.field)
    if args.keep:
        args.keep.mkdir(parents=True)
    lines = []
    with tempfile.TemporaryDirectory(prefix="corpus-") as work:
        for name, data in run_corpus(
            args.streamer.absolute(), args.material, Path(work).resolve(), jobs=args.jobs
        ):
            lines.append(f"{name}\t{hashlib.sha256(data).hexdigest()}\n")
            if args.keep:
                short = urllib.parse.quote(name, safe=" ")[:200]
                (args.keep / f"{short} {hashlib.sha256(name.encode()).hexdigest()[:8]}").write_bytes(data)
    args.out.write_text("".join(sorted(lines)), encoding="utf-8")


if __name__ == "__main__":
    main()
