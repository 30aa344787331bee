"""Which of a source's channels are analysed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from streamer.base.errors import SpecError
from streamer.base.text import shorten

if TYPE_CHECKING:  # who reads words needs no numpy
    import numpy as np
    from numpy.typing import NDArray

    S = TypeVar("S", np.float32, np.int16)

MAX_CHANNELS = 1024  # of a recording: libsndfile's own limit
MAX_RAW_CHANNELS = 65536  # of samples that say nothing about themselves: memory ends before


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChoice:
    """picks: counted from 0, none for all   is_mix: their mean   n_interleaved: what a raw stream holds"""

    picks: tuple[int, ...] = ()
    is_mix: bool = False
    n_interleaved: int | None = None

    def count_of(self, n_available: int, *, name: str) -> int:
        """How many channels are left of n_available; SpecError when one is asked for that is not there."""
        if self.picks and max(self.picks) >= n_available:
            has = "1 channel" if n_available == 1 else f"{n_available} channels"
            raise SpecError(f"channels asks for channel {max(self.picks) + 1}, but {name} has {has}")
        return 1 if self.is_mix else len(self.picks) or n_available

    def pick_from(self, block: NDArray[S]) -> NDArray[S]:
        """(n, available) -> (n, chosen), C-contiguous."""
        if self.is_mix:
            mixed: NDArray[S] = block.mean(axis=1, keepdims=True, dtype=block.dtype)
            return mixed
        if not self.picks or self.picks == tuple(range(block.shape[1])):
            return block
        return block.take(self.picks, axis=1)


def parse_channels(text: str | None, *, is_raw: bool = False) -> ChannelChoice:
    """1 · 1,2 · all · mix. None is all.

    A raw stream does not say how many channels it interleaves. There a bare number is that count, all of them
    are analysed, and a choice names the count behind a slash: 2/6, 1,2/6, mix/2. None is one channel.
    """
    allowed = "write a channel counted from 1, a list such as 1,2, all or mix"
    if is_raw:
        allowed = (
            "raw samples need the number of interleaved channels: 2, or with a choice 1/2, all/2 or mix/2"
        )
    wanted = "all" if text is None else text.strip().lower()
    match = re.fullmatch(r"(all|mix|\d{1,5}(?:,\d{1,5})*)(?:/(\d{1,5}))?", wanted, re.ASCII)
    if not match or (match[2] and not is_raw):
        raise SpecError(f"channels is {shorten(text)}; {allowed}")
    choice, n_interleaved = match[1], int(match[2]) if match[2] else None
    if is_raw and n_interleaved is None:
        if text is not None and not choice.isdigit():
            raise SpecError(f"channels is {shorten(text)}; {allowed}")
        choice, n_interleaved = "all", int(choice) if choice.isdigit() else 1
    picks = () if choice in ("all", "mix") else tuple(int(number) - 1 for number in choice.split(","))
    if -1 in picks or len(set(picks)) < len(picks) or n_interleaved == 0:
        raise SpecError(f"channels is {shorten(text)}; channels count from 1, each named once: {allowed}")
    most = MAX_RAW_CHANNELS if is_raw else MAX_CHANNELS
    if max((*picks, (n_interleaved or 1) - 1)) >= most:
        raise SpecError(f"channels is {shorten(text)}; there are at most {most} channels")
    if n_interleaved and picks and max(picks) >= n_interleaved:
        raise SpecError(
            f"channels is {shorten(text)}; of {n_interleaved} there is no channel {max(picks) + 1}"
        )
    return ChannelChoice(picks=picks, is_mix=choice == "mix", n_interleaved=n_interleaved)
