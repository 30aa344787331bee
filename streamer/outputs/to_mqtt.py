"""To an MQTT broker: each record under PREFIX/HOST/TYPE, and PREFIX/HOST/status says whether we are there.

Sent with quality of service 1: what the broker has not acknowledged is sent again, and may then be there twice, under
one run, id and phase. With homeassistant=yes the entities of this host announce themselves to Home Assistant.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.base.version import __version__
from streamer.outputs import Keeping
from streamer.outputs.counterpart import Counterpart, check_extra
from streamer.outputs.letters import Letter
from streamer.outputs.output import Audio
from streamer.outputs.target import Target, Url, Wanted, is_this_machine, read_yes

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

PORT, TLS_PORT = 1883, 8883
PREFIX = "streamer"
DISCOVERY = "homeassistant"  # where Home Assistant looks
KEYS = (*Wanted.KEYS, "host", "homeassistant", "session")
ANSWER_S = 5.0
KEEPALIVE_S = 30
MOST_AT_ONCE = 100
HERE, GONE = "online", "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSpec:
    """session: of a reader for whom the broker keeps what comes while it is away; a name of its own"""

    url: Url
    wanted: Wanted
    is_secure: bool = False
    host: str = ""
    is_announced: bool = False
    session: str = ""

    @property
    def prefix(self) -> str:
        return self.url.path or PREFIX

    def __post_init__(self) -> None:
        if any(sign in self.prefix for sign in "+#\0"):
            raise SpecError(f"topic is {shorten(self.prefix)}; + and # are for those who read")


def read_spec(target: Target) -> MqttSpec:
    check_extra(target, module="paho", extra="mqtt")
    is_secure = target.scheme == "mqtts"
    spec = MqttSpec(
        url=target.split_url(port=TLS_PORT if is_secure else PORT),
        wanted=Wanted.read(target),
        is_secure=is_secure,
        host=target.read("host", str, ""),
        is_announced=target.read("homeassistant", lambda text: read_yes(text, name="homeassistant"), False),
        session=target.read("session", str, ""),
    )
    target.refuse_rest(KEYS)
    return spec


def check_output(target: Target) -> None:
    read_spec(target)


def reaches_out(target: Target) -> bool:
    return not is_this_machine(target.split_url(port=PORT).host)


def open_output(target: Target, *, keeping: Keeping, audio: Audio | None) -> MqttOutput:
    return MqttOutput(read_spec(target), name=target.name)


class MqttConnection:
    """One connection, whose loop runs when its only thread asks for it. Failures are OSError."""

    def __init__(self, spec: MqttSpec, *, will: tuple[str, str] | None = None) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._answer = ""  # the broker's, why it does not want us
        url = spec.url
        self.client: Client = Client(
            CallbackAPIVersion.VERSION2, client_id=spec.session, clean_session=not spec.session
        )
        if url.user:
            self.client.username_pw_set(url.user, url.password or None)
        if spec.is_secure:
            self.client.tls_set()
        if will is not None:
            self.client.will_set(*will, qos=1, retain=True)
        self.client.connect_timeout = ANSWER_S
        self.client.max_inflight_messages_set(MOST_AT_ONCE)
        self.client.on_connect = self._note_answer
        self._url = url

    def _note_answer(
        self, _client: object, _data: object, _flags: object, reason: object, _more: object
    ) -> None:
        self._answer = str(reason)

    def open(self) -> None:
        self.client.connect(self._url.host, self._url.port, keepalive=KEEPALIVE_S)
        end_s = time.monotonic() + ANSWER_S
        while not self._answer:
            self.turn(end_s)
        if self._answer != "Success":
            raise ConnectionRefusedError(self._answer)

    def turn(self, end_s: float) -> None:
        """Once round the library's loop."""
        from paho.mqtt.client import error_string
        from paho.mqtt.enums import MQTTErrorCode

        code = self.client.loop(timeout=0.05)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS and self._answer in ("", "Success"):
            raise ConnectionResetError(error_string(code))
        if time.monotonic() > end_s:
            raise TimeoutError

    def publish(self, topic: str, body: bytes | str, *, retain: bool = False) -> MQTTMessageInfo:
        return self.client.publish(topic, body, qos=1, retain=retain)

    def close(self) -> None:
        """Say goodbye, if there is anybody to hear it."""
        try:
            self.client.disconnect()
            self.client.loop(timeout=0.05)
        except (OSError, ValueError):
            pass


class MqttOutput(Counterpart):
    """At most so many letters are on their way at once."""

    def __init__(self, spec: MqttSpec, *, name: str) -> None:
        self._spec = spec
        self._connection: MqttConnection | None = None
        super().__init__(name=name, wanted=spec.wanted, host=spec.host)

    @property
    def _topic(self) -> str:
        host = "".join("_" if c in "+#/\0" else c for c in self._letters.host)
        return f"{self._spec.prefix}/{host}"

    def connect(self) -> None:
        status = f"{self._topic}/status"
        self._connection = MqttConnection(self._spec, will=(status, GONE))
        try:
            self._connection.open()
            greetings = [self._connection.publish(status, HERE, retain=True)]
            if self._spec.is_announced:
                for topic, body in announce(self._letters.host, self._topic, types=self._spec.wanted.types):
                    greetings.append(self._connection.publish(topic, body, retain=True))
            self._wait_for(greetings)
        except BaseException:
            self.let_go()
            raise

    def _wait_for(self, sent: list[MQTTMessageInfo]) -> None:
        assert self._connection is not None
        end_s = time.monotonic() + ANSWER_S
        while not all(each.is_published() for each in sent):
            self._connection.turn(end_s)

    def deliver(self, letters: deque[Letter]) -> None:
        assert self._connection is not None
        sent = [
            self._connection.publish(f"{self._topic}/{letter.type}", letter.body)
            for letter in [*letters][:MOST_AT_ONCE]
        ]
        try:
            self._wait_for(sent)
        finally:
            for each in sent:
                if not each.is_published():
                    break
                letters.popleft()

    def stay(self) -> None:
        assert self._connection is not None
        self._connection.turn(time.monotonic() + ANSWER_S)

    def let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._ending.is_set():  # else the broker is to tell of us that we are gone
            connection.publish(f"{self._topic}/status", GONE, retain=True)
        connection.close()


def announce(host: str, topic: str, *, types: tuple[str, ...] | None) -> list[tuple[str, bytes]]:
    """Topic and body of what Home Assistant finds entities by: for each type of event the event, and what it was."""
    from streamer.detectors.registry import list_event_types

    found = []
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in host)
    device = {"identifiers": [f"streamer_{name}"], "name": f"streamer {host}", "sw_version": __version__}
    entities: list[tuple[str, dict[str, object]]]
    for kind in list_event_types():
        if types is not None and kind not in types:
            continue
        entities = [
            (
                "event",
                {
                    "name": kind,
                    "event_types": ["begin", "end"],
                    "value_template": "{{ dict(value_json, event_type=value_json.phase) | tojson }}",
                },
            ),
            (
                "sensor",
                {
                    "name": f"last {kind}",
                    "value_template": "{{ value_json.label }}",
                    "json_attributes_topic": f"{topic}/{kind}",
                },
            ),
        ]
        for entity, more in entities:
            config: dict[str, object] = {
                **more,
                "unique_id": f"streamer_{name}_{entity}_{kind}",
                "state_topic": f"{topic}/{kind}",
                "availability_topic": f"{topic}/status",
                "device": device,
            }
            found.append((f"{DISCOVERY}/{entity}/streamer_{name}/{kind}/config", msgspec.json.encode(config)))
    return found
