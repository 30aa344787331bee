"""What the doctor says of one thing it has looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamer.base.text import printable


class Verdict(Enum):
    OK = "ok"
    NOTE = "note"  # something will be missing, and the main job runs all the same
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What one check says.  remedy: what to do about it, if it is not ok"""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""

    def format(self) -> str:
        lines = [f"{self.verdict.value:<8} {self.subject}: {self.text}"]
        if self.remedy:
            lines.append(f"{'':<9}-> {self.remedy}")
        return "\n".join(map(printable, lines))


def ok(subject: str, text: str) -> Diagnosis:
    return Diagnosis(subject=subject, verdict=Verdict.OK, text=text)


def note(subject: str, text: str, remedy: str) -> Diagnosis:
    return Diagnosis(subject=subject, verdict=Verdict.NOTE, text=text, remedy=remedy)


def problem(subject: str, text: str, remedy: str) -> Diagnosis:
    return Diagnosis(subject=subject, verdict=Verdict.PROBLEM, text=text, remedy=remedy)


def describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
