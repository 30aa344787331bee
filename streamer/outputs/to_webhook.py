"""A POST for each event to a web address, which is told once it has answered with 2xx.

What is tried again comes under the same Idempotency-Key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from streamer.outputs import Keeping, posts
from streamer.outputs.counterpart import Counterpart
from streamer.outputs.formats import format_log
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio
from streamer.outputs.posts import Address, Poster, reaches_out_to, read_address
from streamer.outputs.target import Target, Wanted, read_choice

KEYS = (*Wanted.KEYS, "host", "as", *posts.KEYS)


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
    """form: what is sent"""

    address: Address
    wanted: Wanted
    host: str = ""
    form: str = "json"


def read_spec(target: Target) -> WebhookSpec:
    spec = WebhookSpec(
        address=read_address(target, find_url(target), example="webhook:https://HOST/PATH"),
        wanted=Wanted.read(target, only_events=True, phase="once"),
        host=target.read("host", str, ""),
        form=target.read("as", lambda text: read_choice(text, tuple(FORMS), name="as"), "json"),
    )
    target.refuse_rest(KEYS)
    return spec


def find_url(target: Target) -> str:
    return target.address if target.scheme == "webhook" else f"{target.scheme}:{target.address}"


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    return reaches_out_to(find_url(target))


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> WebhookOutput:
    return WebhookOutput(read_spec(target), name=target.name)


class WebhookOutput(Counterpart):
    """A POST for each letter."""

    look_every_s = None  # who is not there is noticed by the next record

    def __init__(self, spec: WebhookSpec, *, name: str) -> None:
        self._spec, self._poster = spec, Poster(spec.address)
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    def connect(self) -> None:
        pass

    def deliver(self, letters: deque[Letter]) -> None:
        """One at a time: each may take long, and the books say how far it is."""
        kind, write = FORMS[self._spec.form]
        headers = {"Content-Type": kind, "Idempotency-Key": letters[0].key}
        self._poster.post(write(letters[0]), headers, ending=self._ending)
        letters.popleft()

    def let_go(self) -> None:
        self._poster.drop()
