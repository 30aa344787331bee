"""Peers that are programs: how each is called, and what of what it prints is said."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamer.judge.decoders.child import Ran, run
from streamer.judge.decoders.command import Command
from streamer.judge.heard import Heard

RATE_HZ = 22050.0  # multimon-ng knows no other, and to minimodem, atest and morse2ascii any is as good
MULTIMON: Mapping[str, str] = {  # families or tables, and its name for them
    "dtmf": "DTMF", "zvei1": "ZVEI1", "zvei2": "ZVEI2", "zvei3": "ZVEI3", "dzvei": "DZVEI", "pzvei": "PZVEI",
    "eea": "EEA", "eia": "EIA", "ccir": "CCIR", "morse": "MORSE_CW", "same": "EAS",
}  # fmt: skip


@dataclass(kw_only=True)
class Program(Command):
    """modes: what {mode} stands for, by family or table; what it says of a text, `labels` takes out."""

    name_and_version: str
    modes: Mapping[str, str]
    labels: Callable[[str, str], list[str]]

    @property
    def version(self) -> str:
        return self.name_and_version

    def knows(self, family: str, table: str) -> bool:
        return (table if family == "selcall" else family) in self.modes

    def fill(self, family: str, table: str) -> tuple[str, ...]:
        mode = self.modes[table if family == "selcall" else family]
        return tuple(word.replace("{mode}", mode) for word in self.words)

    def read(self, ran: Ran, family: str, fs_hz: float) -> list[Heard]:
        return [Heard(label=label) for label in self.labels(ran.text, family)]


def read_multimon(text: str, family: str) -> list[str]:
    if family == "morse":
        return read_line(text, family)
    said = re.findall(r"^(?:DTMF|\w*ZVEI\d?|EEA|EIA|CCIR|EAS): *(.*?) *$", text, re.MULTILINE)
    if family == "same":
        return [each for each in said if each.startswith("ZCZC")]
    return [expanded for each in said if (expanded := re.sub(r"(.)E", r"\1\1", each))]


def read_same(text: str, _family: str) -> list[str]:
    """minimodem and direwolf print each burst; whoever reads them counts three of one text once."""
    return list(dict.fromkeys(re.findall(r"ZCZC-\w{3}-\w{3}-[\d-]+\+\d{4}-\d{7}-[^-]{1,8}-", text)))


def read_line(text: str, _family: str) -> list[str]:
    return [text] if text.strip() else []


def find_program(
    words: str,
    *,
    modes: Mapping[str, str],
    labels: Callable[[str, str], list[str]],
    asked: Sequence[str] = (),
    pattern: str = r"(\d+\.\d[\w.]*)",
) -> Program | None:
    """None where it is not installed. asked: what makes it, or its kin, print its version; pattern: where that is"""
    first, *rest = words.split()
    if (path := shutil.which(first)) is None:
        return None
    version = ""
    if asked and shutil.which(asked[0]):
        found = re.search(pattern, _print_all(asked))
        version = found[1] if found else ""
    return Program(
        words=(path, *rest),
        rate_hz=RATE_HZ,
        timeout_s=120.0,
        any_code=True,
        name_and_version=version,
        modes=modes,
        labels=labels,
    )


def _print_all(words: Sequence[str]) -> str:
    """Versions are printed on either of the two, with whatever exit code."""
    ran = run(("sh", "-c", 'exec "$0" "$@" 2>&1', *words), timeout_s=10.0, any_code=True)
    return ran.text


def find_multimon() -> Program | None:
    return find_program(
        "multimon-ng -q -t raw -a {mode} {raw}",
        modes=MULTIMON,
        labels=read_multimon,
        asked=("multimon-ng", "-h"),
    )


def find_minimodem() -> Program | None:
    words = "minimodem --rx -q same -f {file}"
    return find_program(words, modes={"same": "same"}, labels=read_same, asked=("minimodem", "--version"))


def find_direwolf() -> Program | None:
    return find_program(
        "atest -B {mode} {file}", modes={"same": "EAS"}, labels=read_same, asked=("direwolf", "-V")
    )


def find_morse2ascii() -> Program | None:
    words = "morse2ascii {file}"  # -q would print what Q codes mean in their place
    return find_program(words, modes={"morse": ""}, labels=read_line, asked=("morse2ascii",))
