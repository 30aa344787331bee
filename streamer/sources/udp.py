"""Samples that somebody sends by UDP, raw as receivers such as GQRX send them, and what all network sources share.

A datagram holds whole or broken samples one after the other. Nothing says what was lost on the way: the clock tells,
as for a microphone, and the system counts what it could not keep for us.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError
from streamer.sources.address import Address, parse_address
from streamer.sources.channels import ChannelChoice
from streamer.sources.formats.pcm import bytes_per_value, decode
from streamer.sources.spec import Closing, Push, SourceInfo, SourceSpec

MAX_DATAGRAM_BYTES = 1 << 16
BUFFER_BYTES = 1 << 22  # what the system keeps for us while we are away, if it allows so much
BLOCK_S = 0.1  # what is pushed at once at most
LOOK_S = 0.05  # how often a thread to which nothing comes looks whether it is still wanted
SO_RXQ_OVFL = 40  # Linux: each datagram says how many have been dropped by now


class Receiver(Closing):
    """A bound socket and the thread that empties it. What a datagram holds, its descendants know.

    They set `info`, and `device_channels` from their choice.
    """

    info: SourceInfo

    @property
    def remarks(self) -> Sequence[str]:
        return ()

    def __init__(self, spec: SourceSpec) -> None:
        self.address = parse_address(spec.target)
        self._socket = _bind(spec, self.address)
        self._choice: ChannelChoice = spec.channel_choice
        self._is_closed = False
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None
        self._kept: list[bytes] = []  # datagrams that were looked at before anybody took samples
        self.overflows = 0  # datagrams that the system had no room for

    @property
    def device_channels(self) -> tuple[int, ...] | None:
        if self._choice.is_mix:
            return None
        return self._choice.picks or tuple(range(self.info.channels))

    @property
    def is_active(self) -> bool:
        return self._thread is not None and self._failure is None

    def start(self, push: Push, wake: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._run, args=(push, wake), name="network", daemon=True)
        self._thread.start()

    def _run(self, push: Push, wake: Callable[[], None]) -> None:
        for data in self._kept:
            self.take(data, time.monotonic_ns(), push)
        while not self._is_closed:
            received = self._receive()
            now_ns = time.monotonic_ns()
            if received:
                self.take(received, now_ns, push)
            else:
                self.look(now_ns, push)
            wake()

    def _receive(self) -> bytes | None:
        """The next datagram; None when none has come for a while."""
        try:
            data, said, _, _ = self._socket.recvmsg(MAX_DATAGRAM_BYTES, socket.CMSG_SPACE(4))
        except TimeoutError:
            return None
        except OSError as error:
            if not self._is_closed:
                self._failure = error
            self._is_closed = True
            return None
        for level, kind, value in said:
            if (level, kind) == (socket.SOL_SOCKET, SO_RXQ_OVFL):
                (self.overflows,) = struct.unpack("I", value)
        return data

    def take(self, data: bytes, arrival_ns: int, push: Push) -> None:
        """A datagram has come: push the samples that are due by it."""
        raise NotImplementedError

    def look(self, now_ns: int, push: Push) -> None:
        """Nothing has come for a while: push what was held back for what has not come."""

    def deliver(
        self, block: NDArray[np.float32], arrival_ns: int, push: Push, *, lost_samples: int = 0
    ) -> None:
        """Push in pieces that any ring has room for. lost_samples: before the block"""
        piece = max(1, round(BLOCK_S * self.info.fs_hz))
        for start in range(0, len(block), piece):
            push(block[start : start + piece], arrival_ns, lost_samples=lost_samples)
            lost_samples = 0

    def close(self) -> None:
        self._is_closed = True
        self._socket.close()


def _bind(spec: SourceSpec, address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    own = socket.socket(family, socket.SOCK_DGRAM)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        if sys.platform == "linux":
            own.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        if address.is_group:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((address.host, address.port))
        if address.is_group:
            _join(own, address)
    except OSError as error:
        own.close()
        is_taken = error.errno == errno.EADDRINUSE
        why = "another program receives there: end it, or choose another port" if is_taken else error.strerror
        raise SourceError(f"{spec} cannot be received: {why or error}") from error
    own.settimeout(LOOK_S)
    return own


def _join(own: socket.socket, address: Address) -> None:
    group = socket.inet_pton(own.family, address.host)
    if own.family == socket.AF_INET6:
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", 0))
    else:
        own.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + socket.inet_aton("0.0.0.0"))


class UdpSource(Receiver):
    """Datagrams of raw samples."""

    def __init__(self, spec: SourceSpec) -> None:
        if spec.sample_format is None or spec.rate_hz is None:
            raise SpecError(
                f"{spec} carries samples without a header, so say what they are: "
                "--format s16le --rate 48000 for GQRX, and --channels 2 for its stereo"
            )
        choice = spec.channel_choice
        self._format, self._width = spec.sample_format, choice.n_interleaved or 1
        self._frame_bytes = bytes_per_value(self._format) * self._width
        self._pending = b""
        n_channels = choice.count_of(self._width, name=str(spec))
        self.info = SourceInfo(
            name=str(spec), fs_hz=spec.rate_hz, channels=n_channels, is_live=True, is_sent=True
        )
        super().__init__(spec)

    def take(self, data: bytes, arrival_ns: int, push: Push) -> None:
        whole = self._pending + data
        n_bytes = len(whole) // self._frame_bytes * self._frame_bytes
        self._pending = whole[n_bytes:]
        self.deliver(decode(whole[:n_bytes], self._format).reshape(-1, self._width), arrival_ns, push)
