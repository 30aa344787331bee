"""Samples of an RTP stream (RFC 3550, 3551): G.711 and L16, each at the place that its timestamp gives it.

What a datagram means for the samples before it:

    sequence       timestamp        means                                     then
    next           next             nothing                                   pushed
    next           later            the sender kept silent (RFC 3551, 4.1)    silence, a second at most, and pushed
    later          later            datagrams are missing, or on their way    held back for 60 ms; then lost, and pushed
    before         -                came twice, or too late                   left out, and counted
    next, of other samples: comfort noise, telephone events (RFC 4733)        its number is taken, and nothing is lost
    other sender while the first one sends                                    left out, and counted
    other sender after it, or a timestamp further on than the time            goes on here

Numbers alone say what is lost. What a sender kept silent beyond a second is skipped by the clock, as any pause.
"""

from __future__ import annotations

import struct
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from streamer.base.errors import SourceError, SpecError
from streamer.sources.formats.pcm import bytes_per_value, decode
from streamer.sources.spec import Push, SourceInfo, SourceSpec
from streamer.sources.udp import Receiver

HEADER = struct.Struct("!BBHII")
HOLD_NS = 60_000_000  # for datagrams that have overtaken others
LONGEST_JUMP_S = 60.0  # what is further away is a new beginning
AHEAD_S, JITTER_S = 0.5, 0.2  # by which more than what has passed may be lost, or silent
LONGEST_SILENCE_S = 1.0  # put where a sender kept silent: any tone is over by then, and any ring has room
DEAF_NS = 1_000_000_000  # so long without a datagram, and another sender is taken


@dataclass(frozen=True, slots=True)
class Payload:
    """A static payload type (RFC 3551, table 4)."""

    sample_format: str
    rate_hz: float
    channels: int


STATIC = {
    0: Payload("ulaw", 8000, 1),
    8: Payload("alaw", 8000, 1),
    10: Payload("s16be", 44100, 2),
    11: Payload("s16be", 44100, 1),
}
COMFORT_NOISE = 13
ALIKE = 5  # datagrams of one sender, and what they hold is what is sent


@dataclass(frozen=True, slots=True)
class Packet:
    payload_type: int
    sequence: int
    timestamp: int
    sender: int
    payload: bytes


def parse_packet(data: bytes) -> Packet | None:
    """What stands in a datagram; None when it is no RTP (RFC 3550, 5.1)."""
    if len(data) < HEADER.size:
        return None
    first, second, sequence, timestamp, sender = HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    begin, end = HEADER.size + 4 * (first & 0x0F), len(data)
    if first & 0x10:  # an extension
        if begin + 4 > end:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4], "big")
    if first & 0x20:  # padding, whose last byte counts it
        end -= data[-1]
    if begin > end:
        return None
    return Packet(second & 0x7F, sequence, timestamp, sender, data[begin:end])


def _distance(later: int, earlier: int, *, bits: int) -> int:
    """later - earlier of numbers that wrap around, the nearer way round."""
    half = 1 << (bits - 1)
    return (later - earlier + half) % (1 << bits) - half


class RtpSource(Receiver):
    """One sender's samples. Waits for the first datagram where the spec does not say what samples there are."""

    def __init__(self, spec: SourceSpec) -> None:
        super().__init__(spec)
        self._is_given = spec.sample_format is not None
        try:
            self._shape = self._find_shape(spec)
            n_channels = self._choice.count_of(self._shape.channels, name=str(spec))
        except BaseException:
            self.close()
            raise
        self.info = SourceInfo(
            name=str(spec),
            fs_hz=self._shape.rate_hz,
            channels=n_channels,
            is_live=True,
            is_sent=True,
            is_numbered=True,
        )
        self._sender: int | None = None
        self._newest_ns = self._pushed_ns = 0
        self._next_sequence = self._next_timestamp = 0
        self._has_missed = False  # numbers before those of other samples that came last
        self._held: dict[int, tuple[Packet, int]] = {}  # by sequence, and when it came
        self._n_left_out = 0

    def _find_shape(self, spec: SourceSpec) -> Payload:
        """As the spec says, or else as the first datagram. Anything that is no G.711 and no L16 is not ours."""
        if spec.sample_format is not None and spec.rate_hz is not None:
            return Payload(spec.sample_format, spec.rate_hz, spec.channel_choice.n_interleaved or 1)
        seen: Counter[tuple[int, int]] = Counter()
        while True:
            data = self._receive()
            if self._is_closed:
                raise SourceError(f"{spec} cannot be received: {self._failure or 'it was closed'}")
            if data is None or (packet := parse_packet(data)) is None or packet.payload_type == COMFORT_NOISE:
                continue
            if packet.payload_type in STATIC:
                self._kept.append(data)
                return STATIC[packet.payload_type]
            seen[packet.payload_type, packet.sender] += 1
            if seen[packet.payload_type, packet.sender] < ALIKE:
                continue  # a stray datagram, or what looks like RTP and is none
            raise SpecError(
                f"{spec} carries payload type {packet.payload_type}, whose samples only its sender knows: "
                "if they are linear, say what they are, such as --format s16be --rate 48000 --channels 2; "
                'compressed speech is decoded by ffmpeg: cmd:"ffmpeg -v error -i rtp://… -f wav -"'
            )

    def take(self, data: bytes, arrival_ns: int, push: Push) -> None:
        packet = parse_packet(data)
        if packet is None:
            self._n_left_out += 1
            return
        if self._format_of(packet) is None:
            self._n_left_out += packet.payload_type != COMFORT_NOISE
            if packet.sender != self._sender:
                return
        if packet.sender != self._sender:
            if self._sender is not None and arrival_ns - self._newest_ns < DEAF_NS:
                self._n_left_out += 1
                return
            self._release(push)
            self._sender = packet.sender
            self._next_sequence, self._next_timestamp = packet.sequence, packet.timestamp
        self._newest_ns = arrival_ns
        if _distance(packet.sequence, self._next_sequence, bits=16) < 0:
            self._n_left_out += 1
            return
        self._held[packet.sequence] = (packet, arrival_ns)
        self._push_due(arrival_ns, push)

    def look(self, now_ns: int, push: Push) -> None:
        self._push_due(now_ns, push)

    def _push_due(self, now_ns: int, push: Push) -> None:
        """Push what follows, and what has been waited for long enough."""
        while self._held:
            sequence = min(self._held, key=lambda each: _distance(each, self._next_sequence, bits=16))
            packet, arrival_ns = self._held[sequence]
            if sequence != self._next_sequence and now_ns - arrival_ns < HOLD_NS:
                return
            del self._held[sequence]
            self._push(packet, arrival_ns, push)

    def _release(self, push: Push) -> None:
        self._push_due(time.monotonic_ns() + HOLD_NS, push)

    def _push(self, packet: Packet, arrival_ns: int, push: Push) -> None:
        is_next = packet.sequence == self._next_sequence
        self._next_sequence = (packet.sequence + 1) % (1 << 16)
        sample_format = self._format_of(packet)
        if sample_format is None:
            self._has_missed |= not is_next
            return
        frame_bytes = bytes_per_value(sample_format) * self._shape.channels
        values = decode(packet.payload[: len(packet.payload) // frame_bytes * frame_bytes], sample_format)
        block = values.reshape(-1, self._shape.channels)
        ahead = _distance(packet.timestamp, self._next_timestamp, bits=32)
        is_lost, self._has_missed = self._has_missed or not is_next, False
        self._next_timestamp = (packet.timestamp + len(block)) % (1 << 32)
        passed_s, self._pushed_ns = (arrival_ns - self._pushed_ns) * 1e-9, arrival_ns
        ahead_s, lost = ahead / self._shape.rate_hz, 0
        if is_lost and 0 < ahead_s <= min(passed_s + AHEAD_S, LONGEST_JUMP_S):
            lost = ahead
        elif not is_lost and 0 < ahead_s <= min(passed_s + JITTER_S, LONGEST_JUMP_S):
            silent = min(ahead, round(LONGEST_SILENCE_S * self._shape.rate_hz))
            block = np.concatenate([np.zeros((silent, block.shape[1]), np.float32), block])
        self.deliver(block, arrival_ns, push, lost_samples=lost)

    @property
    def remarks(self) -> list[str]:
        if not self._n_left_out:
            return []
        what = "datagram" if self._n_left_out == 1 else "datagrams"
        why = "late, sent twice, another sender's or of other samples"
        return [f"{self.info.name}: {self._n_left_out} {what} left out: {why}"]

    def _format_of(self, packet: Packet) -> str | None:
        """Of its samples, where they are of the stream's rate and channels; mu-law and A-law may change places."""
        known = STATIC.get(packet.payload_type)
        if known is None:
            return self._shape.sample_format if self._is_given and packet.payload_type >= 96 else None
        fits = (known.rate_hz, known.channels) == (self._shape.rate_hz, self._shape.channels)
        return known.sample_format if fits else None
