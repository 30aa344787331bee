"""An archive of which it is known what can be heard in it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from streamer.sources.synthetic.language import parse_signal
from tests.signals import dtmf_digits, white_noise

FS_HZ = 8000
BLOCK_S = 600
PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
Pcm = NDArray[np.int16]
Take = tuple[str, Pcm]  # what is heard of it, and its samples


@dataclass(slots=True)
class Known:
    """What sounds in a recording, in its order. is_exact: nothing has harmed it, and no event may be more or less"""

    path: Path
    labels: list[str] = field(default_factory=list)
    is_exact: bool = True


@dataclass(slots=True)
class Archive:
    """calls are listened to for digits, radio for Morse and selective calls; poison kills whoever opens it"""

    folder: Path
    known: list[Known] = field(default_factory=list)

    @property
    def calls(self) -> Path:
        return self.folder / "calls"

    @property
    def radio(self) -> Path:
        return self.folder / "radio"

    @property
    def poison(self) -> Path:
        return self.folder / "poison"


def to_pcm(samples: NDArray[np.floating]) -> Pcm:
    return np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)


@cache
def make_trains(seed: int) -> list[Take]:
    """Numbers as they are dialled."""
    rng = np.random.default_rng(seed)
    takes = []
    for _ in range(64):
        digits = "".join(rng.choice(list("0123456789ABCD*#"), rng.integers(4, 14)))
        on_ms, off_ms, level_dbfs = rng.uniform(50, 120), rng.uniform(50, 120), rng.uniform(-25, -8)
        samples, _ = dtmf_digits(digits, FS_HZ, on_ms=on_ms, off_ms=off_ms, level_dbfs=level_dbfs)
        takes.append((digits, to_pcm(samples)))
    return takes


@cache
def make_radio(seed: int) -> list[Take]:
    rng = np.random.default_rng(seed)
    takes = []
    for number in range(16):
        if number % 2:
            digits = "".join(rng.choice(list("0123456789"), 5))
            digits = "".join(str((int(d) + i) % 10) for i, d in enumerate(digits))
            takes.append((digits, _read(f"zvei1:{digits}@-14")))
        else:
            word = "".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 5))
            takes.append((word, _read(f"morse:{word}@-14:{rng.integers(14, 28)}wpm")))
    return takes


def _read(spec: str) -> Pcm:
    return to_pcm(parse_signal(f"silence:500ms,{spec},silence:500ms", fs_hz=FS_HZ).read()[:, 0])


@cache
def read_prompts() -> Pcm:
    """Some minutes of somebody who speaks."""
    parts = [
        sf.read(path, dtype="int16")[0]
        for path in sorted(PROMPTS.glob("*.wav"))[:150]
        if "beep" not in path.name and "tone" not in path.name
    ]
    return np.concatenate(parts) // 2 if parts else np.zeros(0, np.int16)


def compose(
    known: Known, hours: float, takes: list[Take], rng: np.random.Generator, *, talk: Pcm | None = None
) -> Iterator[Pcm]:
    """Long quiet, now and then something that sounds, a block at a time."""
    left = round(hours * 3600 * FS_HZ)
    quiet = to_pcm(white_noise(BLOCK_S * FS_HZ, level_dbfs=-75, seed=int(rng.integers(1 << 30))))
    while left > 0:
        block = quiet[: min(left, len(quiet))].copy()
        left -= len(block)
        at = int(rng.uniform(1, 20) * FS_HZ)
        while True:
            label, samples = takes[rng.integers(len(takes))]
            if at + len(samples) + FS_HZ > len(block):
                break
            block[at : at + len(samples)] += samples
            known.labels.append(label)
            at += len(samples) + int(rng.uniform(5, 120) * FS_HZ)
            if talk is not None and len(talk) and at + 20 * FS_HZ < len(block):
                begin = int(rng.integers(max(1, len(talk) - 8 * FS_HZ)))
                spoken = talk[begin : begin + 8 * FS_HZ]
                block[at : at + len(spoken)] += spoken
                at += len(spoken) + FS_HZ
        yield block


class Maker:
    """The recordings, one after the other."""

    def __init__(self, archive: Archive, hours: float, seed: int) -> None:
        self._archive, self._hours = archive, hours
        self._rng = np.random.default_rng(seed)
        self._calls, self._radio = make_trains(seed), make_radio(seed)
        self.hours_left = hours

    def write(
        self,
        name: str,
        hours: float,
        *,
        subtype: str | None = None,
        format_: str | None = None,
        is_exact: bool = True,
        talk: Pcm | None = None,
    ) -> Known:
        """hours: of 24"""
        hours *= self._hours / 24
        known = Known(self._archive.folder / name, is_exact=is_exact)
        takes = self._radio if known.path.parent == self._archive.radio else self._calls
        with sf.SoundFile(known.path, "w", FS_HZ, 1, subtype=subtype, format=format_) as file:
            for block in compose(known, hours, takes, self._rng, talk=talk):
                for begin in range(
                    0, len(block), FS_HZ
                ):  # a Vorbis file crashes of being given minutes at once
                    file.write(block[begin : begin + FS_HZ])
        self.hours_left -= hours
        return known

    def convert(self, name: str, hours: float, *options: str) -> Known:
        """Through ffmpeg, for what libsndfile does not write."""
        beside = self._archive.folder / f"beside-{Path(name).stem}.wav"
        known = self.write(beside.name, hours, is_exact=False)
        known.path = self._archive.folder / name
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", beside, *options, known.path], check=True)
        beside.unlink()
        return known


def make_archive(folder: Path, *, hours: float, seed: int, recorded: Path | None = None) -> Archive:
    """recorded: a folder of more recordings, the digits of x.wav in x.txt"""
    archive = Archive(folder)
    for each in (archive.calls, archive.radio, archive.poison):
        each.mkdir(parents=True)
    maker = Maker(archive, hours, seed)
    write, known = maker.write, archive.known
    known += [
        write("calls/desk.flac", 6),
        write("calls/trunk-ulaw.wav", 3, subtype="ULAW"),
        write("calls/voices.flac", 1, talk=read_prompts()),
        write("calls/mobile-1.wav", 0.25, subtype="GSM610", is_exact=False),
        *(write(f"calls/note-{n}.ogg", 0.5, is_exact=False) for n in (1, 2)),
        *(write(f"calls/note-{n}.mp3", 0.5, is_exact=False) for n in (3, 4)),
        write("calls/note-5.opus", 0.2, format_="OGG", subtype="OPUS", is_exact=False),
        maker.convert("calls/phone.m4a", 0.3, "-c:a", "aac", "-b:a", "48k"),
        maker.convert("calls/mobile-2.gsm", 0.25, "-c:a", "libgsm"),
        write("radio/guard.wav", 0.5),
        write("radio/net.flac", 0.5),
        write("radio/beacon.ogg", 0.3, is_exact=False),
    ]
    _break(archive, write)
    known.append(write("calls/exchange.wav", maker.hours_left * 24 / hours))
    for text in sorted(recorded.glob("*.txt")) if recorded else ():
        for path in recorded.glob(f"{text.stem}.*"):
            if path != text:
                shutil.copy(path, archive.calls)
                known.append(Known(archive.calls / path.name, [text.read_text().strip()], is_exact=False))
    return archive


def _break(archive: Archive, write: Callable[..., Known]) -> None:
    """One cut short, one damaged, one that is none, and one that kills."""
    whole = write("whole.flac", 1).path.read_bytes()
    (archive.calls / "cut.flac").write_bytes(whole[: len(whole) * 6 // 10])
    damaged = bytearray(write("whole.ogg", 0.5).path.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 20_000] = np.random.default_rng(0).bytes(20_000)
    (archive.calls / "damaged.ogg").write_bytes(damaged)
    (archive.calls / "none.wav").write_text("no recording\n")
    for path in archive.folder.glob("whole.*"):
        path.unlink()
    write("poison/poison.wav", 0.02)
