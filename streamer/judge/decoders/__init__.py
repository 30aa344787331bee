"""Who listens: streamer by its plans, other people's decoders where they are installed, and any command.

May import: what its parent may. Imported by: the judge's run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from streamer.judge.decoders import ours, packages, programs, spandsp
from streamer.judge.heard import Decoder


class Peer(NamedTuple):
    """find: None where it is not installed   package: what to install"""

    find: Callable[[], Decoder | None]
    package: str


PEERS: Mapping[str, Peer] = {
    "streamer": Peer(ours.Streamer, ""),
    "spandsp": Peer(spandsp.find_spandsp, "libspandsp2 (Debian)"),
    "multimon-ng": Peer(programs.find_multimon, "multimon-ng (Debian)"),
    "minimodem": Peer(programs.find_minimodem, "minimodem (Debian)"),
    "direwolf": Peer(programs.find_direwolf, "direwolf (Debian)"),
    "morse2ascii": Peer(programs.find_morse2ascii, "morse2ascii (Debian)"),
    "icad": Peer(partial(packages.find_package, packages.Icad), "icad-tone-detection (pip)"),
    "pycw": Peer(partial(packages.find_package, packages.PyCw), "pycw (pip)"),
    "pydtmf": Peer(partial(packages.find_package, packages.PyDtmf), "PyDTMF (pip)"),
}


def find_decoders(names: Sequence[str]) -> tuple[dict[str, Decoder], dict[str, str]]:
    """Those that are installed here; and of the others what to install."""
    found, missing = {}, {}
    for name in names:
        if decoder := PEERS[name].find():
            found[name] = decoder
        else:
            missing[name] = PEERS[name].package
    return found, missing
