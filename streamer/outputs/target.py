"""What -o and [[output]] say: a scheme, an address, and options behind `#`.

    mqtt://broker/streamer?homeassistant=yes        exec:notify-send {label} #phase=begin&labels=t3

Options stand behind `#`; behind `?` too, where that means nothing else to whom they are for.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from streamer.base.errors import SpecError
from streamer.base.text import choose, offer, printable, shorten
from streamer.base.units import parse_time_s
from streamer.detectors.registry import tells_begin
from streamer.events import Event, Record, Start, Stats

T = TypeVar("T")

OWN_QUERY = ("exec", "webhook", "http", "https", "influx")  # in which `?` is a part of the address
RECORD_TYPES = (
    *("start", "gap", "silence", "source", "clock", "worker", "reload", "mark", "stats", "error", "end"),
)
PHASES = ("once", "begin", "end", "both")
AS_TOLD = "as told"  # of logs, unless somebody names another


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output, as it was written. name: for people, without options and passwords"""

    scheme: str
    address: str
    name: str
    _options: dict[str, str] = field(default_factory=dict, repr=False)
    _known: set[str] = field(default_factory=set, repr=False)  # options that somebody has read

    def read(self, key: str, reader: Callable[[str], T], default: T) -> T:
        """What an option says."""
        self._known.add(key)
        text = self._options.get(key)
        return default if text is None else reader(text)

    def refuse_rest(self, known: Mapping[str, Any] | tuple[str, ...]) -> None:
        """SpecError about an option that nobody has read."""
        for key in self._options.keys() - self._known:
            raise SpecError(f"{self.label}: {shorten(key)} is no option of it{offer(key, sorted(known))}")

    @property
    def label(self) -> str:
        return f"--output {shorten(self.name)}"

    def split_url(self, *, port: int) -> Url:
        """SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH]"""
        try:
            parts = urlsplit(f"{self.scheme}:{self.address}")
            found = Url(
                host=parts.hostname or "",
                port=parts.port or port,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                path=unquote(parts.path.strip("/")),
                parts=parts,
            )
        except ValueError as error:
            raise SpecError(f"{self.label}: {printable(error)}") from error
        if parts.port == 0:
            raise SpecError(
                f"{self.label}: port is 0; it must lie in 1..65535, and is {port} where none is given"
            )
        if not self.address.startswith("//") or not found.host:
            raise SpecError(f"{self.label} names no host; write {self.scheme}://HOST[:PORT][/NAME]")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """Where a counterpart is."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    path: str
    parts: SplitResult = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which records an output takes. None: all of them

    types: those of events and of records; labels: of events; phase: begin, end, both, once, see OnceEach, or as people
    are told, who do not want to know when a digit begins
    """

    types: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    phase: str = "both"
    only_events: bool = False

    KEYS = ("types", "labels", "phase")

    @classmethod
    def read(cls, target: Target, *, only_events: bool = False, phase: str = "both") -> Wanted:
        return cls(
            types=target.read("types", _read_types, None),
            labels=target.read("labels", _read_names, None),
            phase=target.read("phase", lambda text: read_choice(text, PHASES, name="phase"), phase),
            only_events=only_events,
        )

    def takes(self, record: Record) -> bool:
        if isinstance(record, Event):
            return (
                (self.types is None or record.type in self.types)
                and (self.labels is None or record.label in self.labels)
                and self._takes_phase(record)
            )
        if self.types is not None:
            return find_type(record) in self.types
        return not self.only_events and not isinstance(record, Stats)

    def _takes_phase(self, event: Event) -> bool:
        if self.phase == AS_TOLD:
            return event.phase == "end" or tells_begin(event.type)
        return self.phase in ("both", "once", event.phase)


class OnceEach:
    """Picks one record of each event: what may last is told as it begins, what is short when it is over.

    So is what was never told to begin; and a text that is known only at the end, as of emergency alerts, comes then.
    """

    def __init__(self) -> None:
        self._run = ""
        self._told: set[int] = set()  # ids of what lasts

    def begin(self, start: Start) -> None:
        """Of another run ids are others."""
        if start.run != self._run:
            self._run = start.run
            self._told.clear()

    def takes(self, event: Event) -> bool:
        """Asked of each record once, in their order."""
        if event.phase == "begin":
            if is_told := tells_begin(event.type):
                self._told.add(event.id)
            return is_told
        was_told = event.id in self._told
        self._told.discard(event.id)
        return not was_told or event.text is not None


def find_type(record: Record) -> str:
    """What its line says it is."""
    return record.type if isinstance(record, Event) else str(record.__struct_config__.tag)


def parse_target(text: str, scheme: str) -> Target:
    """scheme: which of those there are it begins with; empty for a file, whose name may hold anything."""
    if not scheme:
        return Target(scheme="", address=text, name=text)
    address, options = text.removeprefix(f"{scheme}:"), ""
    signs = "#" if scheme in OWN_QUERY else "[#?]"
    if found := re.search(rf"{signs}((?:[a-z_]+=[^&#]*)(?:&[a-z_]+=[^&#]*)*)$", address):
        address, options = address[: found.start()], found[1]
        if scheme not in OWN_QUERY and (more := re.search(r"\?([a-z_]+=.*)$", address)):
            address, options = address[: more.start()], f"{more[1]}&{options}"
    given: dict[str, str] = {}
    for key, value in parse_qsl(options, keep_blank_values=True):
        if key in given:
            raise SpecError(f"--output {shorten(hide_password(text))} says {key} twice")
        given[key] = value
    address = address.rstrip()
    return Target(scheme=scheme, address=address, name=hide_password(f"{scheme}:{address}"), _options=given)


def write_target(to: str, options: Mapping[str, str]) -> str:
    """The text that says the same as a table of a settings file."""
    joined = "&".join(f"{key}={quote(value, safe='/:,.@ {}')}" for key, value in options.items())
    return f"{to}#{joined}" if joined else to


def hide_password(text: str) -> str:
    """As others may read it: without passwords, headers, and what stands behind the host of a web address.

    There services keep the word that lets anybody post. Four digits, made of it, tell two such addresses apart.
    """
    text = re.sub(r"(//[^/@:\s]*):(?!\d+(?:[/?#]|$))\S*@", r"\1@", text)
    text = re.sub(r"([#&]header=)[^&]*", r"\1…", text)
    return re.sub(r"(https?://[^/?#\s\"']*)([/?][^#\s\"']+)", lambda m: f"{m[1]}/…{_digest(m[2])}", text)


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=2).hexdigest()


def is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_yes(text: str, *, name: str) -> bool:
    return read_choice(text, ("yes", "no"), name=name) == "yes"


def read_choice(text: str, choices: tuple[str, ...], *, name: str) -> str:
    if text not in choices:
        raise SpecError(f"{name} is {shorten(text)}; write {', '.join(choices[:-1])} or {choices[-1]}")
    return text


def read_count(text: str, *, name: str, most: int) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text, re.ASCII) or int(text) > most:
        raise SpecError(f"{name} is {shorten(text)}; write a number within 1..{most}")
    return int(text)


def read_time_s(text: str, *, name: str, least_s: float = 0.1, most_s: float = 86_400.0) -> float:
    time_s = parse_time_s(text, name=name)
    if not least_s <= time_s <= most_s:
        raise SpecError(f"{name} is {shorten(text)}; write a duration within {least_s:g}s..{most_s:g}s")
    return time_s


def read_budget_bytes(text: str) -> int:
    """What a folder may take, from 500MB, 2GB or 500."""
    number, unit = text.strip(), 1
    for suffix, factor in (("GB", 1000), ("MB", 1)):
        if text.strip().endswith(suffix):
            number, unit = text.strip().removesuffix(suffix).strip(), factor
    return 10**6 * unit * read_count(number, name="budget in MB", most=10**8 // unit)


def _read_types(text: str) -> tuple[str, ...]:
    from streamer.detectors.registry import list_event_types  # imports all there are

    known = (*list_event_types(), *RECORD_TYPES)
    return tuple(choose(name, known, name="types") for name in _read_names(text))


def _read_names(text: str) -> tuple[str, ...]:
    return tuple(name for each in text.split(",") if (name := each.strip()))
