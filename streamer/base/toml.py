"""A TOML file as people edit it: its values, and the line each of them stands on."""

from __future__ import annotations

import errno
import os
import re
import select
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.text import printable

MAX_CHARACTERS = 2**20  # a megabyte of settings is some other file

PIPE_S = 1.0  # what writes into a pipe may take so long for more

KeyPath = tuple[str | int, ...]  # ("tone", 0, "freqs", 1)

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # the values that may hold brackets, commas and newlines come first
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|\[\[|\]\]|[\[\]{}=,.\n]"
    r"|[^\s\[\]{}=,.\"'#]+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, eq=False)
class TomlFile:
    """What is in it; the same text under the same name is one of these, read once. Nobody changes it."""

    name: str
    values: dict[str, Any]
    lines: dict[KeyPath, int] = field(repr=False)

    def line_of(self, path: KeyPath) -> int:
        """Line of a value, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_toml(path: Path) -> TomlFile:
    """Raises SpecError with file and line for what is no TOML."""
    try:
        text = _read_text(path)
    except UnicodeError as error:
        raise SpecError(f"{shown(path)}: no UTF-8 text, so no TOML file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise SpecError(f"{shown(path)} cannot be read: {reason}") from error
    return parse_toml(text, name=shown(path))


def _read_text(path: Path) -> str:
    """Of a pipe, which a shell's <(...) is, what comes of it in time: whoever reads this does not wait for ever."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return file.read(4 * MAX_CHARACTERS + 4).decode()
        parts: list[bytes] = []
        while select.select([fd], [], [], PIPE_S)[0]:
            part = os.read(fd, 65536)
            if not part:
                return b"".join(parts).decode()
            parts.append(part)
    raise TimeoutError(errno.ETIMEDOUT, f"a pipe from which nothing comes for {PIPE_S:g} s")


def parse_toml(text: str, *, name: str) -> TomlFile:
    return _parse(text, name)


@lru_cache(maxsize=256)
def _parse(text: str, name: str) -> TomlFile:
    if len(text) > MAX_CHARACTERS:
        raise SpecError(f"{name}: longer than {MAX_CHARACTERS} characters; is it a TOML file?")
    text = text.removeprefix("\ufeff")
    try:
        values = tomllib.loads(text)
        lines = _Locator(text.replace("\r\n", "\n")).lines
    except (tomllib.TOMLDecodeError, ValueError) as error:  # ValueError: a number of very many digits
        message, line = str(error), re.search(r" \(at line (\d+), column \d+\)", str(error))
        where = f"{name}:{line[1]}" if line else name
        message = message.replace(line[0], "") if line else message
        raise SpecError(f"{where}: {' '.join(message.split())[:200]}") from error
    except RecursionError as error:
        raise SpecError(f"{name}: nested too deeply") from error
    return TomlFile(name=name, values=values, lines=lines)


def is_there(path: Path) -> bool:
    """Whether it is a file, or might be one that we may not look at: reading it then says so."""
    try:
        return path.is_file()
    except PermissionError:
        return True
    except (OSError, ValueError):  # a name no file system can hold
        return False


def shown(path: Path) -> str:
    """A path fit for one line of a terminal, from here when it lies below."""
    try:
        path = path.resolve().relative_to(Path.cwd())
    except (OSError, ValueError, RuntimeError):
        pass
    return printable(path)


class _Locator:
    """Lines of every key and array element, in text that tomllib has found to be in order."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}  # of arrays of tables
        self._tokens = list(_number(text))
        self._at = 0
        table: KeyPath = ()
        while self._at < len(self._tokens):
            token, line = self._tokens[self._at]
            if token == "\n":
                self._at += 1
            elif token in ("[", "[["):
                self._at += 1
                table = self._open_table(self._take_key(), line, is_array=token == "[[")
                self._at += 1  # the closing bracket
            else:
                self._take_pair(table)

    def _open_table(self, key: list[str], line: int, *, is_array: bool) -> KeyPath:
        path: KeyPath = ()
        for i, part in enumerate(key):
            path = (*path, part)
            if is_array and i == len(key) - 1:
                self.lines.setdefault(path, line)
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:  # [tone.x] belongs to the newest [[tone]]
                path = (*path, self._counts[path] - 1)
        self.lines[path] = line
        return path

    def _take_key(self) -> list[str]:
        """The parts of a dotted key, up to = or a closing bracket."""
        parts = []
        while self._at < len(self._tokens) and self._tokens[self._at][0] not in ("=", "]", "]]"):
            token = self._tokens[self._at][0]
            if token != ".":
                parts.append(next(iter(tomllib.loads(f"{token}=0"))) if token[0] in "\"'" else token)
            self._at += 1
        return parts

    def _take_pair(self, table: KeyPath) -> None:
        line = self._tokens[self._at][1]
        path = table
        for part in self._take_key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self._at += 1  # the =
        self._take_value(path)

    def _take_value(self, path: KeyPath) -> None:
        if self._at >= len(self._tokens):
            return
        token, line = self._tokens[self._at]
        self.lines.setdefault(path, line)
        if token in ("[", "[["):
            self._split_bracket("[[", "[")
            self._take_array(path)
        elif token == "{":
            self._at += 1
            while self._at < len(self._tokens) and self._tokens[self._at][0] != "}":
                if self._tokens[self._at][0] in (",", "\n"):
                    self._at += 1
                else:
                    self._take_pair(path)
            self._at += 1
        else:  # a scalar may be several tokens: 1.5, or a date
            while self._at < len(self._tokens) and self._tokens[self._at][0] not in (
                ",",
                "]",
                "]]",
                "}",
                "\n",
            ):
                self._at += 1

    def _take_array(self, path: KeyPath) -> None:
        index = 0
        while self._at < len(self._tokens):
            self._split_bracket("]]", "]")
            token = self._tokens[self._at][0] if self._at < len(self._tokens) else "]"
            if token in (",", "\n"):
                self._at += 1
            elif token == "]":
                self._at += 1
                return
            else:
                self._take_value((*path, index))
                index += 1

    def _split_bracket(self, double: str, single: str) -> None:
        """Step over an opening bracket; a double one in a value is two, not a header."""
        token, line = self._tokens[self._at]
        if token == double:
            self._tokens[self._at : self._at + 1] = [(single, line), (single, line)]
        if single == "[":
            self._at += 1


def _number(text: str) -> Iterator[tuple[str, int]]:
    """Tokens with the lines they start on, comments left out."""
    line, counted_to = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", counted_to, found.start())
        counted_to = found.start()
        if not found[0].startswith("#"):
            yield found[0], line
