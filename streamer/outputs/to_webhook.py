"""A POST for each event to a web address, which is told once it has answered with 2xx.

No answer, 408, 425, 429 and 5xx: it is tried again, under the same Idempotency-Key. Any other answer is a refusal.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from streamer.base.errors import SpecError
from streamer.base.text import printable, shorten
from streamer.base.version import __version__
from streamer.outputs import Keeping
from streamer.outputs.counterpart import Counterpart, RefusedError
from streamer.outputs.formats import format_log
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio
from streamer.outputs.target import Target, Wanted, hide_password, is_this_machine, read_choice, read_time_s

KEYS = (*Wanted.KEYS, "host", "as", "timeout", "token_file", "header")
AGAIN = {408, 425, 429, 500, 502, 503, 504}
MAX_ANSWER_BYTES = 1 << 16
LONGEST_WAIT_S = 60.0  # that a server may ask for


def _write_text(letter: Letter) -> str:
    return format_log(letter.record) or letter.type


FORMS: dict[str, tuple[str, Callable[[Letter], bytes]]] = {
    "json": ("application/json", lambda letter: letter.body),
    "text": ("text/plain; charset=utf-8", lambda letter: _write_text(letter).encode()),
    "slack": ("application/json", lambda letter: msgspec.json.encode({"text": _write_text(letter)})),
    "discord": ("application/json", lambda letter: msgspec.json.encode({"content": _write_text(letter)})),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSpec:
    """url: with its query   form: what is sent   headers: further ones"""

    url: str
    wanted: Wanted
    host: str = ""
    form: str = "json"
    timeout_s: float = 10.0
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def read_spec(target: Target) -> WebhookSpec:
    url = find_url(target)
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or not url.isascii() or not url.isprintable() or " " in url:
        raise SpecError(f"{target.label} is no web address; write webhook:https://HOST/PATH")
    none: dict[str, str] = {}
    headers = {**target.read("header", _read_header, none), **target.read("token_file", _read_token, none)}
    spec = WebhookSpec(
        url=url,
        wanted=Wanted.read(target, only_events=True, phase="once"),
        host=target.read("host", str, ""),
        form=target.read("as", lambda text: read_choice(text, tuple(FORMS), name="as"), "json"),
        timeout_s=target.read("timeout", lambda text: read_time_s(text, name="timeout", most_s=300), 10.0),
        headers=headers,
    )
    target.refuse_rest(KEYS)
    return spec


def _read_header(text: str) -> dict[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or not text.isprintable() or not text.isascii():
        shown = f"{shorten(name)}: ..." if colon else "without a colon"
        raise SpecError(f"header is {shown}; write Name: value")
    return {name.strip(): value.strip()}


def _read_token(path: str) -> dict[str, str]:
    try:
        token = Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        raise SpecError(f"token_file {shorten(path)} cannot be read: {error}") from error
    if not token.isprintable() or not token.isascii():
        raise SpecError(f"token_file {shorten(path)} holds more than a line of ASCII")
    return {"Authorization": f"Bearer {token}"}


def find_url(target: Target) -> str:
    return target.address if target.scheme == "webhook" else f"{target.scheme}:{target.address}"


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    try:
        return not is_this_machine(urlsplit(find_url(target)).hostname or "")
    except ValueError:
        return True


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> WebhookOutput:
    return WebhookOutput(read_spec(target), name=target.name)


class WebhookOutput(Counterpart):
    """One connection, kept between records as long as the server does."""

    look_every_s = None  # who is not there is noticed by the next record

    def __init__(self, spec: WebhookSpec, *, name: str) -> None:
        self._spec = spec
        parts = urlsplit(spec.url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection: http.client.HTTPConnection | None = None
        self._may_at_s = 0.0  # monotonic: when the server has allowed us to come again
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    def connect(self) -> None:
        pass

    def _open(self) -> http.client.HTTPConnection:
        parts, timeout_s = urlsplit(self._spec.url), self._spec.timeout_s
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=timeout_s, context=context
        )

    def deliver(self, letters: deque[Letter]) -> None:
        """One at a time: each may take long, and the books say how far it is."""
        wait_s = self._may_at_s - time.monotonic()
        if wait_s > 0:
            self._ending.wait(wait_s)
        is_fresh = self._connection is None
        try:
            self._post(letters[0])
        except ConnectionError:
            if is_fresh:
                raise
            self._drop()  # a server may end a connection that has rested; a new one tells
            self._post(letters[0])
        letters.popleft()

    def _post(self, letter: Letter) -> None:
        """OSError when it is to be tried again, RefusedError when not."""
        kind, write = FORMS[self._spec.form]
        headers = {
            "Content-Type": kind,
            "User-Agent": f"streamer/{__version__}",
            "Idempotency-Key": letter.key,
            **self._spec.headers,
        }
        self._connection = self._connection or self._open()
        try:
            self._connection.request("POST", self._path, write(letter), headers)
            answer = self._connection.getresponse()
            said = answer.read(MAX_ANSWER_BYTES)
        except http.client.HTTPException as error:
            raise ConnectionError(f"no HTTP: {error!r}") from error
        if answer.will_close or not answer.isclosed():
            self._drop()
        if 200 <= answer.status < 300:
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
        return hide_password(told.replace(self._path, "/…") if len(self._path) > 1 else told)

    def _note_wait(self, text: str | None) -> None:
        """Seconds; a date is left to our own pauses."""
        if text is not None and text.strip().isdecimal():
            self._may_at_s = time.monotonic() + min(float(text), LONGEST_WAIT_S)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def let_go(self) -> None:
        self._drop()
