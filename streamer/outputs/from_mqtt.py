"""What comes to an MQTT broker from now on; with session=NAME also what has come while that reader was away."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.outputs.reading import BrokerReader, Message, follow
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
    return follow(_Reader(read_spec(target)), target.name, follows=True)


class _Reader(BrokerReader):
    def __init__(self, spec: MqttSpec) -> None:
        self._spec = spec
        self._connection: MqttConnection | None = None
        self._come: deque[bytes] = deque()

    def fetch(self) -> list[bytes]:
        if self._connection is None:
            self._connection = MqttConnection(self._spec)
            self._connection.client.on_message = self._note
            self._connection.open()
            self._connection.client.subscribe(f"{self._spec.prefix}/+/+", qos=1)
        self._connection.turn(time.monotonic() + ANSWER_S)
        return [self._come.popleft() for _ in range(len(self._come))]

    def has_all(self) -> bool:
        return False  # a broker keeps nothing: there is only what comes

    def _note(self, _client: object, _data: object, message: MQTTMessage) -> None:
        if not message.topic.endswith("/status"):
            self._come.append(bytes(message.payload))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def end(self) -> None:
        self.close()
