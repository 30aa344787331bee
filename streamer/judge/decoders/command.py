"""Any program as a decoder: it is given files, or one on its standard input, and prints what it hears."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
import wave
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

from streamer.base.errors import SpecError
from streamer.judge.decoders.child import Ran, run
from streamer.judge.decoders.reading import Reader
from streamer.judge.heard import Heard, Pcm, resample

FILE, FILES, RAW = "{file}", "{files}", "{raw}"
MOST_HANGS = 3  # one after the other, after which it is asked no more


@dataclass(kw_only=True)
class Command:
    """A decoder that is a command.

    rate_hz: what it is given at, or whatever a signal is at   timeout_s: beyond what the audio lasts
    jobs: how many run at once   version: the command itself, as nobody knows more
    """

    words: tuple[str, ...]
    reader: Reader = field(default_factory=Reader)
    rate_hz: float | None = None
    timeout_s: float = 10.0
    jobs: int = 1
    failures: list[str] = field(default_factory=list)
    any_code: bool = False  # whether it may end with any exit code
    n_hangs: int = 0

    @property
    def version(self) -> str:
        return shlex.join(self.words)

    def knows(self, family: str, table: str) -> bool:
        return True

    def fill(self, family: str, table: str) -> tuple[str, ...]:
        """The words for it, files left open."""
        known = {"{family}": family, "{table}": table}
        return tuple(_replace(word, known) for word in self.words)

    def read(self, ran: Ran, family: str, fs_hz: float) -> list[Heard]:
        return self.reader.read(ran.text.splitlines(), family, fs_hz)

    def hear(self, signals: Sequence[Pcm], family: str, table: str, fs_hz: float) -> list[list[Heard]]:
        rate_hz = self.rate_hz or fs_hz
        with tempfile.TemporaryDirectory() as folder:
            suffix = "raw" if any(RAW in word for word in self.words) else "wav"
            files = [Path(folder, f"{k:04}.{suffix}") for k in range(len(signals))]
            for file, pcm in zip(files, signals, strict=True):
                _write(file, resample(pcm, fs_hz, rate_hz), rate_hz)
            words = [_replace(word, {"{rate}": f"{rate_hz:g}"}) for word in self.fill(family, table)]
            lasting_s = [pcm.size / fs_hz for pcm in signals]
            if FILES in words:
                ran = self._run(words, files, sum(lasting_s))
                self.failures += [ran.failure] * len(signals) if ran.failure else []
                return self.reader.read_by_file(ran.text, [str(file) for file in files], family, rate_hz)
            unwanted = Event()
            with ThreadPoolExecutor(self.jobs) as pool:
                try:
                    one = partial(self._run, words, unwanted=unwanted)
                    found = list(pool.map(one, [[file] for file in files], lasting_s))
                finally:  # Ctrl-C waits for none of them
                    unwanted.set()
                    pool.shutdown(wait=False, cancel_futures=True)
            self.failures += [ran.failure for ran in found if ran.failure]
            return [self.read(ran, family, rate_hz) for ran in found]

    def _run(
        self, words: Sequence[str], files: Sequence[Path], lasting_s: float, unwanted: Event | None = None
    ) -> Ran:
        if self.n_hangs >= MOST_HANGS:
            return Ran(failure=f"was not asked any more, having hung {MOST_HANGS} times")
        named = {FILE: str(files[0]), RAW: str(files[0])}
        full = [
            each for word in words for each in (map(str, files) if word == FILES else [_replace(word, named)])
        ]
        stdin = files[0] if full == list(words) else None
        timeout_s = self.timeout_s + lasting_s
        ran = run(full, stdin=stdin, timeout_s=timeout_s, any_code=self.any_code, unwanted=unwanted)
        self.n_hangs = self.n_hangs + 1 if ran.is_hanging else 0
        return ran


def _replace(word: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        word = word.replace(name, value)
    return word


def parse_command(text: str) -> tuple[str, tuple[str, ...]]:
    """A name and words of NAME=COMMAND, or COMMAND, whose name is then its program's."""
    named = re.fullmatch(r"([A-Za-z][\w.+-]*)=(.+)", text, re.DOTALL)
    try:
        words = tuple(shlex.split(named[2] if named else text))
    except ValueError as error:
        raise SpecError(f'the command "{text}" cannot be split into words: {error}') from error
    if any(FILES in word and word != FILES for word in words):
        raise SpecError(f'"{FILES}" must be a word of its own in the command "{text}"')
    if not words:
        raise SpecError(f'the command "{text}" names no program; write NAME=my-decoder {FILE}')
    if shutil.which(words[0]) is None:
        raise SpecError(f'there is no program "{words[0]}"; write its path, and words as for no shell')
    return named[1] if named else Path(words[0]).name, words


def _write(file: Path, pcm: Pcm, rate_hz: float) -> None:
    """16 bits, one channel: a WAV, or nothing but samples."""
    if file.suffix == ".raw":
        file.write_bytes(pcm.astype("<i2").tobytes())
        return
    with wave.open(str(file), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(round(rate_hz))
        written.writeframes(pcm.astype("<i2").tobytes())
