"""The messages of a stream of NATS JetStream, from where they begin; on through any death of the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from streamer.outputs.reading import BrokerReader, Message, follow
from streamer.outputs.target import Target
from streamer.outputs.to_nats import NatsConnection, NatsSpec, read_spec

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

AT_ONCE = 256
WAIT_S = 1.0


def check(target: Target) -> None:
    read_spec(target)


def read_messages(target: Target, *, since: datetime | None, follows: bool) -> Iterator[Message]:
    """SourceError when it is not there; who follows waits for it, and is told."""
    return follow(_Reader(read_spec(target), since=since), target.name, follows=follows)


class _Reader(BrokerReader):
    """Knows the last message it has read, and goes on behind it."""

    def __init__(self, spec: NatsSpec, *, since: datetime | None) -> None:
        self._spec, self._since = spec, since
        self._connection = NatsConnection(spec)
        self._subscription: JetStreamContext.PullSubscription | None = None
        self._count = 0  # messages of this subscription
        self._last = 0  # sequence number in the stream
        self._is_empty = False  # when it fetched last
        self._ahead, self._has_begun = 0, False  # so many of those that were there at first are still to come

    def fetch(self) -> list[bytes]:
        """What comes next; empty when there is no more by now."""
        if self._subscription is None:
            stream = self._connection.open()
            self._subscription, self._count = self._connection.run(self._subscribe(stream)), 0
            if not self._has_begun:
                self._has_begun = True
                self._ahead = self._connection.run(self._subscription.consumer_info()).num_pending or 0
        messages = self._connection.run(self._fetch())
        self._is_empty = not messages
        bodies = []
        for message in messages:
            number = message.metadata.sequence
            self._count += 1
            if number.consumer != self._count:  # one is missing that was sent to us
                break
            self._last = number.stream
            bodies.append(message.data)
        self._ahead -= len(bodies)
        if not messages:
            self._connection.check()
        elif not bodies:
            raise ConnectionResetError("messages were lost on the way")
        return bodies

    def has_all(self) -> bool:
        """By the server's word at the beginning: one that is slow has more, and one that is busy never ends."""
        if (
            self._ahead > 0 and self._is_empty and self._subscription is not None
        ):  # some may have been removed
            self._ahead = self._connection.run(self._subscription.consumer_info()).num_pending or 0
        return self._ahead <= 0

    async def _subscribe(self, stream: JetStreamContext) -> JetStreamContext.PullSubscription:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        config = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.ALL)
        if self._last:
            config.deliver_policy, config.opt_start_seq = DeliverPolicy.BY_START_SEQUENCE, self._last + 1
        elif self._since is not None:
            config.deliver_policy = DeliverPolicy.BY_START_TIME
            config.opt_start_time = self._since.isoformat()  # type: ignore[assignment]
        return await stream.pull_subscribe(f"{self._spec.prefix}.>", config=config)

    async def _fetch(self) -> list[Msg]:
        assert self._subscription is not None
        try:
            return await self._subscription.fetch(AT_ONCE, timeout=WAIT_S)
        except TimeoutError:
            return []

    def close(self) -> None:
        self._subscription = None
        self._connection.close()

    def end(self) -> None:
        self._subscription = None
        self._connection.end()
