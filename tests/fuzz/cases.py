"""Cases: a command line, the environment it is called in, and the files it finds. Each follows from its number."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import soundfile

from tests.fuzz import words
from tests.signals import dtmf_digits

FILE_KINDS = (
    *(("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("wav", "ULAW"), ("wavex", "PCM_32")),
    *(("aiff", "PCM_16"), ("au", "ALAW"), ("flac", "PCM_16"), ("ogg", "VORBIS"), ("caf", "PCM_16")),
    *(("w64", "PCM_U8"), ("mp3", "MPEG_LAYER_III")),
)  # fmt: skip


@dataclass(slots=True)
class Case:
    """What is called; the files lie in its working directory."""

    words: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    stdin: bytes = b""


def make_case(seed: int, number: int) -> Case:
    rng = random.Random(f"{seed}:{number}")
    case = rng.choice(MAKERS)(rng)
    case.words = [word.replace("\0", "") for word in case.words]
    if rng.random() < 0.1:
        case.environ |= make_environ(rng)
    return case


def spoil(rng: random.Random, text: str, chance: float = 0.5) -> str:
    return words.mutate(rng, text) if rng.random() < chance else text


def pick(rng: random.Random, choices: tuple[str, ...], chance: float = 0.3) -> str:
    return spoil(rng, rng.choice(choices), chance)


def make_options(rng: random.Random, options: dict[str, tuple[str, ...]], most: int = 3) -> list[str]:
    """Some of the options, each with one of its values, spoilt now and then."""
    chosen = []
    for name in rng.sample(sorted(options), min(len(options), rng.randint(0, most))):
        chosen += [name, pick(rng, options[name])] if options[name] else [name]
    return chosen


def make_environ(rng: random.Random) -> dict[str, str]:
    value = rng.choice((*words.NASTY, *words.BANDS, *words.LENGTHS, *words.RATES, *words.WINDOWS))
    safe = value.replace("\0", "")
    return {f"STREAMER_{rng.choice((*words.SETTINGS, 'PROFILE', 'NONSENSE'))}": safe}


# --- one maker for each of the languages ---------------------------------------------------------------------


def make_bands(rng: random.Random) -> Case:
    options = {
        "--rate": words.RATES,
        "--window": words.WINDOWS,
        "--window-length": words.LENGTHS,
        "--json": (),
    }
    csv = spoil(rng, words.BANDS_CSV).encode(errors="surrogateescape")
    return Case(["bands", pick(rng, words.BANDS, 0.7), *make_options(rng, options)], {"bands.csv": csv})


def make_signal(rng: random.Random) -> Case:
    options = {"--rate": words.RATES, "--seed": words.NUMBERS, "--format": words.FORMATS}
    output = pick(rng, ("out.wav", "out.flac", "out.ogg", "out.raw", "-"), 0.15)
    # Whatever was asked before: a year of signal is in order, but nobody waits for it here.
    rest = ["--output", output, *make_options(rng, options), "--duration", "40ms"]
    return Case(["generate", *rest, "--", pick(rng, words.SIGNALS, 0.7)])


def make_plan(rng: random.Random) -> Case:
    text = spoil(rng, words.PLAN, 0.9).encode(errors="surrogateescape")
    command = rng.choice(
        (["plan", "check", "plan.toml"], ["plan", "show", "plan.toml"], ["bands", "plan:plan.toml"])
    )
    return Case([*command, *(make_options(rng, {"--rate": words.RATES}) if "check" in command else [])],
                {"plan.toml": text})  # fmt: skip


def make_config(rng: random.Random) -> Case:
    text = spoil(rng, words.CONFIG, 0.9).encode(errors="surrogateescape")
    case = Case(
        ["config", "show", *make_options(rng, {"--origin": (), "--profile": ("rta", "pager", "ctcss")})]
    )
    if rng.random() < 0.5:
        case.words += ["--config", "settings.toml"]
        case.files["settings.toml"] = text
    else:
        case.files["streamer.toml"] = text
    case.environ = make_environ(rng) if rng.random() < 0.5 else {}
    return case


def make_damaged(rng: random.Random) -> Case:
    kind, subtype = rng.choice(FILE_KINDS)
    data = make_audio(kind, subtype)
    name = f"a.{kind}"
    if rng.random() < 0.9:
        data = words.damage(rng, data)
    if rng.random() < 0.3:
        return Case(["detect", "-", "--json"], stdin=data)
    if rng.random() < 0.2:
        command = ["spectrogram", name, "-b", "dtmf", "-n", "205", "--hop", "50%", "-o", "out.npz", "-q"]
        return Case(command, {name: data})
    return Case(["detect", name, "--json"], {name: data})


@cache
def make_audio(kind: str, subtype: str) -> bytes:
    """Two digits in two channels, a third of a second."""
    samples, _ = dtmf_digits("42", 8000)
    samples = np.concatenate([np.zeros(400), samples, np.zeros(400)])
    out = io.BytesIO()
    soundfile.write(out, np.stack([samples, samples], 1), 8000, format=kind.upper(), subtype=subtype)
    return out.getvalue()


def make_detect(rng: random.Random) -> Case:
    options = {
        "--rate": words.RATES, "--channels": words.CHANNELS, "--format": words.FORMATS, "--plan": words.PLANS,
        "--duration": words.LENGTHS, "--jobs": ("1", "0"), "--expect": ("5", "42"), "--json": (), "--quiet": (),
        "--output": ("o.jsonl", "o.csv", "o.txt", "o.xls", "no/o.csv"),
    }  # fmt: skip
    sources = (
        "a.wav",
        "missing.wav",
        "a.wav",
        "-",
        ".",
        "plan.toml",
        *(f"sim:{signal}" for signal in words.SIGNALS),
    )
    files = {"a.wav": make_audio("wav", "PCM_16"), "plan.toml": words.PLAN.encode()}
    rest = [*make_options(rng, options, 5), "--duration", "40ms", "--jobs", "1"]
    return Case(["detect", *rest, "--", pick(rng, sources)], files, stdin=rng.randbytes(rng.randint(0, 200)))


def make_spectrogram(rng: random.Random) -> Case:
    options = {
        "--bands": words.BANDS, "--window": words.WINDOWS, "--window-length": words.LENGTHS, "--hop": words.LENGTHS,
        "--start": words.LENGTHS, "--end": words.LENGTHS, "--scale": ("amplitude", "power", "psd", "complex"),
        "--dtype": ("float32", "float64"), "--floor": words.LEVELS, "--ceiling": words.LEVELS, "--events": (),
        "--width": ("300",), "--height": ("200",), "--plan": words.PLANS, "--quiet": (),
    }  # fmt: skip
    output = pick(rng, ("out.npz", "out.csv", "{stem}.csv", "{name}.npz", "out.xyz"), 0.2)
    files = {"a.wav": make_audio("wav", "PCM_16"), "plan.toml": words.PLAN.encode()}
    return Case(["spectrogram", *make_options(rng, options, 5), "-o", output, "--", "a.wav"], files)


def make_anything(rng: random.Random) -> Case:
    """Words in no order."""
    commands = (
        "detect",
        "bands",
        "generate",
        "plan",
        "config",
        "completion",
        "check",
        "show",
        "path",
        "list",
        "init",
    )
    pool = (
        *commands,
        *commands,
        *words.NASTY,
        *words.BANDS,
        *words.LENGTHS,
        "--json",
        "--help",
        "-h",
        "--version",
        "-r",
        "-b",
    )
    chosen = [rng.choice(pool) for _ in range(rng.randint(0, 5))]
    return Case([rng.choice(commands), *chosen])


MAKERS: tuple[Callable[[random.Random], Case], ...] = (
    make_bands,
    make_bands,
    make_signal,
    make_signal,
    make_plan,
    make_plan,
    make_config,
    make_damaged,
    make_damaged,
    make_detect,
    make_spectrogram,
    make_anything,
)


def make_live_case(seed: int, number: int) -> Case:
    """For a process of its own: `live`, and never for long."""
    rng = random.Random(f"live {seed}:{number}")
    options = {
        "--bands": words.BANDS, "--window": words.WINDOWS, "--window-length": words.LENGTHS, "--hop": words.LENGTHS,
        "--rate": words.RATES, "--channels": words.CHANNELS, "--plan": words.PLANS, "--speed": ("1", "max", "2.5"),
        "--workers": ("1", "2", "auto", "0"), "--unit": ("dbfs", "dbm0"), "--fps": ("10", "60"), "--json": (),
        "--profile": ("rta", "ctcss", "pager"), "--strict": (), "--quiet": (), "--plain": (),
        "--output": ("o.jsonl", "o.csv", "o.xls"),
    }  # fmt: skip
    kind, subtype = rng.choice(FILE_KINDS)
    sources = ("a.x", "a.x", "-", *(f"sim:{signal}" for signal in words.SIGNALS))
    data = spoil_bytes(rng, make_audio(kind, subtype))
    case = Case(
        ["live", *make_options(rng, options, 4), "--duration", "50ms", "--", pick(rng, sources, 0.2)],
        {"a.x": data, "plan.toml": spoil(rng, words.PLAN, 0.3).encode(errors="surrogateescape")},
        stdin=data,
    )
    case.words = [word.replace("\0", "") for word in case.words]
    return case


def spoil_bytes(rng: random.Random, data: bytes) -> bytes:
    return words.damage(rng, data) if rng.random() < 0.6 else data
