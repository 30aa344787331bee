"""What comes to an MQTT broker from now on; with session=NAME also what has come while that reader was away."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.outputs.counterpart import FIRST_PAUSE_S, shorten_reason
from streamer.outputs.reading import LONGEST_PAUSE_S, Message
from streamer.outputs.target import Target
from streamer.outputs.to_mqtt import ANSWER_S, MqttConnection, MqttSpec, read_spec

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessage


def check(target: Target) -> None:
    read_spec(target)


def read_messages(target: Target, *, since: datetime | None, follows: bool) -> Iterator[Message]:
    """SpecError when nobody follows: a broker keeps nothing."""
    if not follows:
        raise SpecError(f"{shorten(target.name)} has only what comes from now on: add --follow")
    del since
    reader = _Reader(read_spec(target))
    pause_s, is_away = FIRST_PAUSE_S, False
    try:
        while True:
            try:
                reader.listen()
            except OSError as error:
                reader.close()
                yield None if is_away else f"{target.name} is away: {shorten_reason(error)}; it is waited for"
                is_away = True
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            if is_away:
                yield f"{target.name} is back"
            pause_s, is_away = FIRST_PAUSE_S, False
            yield from reader.take()
            yield None
    finally:
        reader.close()


class _Reader:
    def __init__(self, spec: MqttSpec) -> None:
        self._spec = spec
        self._connection: MqttConnection | None = None
        self._come: deque[bytes] = deque()

    def listen(self) -> None:
        """A moment; OSError when the broker is not there."""
        if self._connection is None:
            self._connection = MqttConnection(self._spec)
            self._connection.client.on_message = self._note
            self._connection.open()
            self._connection.client.subscribe(f"{self._spec.prefix}/+/+", qos=1)
        self._connection.turn(time.monotonic() + ANSWER_S)

    def _note(self, _client: object, _data: object, message: MQTTMessage) -> None:
        if not message.topic.endswith("/status"):
            self._come.append(bytes(message.payload))

    def take(self) -> Iterator[bytes]:
        while self._come:
            yield self._come.popleft()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
