"""What comes by the network: each sample at its place, and what did not come is told, however it was sent."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SourceError, SpecError
from streamer.sources import SourceSpec, open_any_source, parse_source
from streamer.sources.address import parse_address
from streamer.sources.rtp import HOLD_NS, RtpSource, parse_packet
from streamer.sources.udp import UdpSource

FS_HZ = 8000
PACKET_SAMPLES = 160
MS = 1_000_000


def find_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def make_packet(
    number: int,
    payload: bytes,
    *,
    timestamp: int | None = None,
    sender: int = 7,
    payload_type: int = 96,
    first_sequence: int = 65530,
    first_timestamp: int = 2**32 - 400,
) -> bytes:
    """The packet of this number; both of its numbers wrap around soon."""
    at = number * PACKET_SAMPLES if timestamp is None else timestamp
    header = struct.pack(
        "!BBHII",
        0x80,
        payload_type,
        (first_sequence + number) % 2**16,
        (first_timestamp + at) % 2**32,
        sender,
    )
    return header + payload


def encode_packet(number: int, **options: int) -> bytes:
    """Its samples say which they are."""
    values = np.arange(number * PACKET_SAMPLES, (number + 1) * PACKET_SAMPLES) + 1
    return make_packet(number, values.astype(">i2").tobytes(), **options)


class Ear:
    """Takes what is pushed, as the ring would."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self.lost: list[tuple[int, int]] = []

    def __call__(self, block: np.ndarray, _arrival_ns: int, *, lost_samples: int = 0) -> None:
        assert block.flags.c_contiguous
        if lost_samples:
            self.lost.append((len(self.samples), lost_samples))
        self.samples += [0] * lost_samples + np.rint(block[:, 0] * 2**15).astype(int).tolist()


@pytest.fixture
def rtp() -> Iterator[RtpSource]:
    spec = SourceSpec(kind="rtp", target=str(find_free_port()), sample_format="s16be", rate_hz=FS_HZ)
    with RtpSource(spec) as source:
        yield source


def hear(source: RtpSource, packets: list[tuple[float, bytes]], *, until_ms: float | None = None) -> Ear:
    """packets: when each comes, in ms"""
    ear = Ear()
    for at_ms, packet in packets:
        source.take(packet, round(at_ms * MS), ear)
    end_ms = packets[-1][0] + HOLD_NS / MS + 1 if until_ms is None else until_ms
    source.look(round(end_ms * MS), ear)
    return ear


def count(n_packets: int) -> list[int]:
    return [sample + 1 for sample in range(n_packets * PACKET_SAMPLES)]


def test_packets_in_order_are_their_samples_whatever_their_numbers_wrap_around(rtp: RtpSource) -> None:
    ear = hear(rtp, [(20 * n, encode_packet(n)) for n in range(10)])
    assert (ear.samples, ear.lost, rtp.remarks) == (count(10), [], [])


def test_a_packet_that_was_overtaken_takes_its_place(rtp: RtpSource) -> None:
    ear = hear(rtp, [(20 * place, encode_packet(n)) for place, n in enumerate([0, 2, 1, 3, 5, 6, 4, 7])])
    assert (ear.samples, ear.lost, rtp.remarks) == (count(8), [], [])


def test_a_packet_that_does_not_come_is_a_loss_of_its_length_and_late_it_is_left_out(rtp: RtpSource) -> None:
    ear = hear(rtp, [(20 * n, encode_packet(n)) for n in (0, 1, 3, 4, 5, 6)] + [(200, encode_packet(2))])
    assert ear.lost == [(320, 160)]
    assert ear.samples == [0 if 320 < sample <= 480 else sample for sample in count(7)]
    assert rtp.remarks == [
        f"{rtp.info.name}: 1 datagram left out: late, sent twice, another sender's or of other samples"
    ]


def test_what_waits_for_a_missing_packet_waits_60_ms_and_no_longer(rtp: RtpSource) -> None:
    packets = [(0.0, encode_packet(0)), (20.0, encode_packet(2))]
    assert hear(rtp, packets, until_ms=79).samples == count(1)
    ear = Ear()
    rtp.look(80 * MS, ear)
    assert (len(ear.samples), ear.lost) == (320, [(0, 160)])


def test_silence_that_a_sender_keeps_to_itself_is_silence_and_no_loss(rtp: RtpSource) -> None:
    later = make_packet(1, b"\0\x05" * PACKET_SAMPLES, timestamp=8000)
    ear = hear(rtp, [(0, encode_packet(0)), (1000, later)])
    assert (ear.samples, ear.lost) == (count(1) + [0] * 7840 + [5] * 160, [])


def test_silence_of_minutes_is_a_second_of_it_and_no_ring_is_flooded(rtp: RtpSource) -> None:
    later = make_packet(1, b"\0\x05" * PACKET_SAMPLES, timestamp=50 * FS_HZ)
    ear = hear(rtp, [(0, encode_packet(0)), (50_000, later)])
    assert (ear.samples, ear.lost) == (count(1) + [0] * FS_HZ + [5] * 160, [])


@pytest.mark.parametrize("payload_type", [13, 101, 8])
def test_what_holds_no_samples_of_ours_takes_its_number_and_is_no_loss(payload_type: int) -> None:
    """Comfort noise, or a telephone event of RFC 4733 in a stream of which the spec says what it holds."""
    spec = SourceSpec(kind="rtp", target=str(find_free_port()), sample_format="ulaw", rate_hz=FS_HZ)
    with RtpSource(spec) as source:
        source._is_given = False  # as the first datagram of type 0 would have it
        voice = {n: make_packet(n, bytes([n]) * PACKET_SAMPLES, payload_type=0) for n in (0, 1, 5)}
        others = [make_packet(n, b"\0" * 4, payload_type=payload_type or 13) for n in (2, 3, 4)]
        if payload_type == 8:
            others = [make_packet(n, b"", payload_type=13) for n in (2, 4)]  # and one is lost among them
        packets = [voice[0], voice[1], *others, voice[5]]
        ear = hear(source, [(20 * place, packet) for place, packet in enumerate(packets)])
    assert len(ear.samples) == 6 * PACKET_SAMPLES
    assert ear.lost == ([(320, 480)] if payload_type == 8 else [])


def test_a_second_sender_is_left_out_until_the_first_has_been_silent_for_a_second(rtp: RtpSource) -> None:
    own = [(20 * n, encode_packet(n)) for n in range(3)]
    other = make_packet(0, b"\0\x09" * 160, sender=8)
    ear = hear(rtp, [*own, (50, other), (1100, other)])
    assert (ear.samples, ear.lost) == (count(3) + [9] * 160, [])
    assert len(rtp.remarks) == 1


@pytest.mark.parametrize("ahead_samples", [3000, 80_000, 2**31 - 5, 2**31 + 5])
@pytest.mark.parametrize("numbers_ahead", [0, 5, 1000, 40_000])
def test_two_programs_that_send_as_one_are_one_stream_at_its_pace_and_no_line_a_packet(
    rtp: RtpSource, numbers_ahead: int, ahead_samples: int
) -> None:
    """Of one number, as two of the same program may be: now one is the first to come, now the other."""
    rng = np.random.default_rng(numbers_ahead)
    other = {"first_sequence": 65530 + numbers_ahead, "first_timestamp": 2**32 - 400 + ahead_samples}
    packets = [(20 * n + rng.uniform(0, 8), encode_packet(n)) for n in range(300)]
    packets += [(20 * n + rng.uniform(0, 8), encode_packet(n, **other)) for n in range(300)]
    ear = hear(rtp, sorted(packets))
    assert len(ear.lost) <= 1
    assert 6.0 <= len(ear.samples) / FS_HZ <= 6.5
    assert len(rtp.remarks) == 1


def test_a_sender_that_begins_to_count_anew_is_taken_where_it_goes_on(rtp: RtpSource) -> None:
    anew = make_packet(1, b"\0\x09" * 160, timestamp=2**31)
    assert hear(rtp, [(0, encode_packet(0)), (20, anew)]).samples == count(1) + [9] * 160


@given(
    kept=st.lists(st.booleans(), min_size=2, max_size=40),
    swaps=st.lists(st.integers(0, 38), max_size=10),
    doubles=st.lists(st.integers(0, 39), max_size=5),
)
def test_whatever_is_lost_overtaken_or_doubled_every_sample_that_came_is_at_its_place(
    kept, swaps, doubles
) -> None:
    numbers = [n for n, is_kept in enumerate(kept) if is_kept or n == 0]
    order = list(numbers)
    for at in swaps:  # neighbours: 20 ms, and so never later than what is waited for
        if 0 < at < len(order) - 1 and {order[at], order[at + 1]} <= {numbers[at], numbers[at + 1]}:
            order[at], order[at + 1] = order[at + 1], order[at]
    packets = [(20.0 * place, encode_packet(n)) for place, n in enumerate(order)]
    for at in sorted(doubles, reverse=True):
        if at < len(packets):
            packets.insert(at + 1, packets[at])
    spec = SourceSpec(kind="rtp", target=str(find_free_port()), sample_format="s16be", rate_hz=FS_HZ)
    with RtpSource(spec) as source:
        ear = hear(source, packets)
    there = set(numbers)
    expected = [s if (s - 1) // PACKET_SAMPLES in there else 0 for s in count(numbers[-1] + 1)]
    assert ear.samples == expected
    assert sum(lost for _, lost in ear.lost) == expected.count(0)


@given(st.binary(max_size=64))
def test_no_datagram_is_too_strange(data: bytes) -> None:
    packet = parse_packet(data)
    assert packet is None or len(packet.payload) <= len(data) - 12


def test_a_header_may_have_contributors_an_extension_and_padding() -> None:
    header = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0x80 | 8, 1, 2, 3) + bytes(8)
    extension = struct.pack("!HH", 0xBEDE, 1) + bytes(4)
    packet = parse_packet(header + extension + b"abcd" + b"\0\0\x03")
    assert packet is not None
    assert (packet.payload_type, packet.payload) == (8, b"abcd")


@pytest.mark.parametrize(
    ("payload_type", "shape", "n_samples"),
    [(0, (8000, 1), 160), (8, (8000, 1), 160), (10, (44100, 2), 40), (11, (44100, 1), 80)],
)
def test_what_a_static_payload_type_holds_is_known_by_the_first_packet(
    payload_type, shape, n_samples
) -> None:
    port = find_free_port()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                sender.sendto(make_packet(0, bytes(160), payload_type=payload_type), ("127.0.0.1", port))
                stop.wait(0.01)

        thread = threading.Thread(target=send)
        thread.start()
        with open_any_source(parse_source(f"rtp:{port}")) as source:
            stop.set()
            thread.join()
            assert (source.info.fs_hz, source.info.channels) == shape
            heard: list[int] = []
            is_heard = threading.Event()
            source.start(lambda block, *_, **__: heard.append(len(block)) or is_heard.set(), lambda: None)  # type: ignore[func-returns-value]
            assert is_heard.wait(5)
            assert heard[0] == n_samples


def open_while_sending(datagrams: list[bytes]) -> RtpSource:
    """datagrams: sent again and again until it is open, or refused"""
    port, stop = find_free_port(), threading.Event()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:

        def send() -> None:
            while not stop.is_set():
                for datagram in datagrams:
                    sender.sendto(datagram, ("127.0.0.1", port))
                stop.wait(0.01)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            return RtpSource(parse_source(f"rtp:{port}"))
        finally:
            stop.set()
            thread.join()


def test_compressed_speech_is_refused_with_what_can_read_it() -> None:
    with pytest.raises(SpecError, match=r"carries payload type 18.*ffmpeg"):
        open_while_sending([make_packet(0, b"x", payload_type=18)])


def test_stray_datagrams_are_passed_over() -> None:
    rng = np.random.default_rng(1)
    strays = [bytes([0x80, 30]) + rng.bytes(40) for _ in range(200)]
    with open_while_sending([*strays, make_packet(0, bytes(160), payload_type=8)]) as source:
        assert (source.info.fs_hz, source.info.channels) == (8000, 1)


def receive(datagrams: list[bytes], sample_format: str = "s16le", channels: str | None = None) -> np.ndarray:
    """What a UDP source makes of them, sent to it by a real socket."""
    spec = SourceSpec(
        kind="udp",
        target=str(find_free_port()),
        sample_format=sample_format,
        rate_hz=FS_HZ,
        channels=channels,
    )
    blocks: list[np.ndarray] = []
    all_came = threading.Event()
    n_bytes = 0
    with UdpSource(spec) as source, closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:

        def take(block: np.ndarray, _: int, *, lost_samples: int = 0) -> None:
            nonlocal n_bytes
            assert not lost_samples
            blocks.append(block.copy())
            n_bytes += block.size * (2 if sample_format[0] == "s" else 1)
            if n_bytes == sum(map(len, datagrams)):
                all_came.set()

        source.start(take, lambda: None)
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", source.address.port))
        assert all_came.wait(5)
    return np.concatenate(blocks)


def test_datagrams_of_raw_samples_are_their_samples_wherever_they_are_cut() -> None:
    values = np.arange(-3000, 3000, dtype="<i2")
    data = values.tobytes()
    for sizes in ([len(data)], [7] * 100 + [11300], [1, 2, 11997]):
        ends = np.cumsum(sizes)
        datagrams = [data[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        heard = receive(datagrams, channels="2")
        assert np.array_equal(heard, values.reshape(-1, 2).astype(np.float32) / 2**15)


def test_a_port_that_another_program_has_is_said() -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        spec = SourceSpec(
            kind="udp", target=str(other.getsockname()[1]), sample_format="s16le", rate_hz=FS_HZ
        )
        with pytest.raises(SourceError, match="another program receives there: end it, or choose another"):
            UdpSource(spec)


@pytest.mark.parametrize(
    ("target", "address"),
    [("7355", ("127.0.0.1", 7355)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:65535", ("::1", 65535))],
)
def test_only_this_machine_is_heard_unless_told_otherwise(target: str, address: tuple[str, int]) -> None:
    parsed = parse_address(target)
    assert (parsed.host, parsed.port) == address


@pytest.mark.parametrize(
    "target", ["0", "65536", "host:7355", "1.2.3:7", "300.1.1.1:7", ":7355", "-1", "[x]:7"]
)
def test_other_addresses_are_refused(target: str) -> None:
    with pytest.raises(SpecError, match=r"address is|port is"):
        parse_address(target)


def test_raw_datagrams_must_be_described() -> None:
    with pytest.raises(SpecError, match="--format s16le --rate 48000 for GQRX"):
        UdpSource(parse_source("udp:7355"))
