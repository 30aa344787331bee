"""What the detectors say of a corpus of sounds, kept to be compared: two trees that hear the same say the same.

    python -m tests.event_corpus before.json                    # in the tree as it was
    python -m tests.event_corpus after.json                     # and as it is
    python -m tests.event_corpus --compare before.json after.json

Alike means: the same events in the same order with the same labels, each known in the same frame, edges within
0.02 ms, levels and twist within 0.01 dB, S/N within 0.1 dB, frequencies within 0.01 Hz. The sounds are digits in
noise, over speech, through codecs and across rooms, speech, music and vowels with none, calls, and tones; those that
need what is not installed are left out, and said. --seed makes others, --only takes those whose name holds a word.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import streamer
from streamer.judge import material as m
from streamer.judge.codecs import CODECS, send_through
from streamer.judge.rooms import across, decaying_room

Sound = tuple[str, list[str], float, m.Samples]  # name, plans, sample rate, samples
LIMITS = {
    "t_s": 2e-5,
    "duration_s": 4e-5,
    "level_dbfs": 0.0101,
    "twist_db": 0.0101,
    "freqs_hz": 0.0101,
    "snr_db": 0.101,
    "confidence": 0.0011,
    "sample": 1,
}
CALL_PLANS = ["dtmf", "call-progress-us", "fax", "alert-us"]
MINUTE = 60 * m.FS_HZ


def list_sounds(seed: int) -> Iterator[tuple[str, Callable[[], Sound]]]:
    def add(
        name: str, make: Callable[[np.random.Generator], m.Samples], plans: list[str], fs_hz: float = m.FS_HZ
    ) -> tuple[str, Callable[[], Sound]]:
        rng = np.random.default_rng([seed, *name.encode()])
        return name, lambda: (name, plans, fs_hz, make(rng))

    for db in (40, 20, 10, 5, 0):
        yield add(f"digits in noise, {db} dB", lambda rng, db=db: _in_noise(rng, 400, db), ["dtmf"])
    for on_ms, off_ms in ((24, 30), (32, 32), (40, 40), (70, 20), (120, 80), (400, 100)):
        yield add(
            f"digits of {on_ms}/{off_ms} ms",
            lambda rng, on=on_ms, off=off_ms: m.dial(rng, m.random_digits(rng, 200), on_ms=on, off_ms=off),
            ["dtmf"],
        )
    yield add("digits of all kinds", _all_kinds, ["dtmf"])
    yield add("digits with holes", _with_holes, ["dtmf"])
    yield add("digits that glide, twist and lie beside", _beside, ["dtmf"])
    for part in ("tune", "judge"):
        yield add(f"recorded speech, {part}", lambda rng, p=part: _cut(rng, m.prompts(p), 8), CALL_PLANS)
        yield add(f"made speech, {part}", lambda _, p=part: m.synthetic_speech(p, 4), CALL_PLANS)
        for db in (6, 0, -6):
            yield add(
                f"digits over speech, {part}, {db} dB",
                lambda rng, p=part, db=db: _over(rng, _cut(rng, m.prompts(p), 3), db),
                ["dtmf"],
            )
    squeezed = "speech squeezed"
    yield add(
        squeezed, lambda rng: m.band_pass(_cut(rng, m.loud(m.prompts("judge")), 8), 620, 1700), ["dtmf"]
    )
    yield add("music", lambda rng: _cut(rng, m.music(), 6), CALL_PLANS)
    yield add("vowels", lambda rng: np.concatenate(list(m.vowels(rng, 4))), CALL_PLANS)
    for name in CODECS:
        yield add(f"digits through {name}", lambda rng, n=name: send_through(n, _calm(rng, 120)), ["dtmf"])
        if name in ("GSM 06.10", "Opus 8k", "AMR 4.75k"):
            yield add(
                f"speech through {name}",
                lambda rng, n=name: send_through(n, _cut(rng, m.prompts("tune"), 3)),
                ["dtmf"],
            )
    for rt60_s, drr_db in ((0.3, 0), (0.5, -3), (0.8, -6)):
        yield add(
            f"digits across a room, {rt60_s} s, {drr_db} dB",
            lambda rng, t=rt60_s, d=drr_db: across(decaying_room(rng, rt60_s=t, drr_db=d), _calm(rng, 150)),
            ["dtmf"],
        )
    yield add("calls", _calls, CALL_PLANS)
    yield add("chords", _chords, ["dtmf"])
    yield add("silence and clicks", _clicks, CALL_PLANS)
    for fs_hz in (11025.0, 16000.0, 44100.0, 48000.0):
        yield add(
            f"digits at {fs_hz:g} Hz",
            lambda rng, fs=fs_hz: _resample(_in_noise(rng, 120, 25), fs),
            CALL_PLANS,
            fs_hz,
        )
    yield add("hum", _hum, ["mains50"], 8000.0)


def _cut(rng: np.random.Generator, samples: m.Samples, minutes: float) -> m.Samples:
    n = min(round(minutes * MINUTE), samples.size)
    at = int(rng.integers(0, samples.size - n + 1))
    return samples[at : at + n]


def _in_noise(rng: np.random.Generator, n: int, snr_db: float) -> m.Samples:
    x = m.dial(rng, m.random_digits(rng, n), dbfs=-20)
    return x + m.noise(rng, x.size, 10 ** (-2.3 - snr_db / 10))


def _calm(rng: np.random.Generator, n: int) -> m.Samples:
    return m.dial(rng, m.random_digits(rng, n), on_ms=100, off_ms=100, dbfs=-12)


def _all_kinds(rng: np.random.Generator) -> m.Samples:
    parts = [m.silence(200)]
    for digit in m.random_digits(rng, 500):
        how = {"dbfs": rng.uniform(-60, -6), "twist_db": rng.uniform(-12, 10)}
        parts += [m.key(rng, digit, rng.uniform(20, 200), **how), m.silence(rng.uniform(0, 90))]
    x = np.concatenate(parts)
    return x + m.noise(rng, x.size, 1e-8)


def _with_holes(rng: np.random.Generator) -> m.Samples:
    parts = [m.silence(200)]
    for digit in m.random_digits(rng, 300):
        burst = m.key(rng, digit, rng.uniform(60, 300))
        for _ in range(rng.integers(1, 3)):
            at, n = int(rng.integers(0, burst.size)), round(rng.uniform(4, 32) * 8)
            burst[at : at + n] = 0
        parts += [burst, m.silence(rng.uniform(25, 90))]
    x = np.concatenate(parts)
    return x + m.noise(rng, x.size, 1e-7)


def _beside(rng: np.random.Generator) -> m.Samples:
    parts = [m.silence(200)]
    for digit in m.random_digits(rng, 400):
        low, high = m.TONES_HZ[digit]
        off = rng.uniform(0.96, 1.04, 2)
        parts += [m.pair(rng, low * off[0], high * off[1], 60, twist_db=rng.uniform(-20, 20)), m.silence(50)]
    x = np.concatenate(parts)
    return x + m.noise(rng, x.size, 1e-8)


def _over(rng: np.random.Generator, speech: m.Samples, db: float) -> m.Samples:
    x = speech / m.active_rms(speech) * 0.05
    level = 20 * np.log10(0.05) + db
    for at in range(8000, x.size - 8000, 4000):
        burst = m.key(rng, m.random_digits(rng, 1), 60, dbfs=level)
        x[at : at + burst.size] += burst
    return x


def _calls(rng: np.random.Generator) -> m.Samples:
    speech, parts = m.prompts("tune"), []
    for _ in range(12):
        parts += [m.silence(500), m.sine(350, 16000, dbfs=-16) + m.sine(440, 16000, dbfs=-16)]
        digits = m.dial(rng, m.random_digits(rng, 10), on_ms=80, off_ms=80)
        parts += [digits, m.sine(440, 16000, dbfs=-19) + m.sine(480, 16000, dbfs=-19), m.silence(2000)]
        parts += [_cut(rng, speech, 0.4), m.sine(480, 4000, dbfs=-20) + m.sine(620, 4000, dbfs=-20)]
        parts += [m.silence(500), m.sine(1100, 4000, dbfs=-18), m.silence(700), m.sine(2100, 24000, dbfs=-20)]
    x = np.concatenate(parts)
    return m.compand(x + m.noise(rng, x.size, 1e-7), "mu")


def _chords(rng: np.random.Generator) -> m.Samples:
    parts = [m.silence(200)]
    for digit in m.random_digits(rng, 300):
        n = round(rng.uniform(40, 300) * 8)
        third = m.sine(rng.uniform(300, 3000), n, dbfs=-12 - rng.uniform(0, 25))
        parts += [m.key(rng, digit, n / 8) + third, m.silence(rng.uniform(40, 120))]
    x = np.concatenate(parts)
    return x + m.noise(rng, x.size, 1e-8)


def _clicks(rng: np.random.Generator) -> m.Samples:
    x = np.zeros(3 * MINUTE)
    x[rng.integers(0, x.size, 300)] = rng.uniform(-1, 1, 300)
    return x


def _resample(samples: m.Samples, fs_hz: float) -> m.Samples:
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(samples, round(fs_hz / 25), 320))


def _hum(rng: np.random.Generator) -> m.Samples:
    n = 2 * MINUTE
    wander = 50 + 0.05 * np.cumsum(rng.normal(size=n)) / 400
    phase = 2 * np.pi * np.cumsum(wander) / m.FS_HZ
    return 0.01 * np.sin(phase) + 0.004 * np.sin(3 * phase) + m.noise(rng, n, 1e-6)


def hear(sound: Sound) -> list[dict[str, Any]]:
    _, plans, fs_hz, samples = sound
    events = streamer.detect(samples.astype(np.float32), fs_hz, plan=plans, begins=True)
    return [msgspec.to_builtins(event) for event in events]


def find_differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    if len(before) != len(after):
        yield f"{len(before)} events before, {len(after)} after"
    for old, new in zip(before, after, strict=False):
        keys = sorted(old.keys() | new.keys())
        if (old["label"], old["phase"]) != (new["label"], new["phase"]):
            yield f"{old['t_s']:.4f} s: {old['label']} {old['phase']} is {new['label']} {new['phase']}"
            return  # all after it is shifted
        yield from (
            f"{old['t_s']:.4f} s {old['label']} {old['phase']}: {key} {old.get(key)} is {new.get(key)}"
            for key in keys
            if not _are_alike(old.get(key), new.get(key), LIMITS.get(key, 0.0))
        )


def _are_alike(old: Any, new: Any, limit: float) -> bool:
    if isinstance(old, list) and isinstance(new, list) and limit:
        return len(old) == len(new) and all(_are_alike(a, b, limit) for a, b in zip(old, new, strict=True))
    if isinstance(old, int | float) and isinstance(new, int | float) and not isinstance(old, bool):
        return abs(old - new) <= limit
    return bool(old == new)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.event_corpus", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT", help="what is heard, as JSON")
    parser.add_argument("--compare", type=Path, nargs=2, metavar=("BEFORE", "AFTER"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", metavar="WORD")
    args = parser.parse_args()
    if args.compare:
        before, after = (json.loads(path.read_bytes()) for path in args.compare)
        n = 0
        for name in before.keys() & after.keys():
            for difference in find_differences(before[name], after[name]):
                n += 1
                print(f"{name}: {difference}")
        print(
            f"{len(before.keys() & after.keys())} sounds, {sum(map(len, before.values()))} events, {n} differences"
        )
        sys.exit(n > 0)
    if args.out is None:
        parser.error("say where to: OUT")
    found: dict[str, list[dict[str, Any]]] = {}
    for name, make in list_sounds(args.seed):
        if args.only in name:
            try:
                found[name] = hear(make())
            except m.Missing as error:
                print(f"{name}: left out, {error}", file=sys.stderr)
    text = json.dumps(found, sort_keys=True)
    args.out.write_text(text)
    print(f"{sum(map(len, found.values()))} events, sha256 {hashlib.sha256(text.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
