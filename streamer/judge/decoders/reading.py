"""What programs print of what they hear, read line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamer.judge.decoders.ours import TEXTS
from streamer.judge.heard import Heard

# SECONDS LABEL; seconds are known by their point, so that a text that begins with a number is a label
TIMED = re.compile(r"\s*(\d+\.\d+)\s+(\S.*?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How lines are read.

    match: what is a label in a line that is neither JSON nor a label: its first group, or the one named label; one
           named t is seconds
    joins: whether all labels of a signal are one, as of a decoder that prints a digit a line
    """

    match: re.Pattern[str] | None = None
    joins: bool = False

    def read(self, lines: Iterable[str], family: str, fs_hz: float) -> list[Heard]:
        """What is said in these lines; one that says nothing is passed over."""
        heard: list[Heard] = []
        begun: dict[Any, int] = {}  # where the begin of a thing stands, which its end completes
        for line in lines:
            if self.match is not None:
                heard += map(_read_match, self.match.finditer(line))
            elif line.lstrip().startswith("{"):
                event = _parse(line)
                each = _read_event(event, family, fs_hz)
                if each is None:
                    continue
                at = begun.setdefault(event["id"], len(heard)) if event.get("phase") else len(heard)
                heard[at:] = [
                    *([_complete(heard[at], each)] if at < len(heard) else [each]),
                    *heard[at + 1 :],
                ]
            elif timed := TIMED.fullmatch(line):
                heard.append(Heard(label=timed[2], start_s=float(timed[1])))
            elif line.strip():
                heard.append(Heard(label=line.strip()))
        return [_join(heard)] if self.joins and heard else heard

    def read_by_file(self, text: str, files: Sequence[str], family: str, fs_hz: float) -> list[list[Heard]]:
        """The same of each file: lines that name it as `file`, or begin with its name, or follow a line that is it."""
        lines: dict[str, list[str]] = {file: [] for file in files}
        now = ""
        for line in text.splitlines():
            name, colon, rest = line.partition(":")
            event = _parse(line) if line.lstrip().startswith("{") else {}
            if "file" in event:
                lines.get(event["file"], []).append(line)
            elif name.strip() in lines:
                now = name.strip()
                if colon and rest.strip():
                    lines[now].append(rest)
            elif now:
                lines[now].append(line)
        return [self.read(lines[file], family, fs_hz) for file in files]


def _parse(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _read_match(match: re.Match[str]) -> Heard:
    groups = match.groupdict()
    label = groups.get("label") or (match[1] if match.re.groups else match[0]) or ""
    return Heard(label=label.strip(), start_s=_to_s(groups.get("t")))


def _read_event(event: Mapping[str, Any], family: str, fs_hz: float) -> Heard | None:
    """An event, or any other object that has a label; None for what has none, such as a start or statistics."""
    label = event.get("text") if family in TEXTS and event.get("text") else event.get("label")
    if not isinstance(label, str):
        return None
    start_s, duration_s = _to_s(event.get("t_s")), _to_s(event.get("duration_s"))
    known_s, known_sample = _to_s(event.get("known_s")), _to_s(event.get("known_sample"))
    if known_s is None and known_sample is not None:
        known_s = known_sample / fs_hz
    return Heard(
        label=label,
        type=str(event.get("type", "match")),
        start_s=start_s,
        stop_s=None if start_s is None or duration_s is None else start_s + duration_s,
        known_s=known_s,
        end_known_s=None if event.get("phase") == "begin" else known_s,
    )


def _to_s(given: object) -> float | None:
    try:
        return float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _complete(begin: Heard, end: Heard) -> Heard:
    known_s = end.known_s if begin.known_s is None else begin.known_s
    return Heard(
        label=end.label,
        type=end.type,
        start_s=end.start_s,
        stop_s=end.stop_s,
        known_s=known_s,
        end_known_s=end.end_known_s,
    )


def _join(heard: Sequence[Heard]) -> Heard:
    return Heard(
        label="".join(each.label for each in heard),
        type=heard[0].type,
        start_s=heard[0].start_s,
        stop_s=heard[-1].stop_s,
        known_s=heard[-1].known_s,
        end_known_s=heard[-1].end_known_s,
    )
