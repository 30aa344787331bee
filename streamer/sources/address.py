"""Where datagrams are received.

7355              from this machine only
0.0.0.0:7355      from anywhere
239.1.2.3:7355    of a multicast group, which is joined
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from streamer.base.errors import SpecError
from streamer.base.text import shorten

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    @property
    def is_local(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_group(self) -> bool:
        return ipaddress.ip_address(self.host).is_multicast


def parse_address(target: str) -> Address:
    """PORT, HOST:PORT or [IPV6]:PORT, where the host is a number of this machine or of a multicast group."""
    found = re.fullmatch(
        r"(?:(?P<host>[\d.]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>\d{1,5})", target.strip(), re.ASCII
    )
    how = (
        "write a port such as 7355, which is then heard from this machine alone, 0.0.0.0:7355 to hear others too, "
        "or 239.1.2.3:7355 for a multicast group"
    )
    if not found:
        raise SpecError(f"address is {shorten(target)}; {how}")
    port = int(found["port"])
    if not 1 <= port <= 65535:
        raise SpecError(f"port is {port}; it must lie in 1..65535")
    host = (found["host"] or LOOPBACK).strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise SpecError(f"address is {shorten(target)}; {how}") from None
    return Address(host, port)
