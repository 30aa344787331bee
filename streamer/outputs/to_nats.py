"""To a stream of NATS JetStream, which keeps what it was sent, on disk, and takes nothing twice.

Each record is published under PREFIX.HOST.TYPE with its key as Nats-Msg-Id, and counts as sent once the server has said
that it is stored. What it has not said so of is sent again under the same id, which the server drops if it has it.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.outputs import Keeping
from streamer.outputs.counterpart import Counterpart, check_extra
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio, describe
from streamer.outputs.target import Target, Url, Wanted, is_this_machine

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

T = TypeVar("T")

PORT = 4222
PREFIX = "streamer"
KEYS = (*Wanted.KEYS, "host")
ANSWER_S = 5.0
LEAVE_S = 0.5
REMEMBERED_S = 3600.0  # for how long a server drops what it has already, of a stream that we make
MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsSpec:
    """Where to, and under which subjects."""

    url: Url
    wanted: Wanted
    scheme: str = "nats"
    host: str = ""

    @property
    def prefix(self) -> str:
        return self.url.path or PREFIX

    @property
    def stream(self) -> str:
        """Its name, where we have to make it."""
        return self.prefix.upper().replace(".", "_")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", self.prefix, re.ASCII):
            raise SpecError(
                f"subject is {shorten(self.prefix)}; write letters, digits, - and _, dots between"
            )


def read_spec(target: Target) -> NatsSpec:
    check_extra(target, module="nats", extra="nats")
    spec = NatsSpec(
        url=target.split_url(port=PORT),
        wanted=Wanted.read(target),
        host=target.read("host", str, ""),
        scheme=target.scheme,
    )
    target.refuse_rest(KEYS)
    return spec


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    return not is_this_machine(target.split_url(port=PORT).host)


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> NatsOutput:
    return NatsOutput(read_spec(target), name=target.name)


class NatsConnection:
    """One connection, and the loop that nats-py wants; all of it is used by one thread. Failures are OSError."""

    def __init__(self, spec: NatsSpec) -> None:
        self._spec = spec
        self._loop = asyncio.new_event_loop()
        self.client: Client | None = None
        self._trouble = ""
        self._gone: asyncio.Event

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        from nats.errors import Error

        try:
            return self._loop.run_until_complete(_bound(what, 3 * ANSWER_S))
        except (TimeoutError, Error) as error:
            raise OSError(self._trouble or str(error) or type(error).__name__) from error

    def open(self) -> JetStreamContext:
        return self.run(self._open())

    async def _open(self) -> JetStreamContext:
        import nats

        url = self._spec.url
        self._trouble = ""
        self._gone = asyncio.Event()
        self.client = await nats.connect(
            f"{self._spec.scheme}://{url.host}:{url.port}",
            user=url.user or None,
            password=url.password or None,
            name="streamer",
            allow_reconnect=False,  # when to come again is our business
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=ANSWER_S,
            error_cb=self._note_trouble,
            disconnected_cb=self._note_end,
        )
        stream = self.client.jetstream(timeout=ANSWER_S)
        await self._find_stream(stream)
        return stream

    async def _note_trouble(self, error: Exception) -> None:
        self._trouble = describe(error)

    async def _note_end(self) -> None:
        self._gone.set()

    async def while_there(self, what: Coroutine[Any, Any, T]) -> T:
        """What it gives; OSError as soon as the connection ends, for whose answers nobody need wait then."""
        asked, gone = asyncio.ensure_future(what), asyncio.ensure_future(self._gone.wait())
        await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if asked.done():
            return asked.result()
        asked.cancel()
        raise ConnectionResetError(self._trouble or "the connection has ended")

    async def _find_stream(self, stream: JetStreamContext) -> None:
        """Whatever stream takes our subjects; one of our own where there is none."""
        from nats.js.api import RetentionPolicy, StorageType
        from nats.js.errors import NotFoundError

        prefix = self._spec.prefix
        try:
            await stream.find_stream_name_by_subject(f"{prefix}.>")
        except NotFoundError:
            await stream.add_stream(
                name=self._spec.stream,
                subjects=[f"{prefix}.>"],
                storage=StorageType.FILE,
                retention=RetentionPolicy.LIMITS,
                duplicate_window=REMEMBERED_S,
            )

    def check(self) -> None:
        """Let the library answer the server's questions; OSError when it has gone."""
        self.run(asyncio.sleep(0.01))
        if self.client is None or not self.client.is_connected:
            raise ConnectionResetError(self._trouble or "the connection has ended")

    def close(self) -> None:
        client, self.client = self.client, None
        if client is not None and not client.is_closed:
            try:
                self.run(asyncio.wait_for(client.close(), LEAVE_S))
            except OSError:
                pass  # it is gone already

    def end(self) -> None:
        self.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def _bound(what: Coroutine[Any, Any, T], limit_s: float) -> T:
    """What it gives; TimeoutError after so long, whether or not the library lets itself be interrupted."""
    asked = asyncio.ensure_future(what)
    await asyncio.wait({asked}, timeout=limit_s)
    if asked.done():
        return asked.result()
    asked.cancel()
    raise TimeoutError


class NatsOutput(Counterpart):
    """As many letters are on their way at once as wait; the first that was not stored and what follows stay."""

    def __init__(self, spec: NatsSpec, *, name: str) -> None:
        self._spec = spec
        self._connection = NatsConnection(spec)
        self._stream: JetStreamContext | None = None
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    def connect(self) -> None:
        try:
            self._stream = self._connection.open()
        except OSError:
            self._connection.close()
            raise

    def deliver(self, letters: deque[Letter]) -> None:
        answers = self._connection.run(self._connection.while_there(self._publish([*letters][:MOST_AT_ONCE])))
        for answer in answers:
            if answer is not None:
                raise OSError(str(answer) or type(answer).__name__) from answer
            letters.popleft()

    async def _publish(self, letters: list[Letter]) -> list[BaseException | None]:
        assert self._stream is not None
        host = re.sub(r"[^\w-]", "_", self._letters.host, flags=re.ASCII)
        sent = [
            self._stream.publish(
                f"{self._spec.prefix}.{host}.{letter.type}",
                letter.body,
                headers={"Nats-Msg-Id": letter.key},
                timeout=ANSWER_S,
            )
            for letter in letters
        ]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        return [answer if isinstance(answer, BaseException) else None for answer in answers]

    def stay(self) -> None:
        self._connection.check()

    def let_go(self) -> None:
        self._connection.close()

    def end(self) -> None:
        self._connection.end()
