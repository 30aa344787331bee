"""The sounds of the bench: digits of every kind, and what must not be taken for digits. All at 8 kHz."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from streamer.base.errors import SourceError
from streamer.judge.heard import Samples
from streamer.judge.hum import leave_out_hum

FS_HZ = 8000
LEAST_SPEECH_S = 60.0
LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)
KEYPAD = ("123A", "456B", "789C", "*0#D")
ALL_DIGITS = "123A456B789C*0#D"
TONES_HZ = {
    key: (LOW_HZ[row], HIGH_HZ[column]) for row, keys in enumerate(KEYPAD) for column, key in enumerate(keys)
}

PROMPTS = Path("/usr/share/asterisk/sounds")
RECORDED = (".wav", ".gsm", ".ogg", ".flac", ".mp3")
PROMPT_PACKAGES = {  # Debian's
    "tune": "asterisk-core-sounds-{en,fr}-wav",
    "judge": "asterisk-core-sounds-{es,it,ru}-wav",
    "blind": "asterisk-prompt-{es-co,fr-armelle,it-menardi-wav} sox libsox-fmt-all",
    "words": "klettres-data ktuberling-data",
}
MUSIC = Path("/usr/share/asterisk/moh")  # Debian: asterisk-moh-opsound-wav
LANGUAGES = {
    "tune": ("en_US_f_Allison", "fr_CA_f_June"),
    "judge": ("es_MX_f_Allison", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU"),
    "blind": ("es", "fr", "it_IT_f_Menardi"),  # speakers never heard before limits and detector were done
    # Letters, syllables and words by dozens of people in 25 languages, never heard before all else was done either.
    "words": ("/usr/share/klettres", "/usr/share/ktuberling/sounds"),
}
VOICES = {
    "tune": ("en-us", "de", "pt"),
    "judge": ("en-gb", "nl", "sv", "pl"),
    "blind": ("fi", "hu", "ro", "el", "cs"),
    "words": ("da", "tr", "sw", "lv", "id", "hr", "ka"),
}
TALK = (
    "The quick brown fox jumps over the lazy dog. Please leave a message after the tone, "
    "or press one to hear all options again. Nine lions are moving along a long alley, evening after evening. "
)


def silence(ms: float) -> Samples:
    return np.zeros(round(ms * FS_HZ / 1000))


def noise(rng: np.random.Generator, n: int, power: float) -> Samples:
    return rng.normal(size=n) * np.sqrt(power)


def sine(hz: float, n: int, *, dbfs: float = 0.0, phase_rad: float = 0.0) -> Samples:
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(n) / FS_HZ + phase_rad)


def pair(
    rng: np.random.Generator,
    low_hz: float,
    high_hz: float,
    ms: float,
    *,
    dbfs: float = -12.0,
    twist_db: float = 0.0,
) -> Samples:
    """Two tones, the stronger at dbfs. twist_db: high over low."""
    n = round(ms * FS_HZ / 1000)
    low_phase, high_phase = rng.uniform(0, 2 * np.pi, 2)
    return sine(low_hz, n, dbfs=dbfs - max(twist_db, 0), phase_rad=low_phase) + sine(
        high_hz, n, dbfs=dbfs + min(twist_db, 0), phase_rad=high_phase
    )


def key(rng: np.random.Generator, digit: str, ms: float, **how: float) -> Samples:
    return pair(rng, *TONES_HZ[digit], ms, **how)


def dial(
    rng: np.random.Generator, digits: str, *, on_ms: float = 50, off_ms: float = 50, **how: float
) -> Samples:
    """Digits after 150 ms of silence and a random part of a frame, so that no grid is favoured."""
    parts = [silence(150 + rng.uniform(0, 20))]
    for digit in digits:
        parts += [key(rng, digit, on_ms, **how), silence(off_ms)]
    return np.concatenate([*parts, silence(150)])


def random_digits(rng: np.random.Generator, n: int) -> str:
    return "".join(rng.choice(list(ALL_DIGITS), n))


def compand(samples: Samples, law: str) -> Samples:
    """Through 8 bits of A-law or mu-law: the formula of G.711, not its segments; the noise is the same."""
    x = np.clip(samples, -1, 1)
    if law == "mu":
        code = np.round(127 * np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256)) / 127
        return np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255
    a = 87.6
    magnitude = np.abs(x)
    small = magnitude < 1 / a
    code = np.where(small, a * magnitude, 1 + np.log(np.maximum(a * magnitude, 1))) / (1 + np.log(a))
    code = (np.floor(code * 128) + 0.5) / 128
    knee = 1 / (1 + np.log(a))
    back = np.where(code < knee, code * (1 + np.log(a)) / a, np.exp(code * (1 + np.log(a)) - 1) / a)
    return np.sign(x) * back


def active_rms(samples: Samples) -> float:
    """RMS of the 20 ms pieces within 30 dB of the loudest: pauses do not count."""
    n = 160
    power = np.mean(samples[: samples.size // n * n].reshape(-1, n) ** 2, axis=1)
    return float(np.sqrt(np.mean(power[power > power.max() / 1000])))


class Missing(SourceError):
    """Recordings or programs that a line needs and that are not here; says which, and how to have them."""


@lru_cache(maxsize=4)
def prompts(part: str, *, hums: bool = True) -> Samples:
    """All recorded prompts of a part, or of a folder, one after the other. hums: with those that do"""
    read = ((path, read_prompt(path)) for path in find_prompt_paths(part))
    kept = [prompt for _, prompt in read] if hums else leave_out_hum(read)
    samples = np.concatenate([silence(0), *(each for prompt in kept for each in (prompt, silence(200)))])
    if samples.size < LEAST_SPEECH_S * FS_HZ:
        seconds, which = samples.size / FS_HZ, "" if hums else " that does not hum"
        raise Missing(f"{part} has {seconds:.0f} s of speech{which}; a minute at least is needed")
    return samples


def find_prompts(part: str) -> Iterator[Samples]:
    """One by one, as they are called."""
    return map(read_prompt, find_prompt_paths(part))


def find_prompt_paths(part: str) -> Iterator[Path]:
    """One recording may have several names: it comes once."""
    known: set[bytes] = set()
    folders = [PROMPTS / language for language in LANGUAGES[part]] if part in LANGUAGES else [Path(part)]
    for folder in folders:
        for path in sorted(folder.rglob("*.*")):
            if path.suffix not in RECORDED or (part in LANGUAGES and re.search("beep|tone", path.name)):
                continue  # tones, not speech
            if (content := path.read_bytes()) not in known:
                known.add(content)
                yield path
    if not known and part in LANGUAGES:
        raise Missing(f"no recorded speech here: install {PROMPT_PACKAGES[part]} (Debian), or give a folder")
    if not known:
        raise Missing(f"no recordings in {part}: {' '.join(RECORDED)}")


def read_prompt(path: Path) -> Samples:
    if path.suffix == ".gsm":
        if shutil.which("sox") is None:
            raise Missing("recordings in .gsm need sox with libsox-fmt-all: install them")
        command = ["sox", str(path), "-t", "f64", "-r", str(FS_HZ), "-c", "1", "-"]
        return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float64)
    import soundfile

    samples, fs_hz = soundfile.read(path, always_2d=True)
    samples = samples[:, 0] / max(1.0, float(np.abs(samples).max(initial=0)))  # some are decoded far beyond
    return np.asarray(samples) if fs_hz == FS_HZ else at_speed(samples, fs_hz / FS_HZ)


@lru_cache(maxsize=1)
def music(folder: str = "") -> Samples:
    """Of a folder, or Debian's on hold."""
    if folder:
        return np.concatenate(list(find_prompts(folder)))
    paths = sorted(MUSIC.glob("*.wav"))
    if not paths:
        raise Missing("no music here: install asterisk-moh-opsound-wav (Debian), or give a folder")
    return np.concatenate([read_prompt(path) for path in paths])


@lru_cache(maxsize=4)
def synthetic_speech(part: str, minutes: float = 6.0) -> Samples:
    """espeak-ng's voices at several pitches and speeds."""
    import io

    import soundfile

    if shutil.which("espeak-ng") is None:
        raise Missing("no synthetic voices here: install espeak-ng")
    parts: list[Samples] = []
    total = 0
    voices = VOICES.get(part, VOICES["judge"])
    for i in range(1000):
        voice = voices[i % len(voices)]
        pitch, speed = 10 + 37 * i % 90, 110 + 53 * i % 160
        wav = subprocess.run(
            [
                "espeak-ng",
                "-v",
                f"{voice}+{'fm'[i % 2]}{1 + i % 4}",
                "-p",
                str(pitch),
                "-s",
                str(speed),
                "--stdout",
                TALK,
            ],
            capture_output=True,
            check=True,
        ).stdout
        samples, fs_hz = soundfile.read(io.BytesIO(wav))
        parts += [at_speed(samples, fs_hz / FS_HZ), silence(300)]
        total += parts[-2].size
        if total > minutes * 60 * FS_HZ:
            break
    return np.concatenate(parts)


def at_speed(samples: Samples, speed: float) -> Samples:
    """Played so many times faster, pitch and all."""
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(samples, 1000, round(1000 * speed)))


def cut(samples: Samples, every_s: float) -> list[Samples]:
    n = round(every_s * FS_HZ)
    return [samples[start : start + n] for start in range(0, samples.size, n)]


def band_pass(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    from scipy.signal import firwin, oaconvolve

    return np.asarray(
        oaconvolve(samples, firwin(401, (low_hz, high_hz), pass_zero=False, fs=FS_HZ), mode="same")
    )


def loud(samples: Samples) -> Samples:
    """At -10 dBFS active RMS, with what is above full scale clipped."""
    return np.clip(samples / active_rms(samples) * 10 ** (-10 / 20), -1, 1)


FORMANTS_HZ = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (660, 1720, 2410),
)


def vowels(rng: np.random.Generator, minutes: float) -> Iterator[Samples]:
    """Minutes of vowels: pulses at a sung or gliding pitch through moving formants, with and without vibrato."""
    from scipy.signal import lfilter

    for _ in range(round(minutes)):
        parts: list[Samples] = []
        while sum(part.size for part in parts) < 60 * FS_HZ:
            n = round(rng.uniform(0.08, 0.9) * FS_HZ)
            t = np.arange(n) / FS_HZ
            pitch_hz = 2 ** rng.uniform(np.log2(90), np.log2(700)) * np.ones(n)
            if rng.random() < 0.4:
                pitch_hz *= 2 ** (rng.uniform(-0.5, 0.5) * t / t[-1])
            if rng.random() < 0.4:
                pitch_hz *= 1 + rng.uniform(0.003, 0.03) * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * t)
            phase = np.cumsum(pitch_hz) / FS_HZ
            voice = np.zeros(n)
            tilt = rng.uniform(0.6, 1.6)
            for k in range(1, int(3600 / pitch_hz.max()) + 1):
                voice += np.sin(2 * np.pi * k * phase + rng.uniform(0, 6.28)) / k**tilt
            for hz in FORMANTS_HZ[rng.integers(len(FORMANTS_HZ))]:
                r = np.exp(-np.pi * rng.uniform(50, 150) / FS_HZ)
                voice = lfilter(
                    [1 - r],
                    [1, -2 * r * np.cos(2 * np.pi * hz * rng.uniform(0.9, 1.1) / FS_HZ), r * r],
                    voice,
                )
            attack = round(rng.uniform(0.003, 0.05) * FS_HZ)
            ramp = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / attack)
            parts += [
                voice / np.abs(voice).max() * ramp * rng.uniform(0.1, 0.9),
                silence(rng.uniform(5, 150)),
            ]
        yield np.concatenate(parts)


VOWELS_HZ = (  # the first three formants of men (Peterson and Barney, 1952); women's are a sixth higher
    *((270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440)),
    *((570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390), (490, 1350, 1690)),
)


def voiced(rng: np.random.Generator, minutes: float) -> Iterator[Samples]:
    """Minutes of voices of another kind: glottal pulses one by one, with jitter, shimmer and breath, through formants
    of men, women and children that glide from vowel to vowel; now and then a chord of up to four of them.
    """
    for _ in range(round(minutes)):
        parts: list[Samples] = []
        while sum(part.size for part in parts) < 60 * FS_HZ:
            n = round(rng.uniform(0.15, 1.2) * FS_HZ)
            n_voices = int(rng.choice((1, 1, 1, 2, 3, 4)))
            pitch_hz = 2 ** rng.uniform(np.log2(80), np.log2(500))
            steps = rng.choice((1, 5 / 4, 6 / 5, 4 / 3, 3 / 2, 5 / 3, 2), n_voices, replace=False)
            sung = np.sum([_one_voice(rng, n, pitch_hz * step) for step in steps], axis=0)
            parts += [sung / np.abs(sung).max() * rng.uniform(0.1, 0.9), silence(rng.uniform(5, 200))]
        yield np.concatenate(parts)


def _one_voice(rng: np.random.Generator, n: int, pitch_hz: float) -> Samples:
    from scipy.signal import lfilter

    jitter, shimmer = rng.uniform(0, 0.012), rng.uniform(0, 0.1)
    depth, rate_hz = rng.choice((0, 0, 0.01, 0.03)), rng.uniform(4, 7)
    bend = rng.uniform(-0.3, 0.3) if rng.random() < 0.3 else 0.0
    flow, at = np.zeros(n + FS_HZ), rng.uniform(0, 50)
    while at < n:
        octaves = bend * at / n + np.log2(
            1 + depth * np.sin(2 * np.pi * rate_hz * at / FS_HZ) + jitter * rng.normal()
        )
        period = FS_HZ / (pitch_hz * 2**octaves)
        k = np.arange(max(4, int(0.6 * period))) / (0.6 * period)
        pulse = k**2 * (1 - k)  # opens slowly, shuts at once
        flow[int(at) : int(at) + k.size] += np.diff(pulse, prepend=0) * (1 + shimmer * rng.normal())
        at += period
    voice = flow[:n] + rng.uniform(0, 0.02) * rng.normal(size=n) * np.abs(flow[:n]).max()
    size = rng.choice((1.0, 1.17, 1.35))
    ends = np.array(VOWELS_HZ)[rng.integers(0, len(VOWELS_HZ), 2)] * size * rng.uniform(0.93, 1.07, 3)
    for from_hz, to_hz in ends.T:
        r = np.exp(-np.pi * rng.uniform(40, 130) / FS_HZ)
        state, filtered = np.zeros(2), np.empty(n)
        for start in range(0, n, 80):  # 10 ms at a time
            hz = min(from_hz + (to_hz - from_hz) * start / n, 3700)
            a = [1, -2 * r * np.cos(2 * np.pi * hz / FS_HZ), r * r]
            filtered[start : start + 80], state = lfilter([1 - r], a, voice[start : start + 80], zi=state)
        voice = filtered
    attack = round(rng.uniform(0.005, 0.06) * FS_HZ)
    return voice * np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / attack)
