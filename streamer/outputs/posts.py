"""POSTs to a web address that may be away, slow or refuse, and where that is.

No answer, 408, 425, 429 and 5xx: it is to be tried again. Any other answer but 2xx is a refusal.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from streamer.base.errors import SpecError
from streamer.base.text import printable, shorten
from streamer.base.units import format_duration
from streamer.base.version import __version__
from streamer.outputs.counterpart import RefusedError
from streamer.outputs.target import Target, hide_password, is_this_machine, read_time_s

KEYS = ("timeout", "token_file", "header")
AGAIN = {408, 425, 429, 500, 502, 503, 504}
MAX_ANSWER_BYTES = 1 << 16
LONGEST_WAIT_S = 60.0  # that a server may ask for
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
NAMED = {"db", "rp", "org", "bucket", "precision"}  # of a query: what people are to read in an answer
LEAST_SECRET = 6  # characters: shorter words are in any sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """url: with its query   headers: further ones, with who we are"""

    url: str
    timeout_s: float = 10.0
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def read_address(target: Target, url: str, *, example: str, token: str = "Bearer") -> Address:
    """With the options of KEYS. token: how the server wants one to be called"""
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")  # as it is asked for
    except ValueError:
        is_fine = False
    if not is_fine or not url.isascii() or not url.isprintable() or " " in url:
        raise SpecError(f"{target.label} is no web address; write {example}")
    none: dict[str, str] = {}
    headers = {
        **_read_user(parts),
        **target.read("header", _read_header, none),
        **target.read("token_file", lambda path: _read_token(path, token), none),
    }
    return Address(
        url=url,
        timeout_s=target.read("timeout", lambda text: read_time_s(text, name="timeout", most_s=300), 10.0),
        headers=headers,
    )


def _read_user(parts: SplitResult) -> dict[str, str]:
    """USER:PASSWORD@ before the host, as any program takes them that knows web addresses."""
    if parts.username is None:
        return {}
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(words.encode()).decode()}"}


def _read_header(text: str) -> dict[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not HEADER_NAME.fullmatch(name.strip()) or not text.isprintable() or not text.isascii():
        shown = f"{shorten(name)}: ..." if colon else "without a colon"
        raise SpecError(f"header is {shown}; write Name: value")
    return {name.strip(): value.strip()}


def _read_token(path: str, word: str) -> dict[str, str]:
    try:
        token = Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        raise SpecError(f"token_file {shorten(path)} cannot be read: {error}") from error
    if not token or not token.isprintable() or not token.isascii():
        raise SpecError(f"token_file {shorten(path)} holds {'more than a' if token else 'no'} line of ASCII")
    return {"Authorization": f"{word} {token}"}


def reaches_out_to(url: str) -> bool:
    try:
        return not is_this_machine(urlsplit(url).hostname or "")
    except ValueError:
        return True


class Poster:
    """One connection, kept between posts as long as the server does."""

    def __init__(self, address: Address) -> None:
        self._address = address
        parts = urlsplit(address.url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secrets = sorted(set(_find_secrets(parts, address.headers)), key=len, reverse=True)
        self._connection: http.client.HTTPConnection | None = None
        self._may_at_s = 0.0  # monotonic: when the server has allowed us to come again

    def post(self, body: bytes, headers: Mapping[str, str], *, ending: Flag) -> None:
        """OSError when it is to be tried again, RefusedError when not. ending: nobody waits longer than for that"""
        wait_s = self._may_at_s - time.monotonic()
        if wait_s > 0:
            ending.wait(wait_s)
        is_fresh = self._connection is None
        try:
            self._post(body, headers)
        except ConnectionError:
            if is_fresh:
                raise
            self.drop()  # a server may end a connection that has rested; a new one tells
            self._post(body, headers)

    def _open(self) -> http.client.HTTPConnection:
        parts, timeout_s = urlsplit(self._address.url), self._address.timeout_s
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=timeout_s, context=context
        )

    def _post(self, body: bytes, headers: Mapping[str, str]) -> None:
        about = {"User-Agent": f"streamer/{__version__}", **headers, **self._address.headers}
        self._connection = self._connection or self._open()
        answer: http.client.HTTPResponse | None = None
        try:
            with _hanging_up(self._connection, self._address.timeout_s):
                self._connection.request("POST", self._path, body, about)
                answer = self._connection.getresponse()
                said = answer.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            if answer is not None and answer.status // 100 == 2:
                self.drop()  # it was taken, whatever more there is to say
                return
            if isinstance(error, http.client.HTTPException):
                raise ConnectionError(f"no HTTP: {error!r}") from error
            raise
        if answer.will_close or not answer.isclosed():
            self.drop()
        if answer.status // 100 == 2:
            return
        reason = self._tell_reason(answer, said)
        if answer.status in AGAIN:
            self._note_wait(answer.getheader("Retry-After"))
            raise OSError(reason)
        raise RefusedError(reason)

    def _tell_reason(self, answer: http.client.HTTPResponse, said: bytes) -> str:
        """The status, and the first line of what comes with it."""
        where = answer.getheader("Location") if 300 <= answer.status < 400 else None
        line = where or said.decode(errors="replace").strip().partition("\n")[0]
        status = f"HTTP {answer.status} {answer.reason}".strip()
        told = printable(f"{status}: {line}" if line else status)
        told = told.replace(self._path, "/…") if len(self._path) > 1 else told
        for word in self._secrets:
            told = told.replace(word, "…")
        return hide_password(told)

    def _note_wait(self, text: str | None) -> None:
        """Seconds; a date is left to our own pauses."""
        if text is not None and text.strip().isdecimal():
            self._may_at_s = time.monotonic() + min(float(text), LONGEST_WAIT_S)

    def drop(self) -> None:
        """The connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


@contextmanager
def _hanging_up(connection: http.client.HTTPConnection, timeout_s: float) -> Iterator[None]:
    """TimeoutError after so long in all: to the socket each byte that drips in is a reason to wait as long again."""
    if connection.sock is None:
        connection.connect()
    link, is_late = connection.sock, Flag()

    def hang_up() -> None:
        is_late.set()
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
        if not is_late.is_set():
            return
    except TimeoutError:  # the socket's own
        pass
    except (OSError, http.client.HTTPException):
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
    raise TimeoutError(f"no answer within {format_duration(timeout_s)}")


def _find_secrets(parts: SplitResult, headers: Mapping[str, str]) -> Iterator[str]:
    """Words that may let anybody post, each as it is written and as it is meant."""
    query = [value for name, value in parse_qsl(parts.query) if name not in NAMED]
    said = [word for value in headers.values() for word in (value, *value.split())]
    for word in (*parts.path.split("/"), *query, *said, parts.password or ""):
        yield from (each for each in (word, unquote(word)) if len(each) >= LEAST_SECRET)
