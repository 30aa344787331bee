"""Levels of two tones to bits, as sure as they are: where a burst begins, and its bits from there on.

A frame is as long as a bit and begins every eighth of one. A bit is read where the frame lies over it; its value is
how much more of it is mark than space, from -1 to 1. A burst is known by its preamble and the start of its text
together; from then on the clock is followed byte by byte, by whether the bits stand out better earlier or later.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.detectors.fsk.spec import MOST_START, FskSpec, TextSpec
from streamer.detectors.hearing.bursts import Trail

FRAMES_PER_BIT = 8
RUN_FRAMES = 128  # how often it is looked: 32 ms of SAME
STEPS = 128  # of a bit's value: sums of such are exact, in whatever order
LEAST_PREAMBLE, LEAST_FIT = 0.25, 0.42  # of the preamble, and of that and start; of noise 0 +-0.06 and +-0.05
ALIKE = 0.7  # of how sure its bits are, so much must fit, of the whole and of the start: else it is something else
LEAST_OF_START = 0.1  # of each byte of the start: its first is none of the preamble
LEAST_BYTE = 0.3  # of a byte of the preamble
RATES = np.linspace(-0.012, 0.012, 25)  # how much slower than it should a sender's clock may be
OFFSETS = np.linspace(-0.5, 0.5, 17)  # bits
LEAST_PAIRS = 8  # of equal bits: fewer do not say how high a tone is in noise as strong
APART = 0.25  # bits earlier and later, to follow the clock
FOLLOW, FOLLOW_RATE = 0.15, 0.008  # of what the clock is off, a byte
LEAST = 1e-12


class Sync(NamedTuple):
    """Where a burst of a text is known. frame: of the text's first bit   bit_frames: how long a bit is

    off_hz: how far its tones are off, of each that could be measured   power: of its tone   noise: of the other's
    """

    text: TextSpec
    frame: float
    bit_frames: float
    preamble_bytes: int
    level: float
    off_hz: tuple[float, ...]
    power: float
    noise: float

    @property
    def first_frame(self) -> float:
        """Of the preamble."""
        return self.frame - 8 * self.preamble_bytes * self.bit_frames


def choose_analysis(spec: FskSpec, fs_hz: float) -> Analysis:
    """Frames of a bit, without a taper: they are blind to tones a baud apart."""
    length = max(2, round(fs_hz / spec.baud))
    hop = max(1, round(length / FRAMES_PER_BIT))
    bank = Bank(freqs_hz=np.sort([spec.mark_hz, spec.space_hz]), spec=f"fsk {spec.name}")
    frames = FrameSpec(length_samples=length, hop_samples=hop, window="boxcar")
    return Analysis(bank=bank, frames=frames, fs_hz=fs_hz)


def to_bits(text: bytes) -> NDArray[np.float64]:
    """(8 bytes,) 1 for mark, -1 for space; the lowest bit first."""
    bits = np.unpackbits(np.frombuffer(text, np.uint8), bitorder="little")
    return np.where(bits, 1.0, -1.0)


def to_text(values: NDArray[np.float64]) -> str:
    """Of whole bytes."""
    bits = values[: values.size // 8 * 8] > 0
    return np.packbits(bits, bitorder="little").tobytes().decode("latin-1")


class BitHearing:
    """What one channel says in bits; its frames' values, as many as a burst is found in."""

    def __init__(self, spec: FskSpec, analysis: Analysis) -> None:
        self._spec = spec
        self._hop_s = analysis.frames.hop_samples / analysis.fs_hz
        self.bit_frames = 1 / spec.baud / self._hop_s
        self._tones_hz = spec.mark_hz, spec.space_hz
        self._mark = int(spec.mark_hz > spec.space_hz)  # its row
        self._preamble = bytes([int(spec.preamble, 16)])
        self._taps = np.zeros(self._frames_of(1))  # of the frames of a byte, the newest last
        for k, sign in enumerate(to_bits(self._preamble)):
            self._taps[-1 - round((7 - k) * self.bit_frames)] = sign / 8
        self._by_start: dict[int, list[TextSpec]] = {}  # by how many bytes that is
        for text in spec.texts:
            self._by_start.setdefault(len(text.start), []).append(text)
        bits = 8 * (spec.preamble_bytes + MOST_START)
        kept = math.ceil((bits + 32) * self.bit_frames) + 2 * RUN_FRAMES
        self._values, self._shares, self._fits = (
            Trail(n, kept_frames=kept, run_frames=RUN_FRAMES, dtype=dtype)
            for n, dtype in ((2, np.complex64), (1, np.float64), (1, np.float64))
        )
        self._kept = kept
        self._ahead = math.ceil(self.bit_frames)  # so far from it no other place may fit better
        self.clear(0)

    def clear(self, next_frame: int) -> None:
        for trail in (self._values, self._shares, self._fits):
            trail.clear(next_frame)
        self._first = self._searched = next_frame
        self._before = np.zeros(self._frames_of(1) - 1)  # there was nothing

    @property
    def _oldest(self) -> int:
        return max(self._first, self.stop_frame - self._kept)

    def _frames_of(self, n_bytes: int) -> int:
        return round((8 * n_bytes - 1) * self.bit_frames) + 1

    @property
    def stop_frame(self) -> int:
        return self._values.stop_frame

    def append(self, values: NDArray[np.complex64]) -> None:
        """Up to the next multiple of RUN_FRAMES at most."""
        self._values.append(values)

    def find_syncs(self) -> list[Sync]:
        """Those that became known by now, in order."""
        self._look_for_preambles()
        shortest = self._frames_of(self._spec.known_by_bytes + MOST_START)
        begin = max(self._searched, self._first + shortest + self._ahead)
        first, stop = begin - self._ahead, self.stop_frame
        if stop - self._ahead <= begin:
            return []
        self._searched = stop - self._ahead
        found = []
        for n_start, texts in self._by_start.items():
            if not self._has_preamble(n_start, first, stop):
                continue
            for text in texts:
                fits = self._score(text, first, stop)
                near = np.lib.stride_tricks.sliding_window_view(fits, 2 * self._ahead + 1)
                best = (near[:, self._ahead] >= LEAST_FIT) & (near.argmax(axis=1) == self._ahead)
                found += [self._settle(begin + int(at), text) for at in np.flatnonzero(best)]
        return sorted((sync for sync in found if sync is not None), key=lambda sync: sync.frame)

    def _look_for_preambles(self) -> None:
        """In each new frame, how well a byte of the preamble fits whose last bit lies there."""
        first, stop = self._shares.stop_frame, self.stop_frame
        if stop == first:
            return
        magnitudes = np.abs(self._values.rows(first, stop))
        clear = magnitudes[self._mark] - magnitudes[1 - self._mark]
        shares = np.rint(clear * STEPS / (magnitudes[0] + magnitudes[1] + LEAST)) / STEPS
        self._shares.append(shares[:, np.newaxis])
        run = np.concatenate([self._before, shares])
        self._before = run[run.size - self._before.size :]
        self._fits.append(np.correlate(run, self._taps)[:, np.newaxis])

    def _has_preamble(self, n_start: int, first: int, stop: int) -> bool:
        """Whether one may end so many bytes before any of these frames."""
        fits = np.zeros(stop - first)
        for k in range(n_start, n_start + self._spec.known_by_bytes):
            back = round(8 * k * self.bit_frames)
            fits += self._fits.rows(first - back, stop - back)[0]
        return bool(fits.max() >= LEAST_PREAMBLE * self._spec.known_by_bytes)

    def _score(self, text: TextSpec, first: int, stop: int) -> NDArray[np.float64]:
        """(frames,) how well preamble and start fit that end in each frame; 0 where either is something else."""
        n_start = len(text.start)
        signs = to_bits(self._preamble * self._spec.known_by_bytes + text.start.encode())
        fits, sure = np.zeros((2, stop - first))
        is_it = np.ones(stop - first, np.bool_)
        before = np.zeros(stop - first)
        for k in range(signs.size):  # from the last bit on
            back = round(k * self.bit_frames)
            shares = self._shares.rows(first - back, stop - back)[0]
            fits += signs[-1 - k] * shares
            sure += np.abs(shares)
            if k % 8 == 7 and k < 8 * n_start:
                is_it &= fits - before >= LEAST_OF_START * 8
                before = fits.copy()
            if k + 1 in (8 * n_start, signs.size):
                is_it &= fits >= ALIKE * sure
        return np.where(is_it, fits / signs.size, 0.0)

    def _settle(self, frame: int, text: TextSpec) -> Sync | None:
        """The burst whose start ends about there; None for tones that are not its own."""
        n_start = len(text.start)
        n_preamble = self._count_preamble(frame, n_start)
        signs = to_bits(self._preamble * n_preamble + text.start.encode())
        to_last = np.arange(1 - signs.size, 1)
        best, last, bit_frames = -math.inf, float(frame), self.bit_frames
        for rate in RATES * (
            n_preamble > self._spec.known_by_bytes
        ):  # with less of it the clock is as good as known
            length = float(self.bit_frames * (1 + rate))
            for offset in OFFSETS:
                at = float(frame + offset * length)
                fit = float(signs @ self._read_shares(at + to_last * length))
                if fit > best + 1e-9:
                    best, last, bit_frames = fit, at, length
        magnitudes, off_hz = self._measure(last + to_last * bit_frames, signs)
        if any(abs(off) > self._spec.tolerance * hz for off, hz in zip(off_hz, self._tones_hz, strict=True)):
            return None
        right = np.where(signs > 0, magnitudes[0], magnitudes[1])
        wrong = np.where(signs > 0, magnitudes[1], magnitudes[0])
        noise = float(np.median(wrong**2)) / math.log(2)  # the median of its squares to their mean
        return Sync(
            text=text,
            frame=last + (1 - 8 * n_start) * bit_frames,
            bit_frames=bit_frames,
            preamble_bytes=n_preamble,
            level=float(np.median(np.maximum(right, wrong))),
            off_hz=off_hz,
            power=max(float(np.median(right**2)) - noise, LEAST),
            noise=max(noise, LEAST),
        )

    def _count_preamble(self, frame: int, n_start: int) -> int:
        """How many bytes of it there are before the start that ends there; no two in a row are bad."""
        found = 0
        for k in range(1, self._spec.preamble_bytes + 1):
            at = frame - round(8 * (n_start + k - 1) * self.bit_frames)
            if at - 1 < self._oldest or found < k - 2:
                break
            if float(self._fits.rows(at - 1, at + 2).max()) >= LEAST_BYTE:
                found = k
        return max(found, self._spec.known_by_bytes)

    def _measure(
        self, at: NDArray[np.floating], signs: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], tuple[float, float]]:
        """(mark and space, bits) magnitudes, and how far each is off by how it turns from bit to bit, if it stays."""
        frames = np.clip(np.rint(at).astype(np.int64), self._oldest, self.stop_frame - 1)
        first = int(frames[0])
        values = self._values.rows(first, int(frames[-1]) + 1)[:, frames - first].astype(np.complex128)
        off_hz = []
        for row, sign, hz in zip((self._mark, 1 - self._mark), (1, -1), self._tones_hz, strict=True):
            pairs = np.flatnonzero((signs[:-1] == sign) & (signs[1:] == sign))
            steps_s = (frames[pairs + 1] - frames[pairs]) * self._hop_s
            turns = values[row, pairs + 1] * values[row, pairs].conj() * np.exp(-2j * np.pi * hz * steps_s)
            turn = complex(turns.sum()) if pairs.size >= LEAST_PAIRS else 1.0 + 0j
            off_hz.append(math.atan2(turn.imag, turn.real) * self._spec.baud / (2 * math.pi))
        magnitudes = np.abs(values)[[self._mark, 1 - self._mark]]
        return magnitudes, (off_hz[0], off_hz[1])

    def _read_shares(self, at: NDArray[np.floating]) -> NDArray[np.float64]:
        first = max(math.floor(at[0]), self._oldest)
        shares = self._shares.rows(first, min(math.floor(at[-1]) + 2, self._shares.stop_frame))[0]
        return np.asarray(np.interp(at - first, np.arange(shares.size), shares), np.float64)

    def read_bits(self, at: NDArray[np.floating], level: float) -> NDArray[np.float64]:
        """Values of bits at these places, ascending, over the level of sure ones."""
        first = math.floor(at[0])
        rows = np.abs(self._values.rows(first, min(math.floor(at[-1]) + 2, self.stop_frame)))
        clear = (rows[self._mark] - rows[1 - self._mark]).astype(np.float64)
        values = np.interp(at - first, np.arange(clear.size), clear) / max(level, LEAST)
        return np.asarray(np.clip(values, -1, 1), np.float64)


class Burst:
    """The bits of one burst, read as they come, from the first of its text."""

    def __init__(self, hearing: BitHearing, sync: Sync) -> None:
        self._hearing, self.sync = hearing, sync
        self._at = sync.frame  # of the next byte's first bit
        self._bit_frames = sync.bit_frames
        self._bytes: list[NDArray[np.float64]] = []
        self._ends: list[float] = []  # the frame behind each byte
        self.is_over = False

    def advance(self, stop_frame: float, *, most_bytes: int) -> bool:
        """Read what there is before that frame; whether that was more than before."""
        n_before = len(self._bytes)
        ahead = 7 + APART
        while not self.is_over and self._at + ahead * self._bit_frames <= stop_frame - 1:
            self._read_byte()
            self.is_over = len(self._bytes) >= most_bytes
        return len(self._bytes) > n_before

    def _read_byte(self) -> None:
        at = self._at + np.arange(8) * self._bit_frames
        early, values, late = (
            self._hearing.read_bits(at + shift * self._bit_frames, self.sync.level)
            for shift in (-APART, 0.0, APART)
        )
        off_bits = (
            float((np.abs(late) - np.abs(early)).sum()) / 12
        )  # as 8 sure bits say it; silence says nothing
        self._bytes.append(values)
        self._at += (8 + FOLLOW * off_bits) * self._bit_frames
        self._bit_frames *= 1 + FOLLOW_RATE * off_bits / 8
        self._ends.append(self._at)

    @property
    def values(self) -> NDArray[np.float64]:
        """(bits,) of whole bytes."""
        return np.concatenate(self._bytes) if self._bytes else np.zeros(0)

    def is_lost(self, n_bytes: int, least: float) -> bool:
        """Whether its last so many bytes are all less sure than that."""
        newest = self._bytes[-n_bytes:]
        return len(newest) == n_bytes and all(float(np.abs(each).mean()) < least for each in newest)

    def cut(self, n_bytes: int) -> None:
        """It is over, and is not longer than this."""
        del self._bytes[n_bytes:], self._ends[n_bytes:]
        self.is_over = True

    def cut_weak(self, least: float) -> None:
        """It is over with the last byte that is as sure as this."""
        sure = [k for k, each in enumerate(self._bytes, 1) if float(np.abs(each).mean()) >= least]
        self.cut(sure[-1] if sure else 0)

    @property
    def stop_frame(self) -> float:
        return self._ends[-1] if self._ends else self.sync.frame
