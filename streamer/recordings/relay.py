"""One long recording in pieces, which may be heard at once: each is taken over from the one before.

    piece 0   |================|--|
    piece 1              ......|--|=============|-|
    piece 2                                ....-|-|==========|

    = told   - heard by two, told by the first of them   . heard before its begin

A piece is heard from some time before its begin, and on after its end until a moment at which nothing is open and what
was heard before does not matter any more: there the next one takes over, if it says the same of itself. So the joined
records are those of the whole, exactly. What cannot be joined (a damaged recording, digits without a pause for as long
as a piece) says so, and is to be heard whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.analysis.meters import BlockMeter, InputMeter
from streamer.base.errors import StreamerError
from streamer.events import End, ErrorRecord, Event, Record, Stats
from streamer.plans.listening import make_what_fits
from streamer.recordings import Progress
from streamer.recordings.detect import Piece, Recording, Remark, Task
from streamer.sources import Source, open_source
from streamer.sources.calibration import find_reading

LEAD_S = 12.0  # so long before its begin a piece is heard
LEAST_PIECE_S = 60.0
NEAR_BLOCKS = 16  # so many behind a cut are looked at one by one, and of others each of so many


class CannotJoin(Exception):
    """The recording must be heard whole."""


class Stand(msgspec.Struct):
    """How things stand after a block, up to this sample. meters: of the blocks since the one before"""

    sample: int
    is_fresh: bool
    event_count: int
    rejections: dict[str, int]
    meters: list[BlockMeter]


class Cut(msgspec.Struct):
    """What is said of a recording that is not heard on: a signal has come."""

    said: ErrorRecord | Remark


class Spoiled(msgspec.Struct):
    """A piece that cannot be joined with others."""

    why: str


Found = Record | Remark | Stand | Spoiled | Cut


def plan_pieces(task: Task, n_pieces: int) -> list[Piece]:
    """As many, or fewer if they would be short; one where the source or its plans cannot be cut."""
    whole = [Piece(0, None)]
    if n_pieces < 2 or task.explain or task.duration_s is not None or task.source.kind != "file":
        return whole
    try:
        with open_source(task.source) as source:
            info = source.info
        detectors, _ = make_what_fits(task.plans, info)
    except StreamerError:
        return whole  # who hears it will say so
    if info.n_samples is None or not all(detector.forgets for _, _, detector in detectors):
        return whole
    n_pieces = max(1, min(n_pieces, int(info.n_samples / info.fs_hz / LEAST_PIECE_S)))
    firsts = [info.n_samples * i // n_pieces for i in range(n_pieces)]
    return [Piece(first, last) for first, last in zip(firsts, [*firsts[1:], None], strict=True)]


def hear_piece(task: Task, *, progress: Progress | None = None) -> Iterator[Found]:
    """What is in a task's piece, and around it. progress: the first piece tells of itself as if it were all"""
    assert task.piece is not None
    piece = task.piece
    with open_source(task.source) as source:
        info = source.info
        start = max(0, piece.first - round(LEAD_S * info.fs_hz))
        recording = Recording(
            info, task.plans, file=info.name, joins_copies=task.joins_copies, start_sample=start
        )
        recording.decoder.read_by(find_reading(task.calibration, info, task.source))
        meters: list[BlockMeter] = []
        if piece.first == 0:
            yield recording.make_start(task.plans)
            yield from map(Remark, recording.left_out)
        try:
            for block in _read_from(source, start, recording.block_samples):
                yield from recording.feed(block)
                meters.append(recording.block_meter)
                at = recording.engine.end_sample
                if _may_part(piece, at, recording.block_samples):
                    yield (stand := _make_stand(recording, meters))
                    meters = []
                    if piece.last is not None and at >= piece.last and stand.is_fresh:
                        return
                if progress and info.n_samples:
                    total = info.n_samples
                    done = min(1.0, at / piece.last) * total if not piece.first and piece.last else at
                    progress(info.name, done / info.fs_hz, total / info.fs_hz)
        except StreamerError as error:
            yield Spoiled(str(error))
            return
        if source.losses or source.nonfinite_samples or recording.decoder.unheard_samples:
            yield Spoiled("samples are missing")
            return
        yield from _finish(recording, source, meters)


def _may_part(piece: Piece, at: int, block_samples: int) -> bool:
    """Whether this is a moment at which one piece may end and another take over, which the two agree on.

    It costs as much as a twentieth of a block to say how things stand.
    """
    near = NEAR_BLOCKS * block_samples
    return at // block_samples % NEAR_BLOCKS == 0 or any(
        cut is not None and cut <= at < cut + near for cut in (piece.first, piece.last)
    )


def _read_from(source: Source, start: int, block_samples: int) -> Iterator[NDArray[np.float32]]:
    at = source.skip(start // block_samples * block_samples)  # all pieces have blocks that end alike
    for block in source.read_blocks(block_samples):
        if at + len(block) > start:
            yield block[max(0, start - at) :]
        at += len(block)


def _make_stand(recording: Recording, meters: list[BlockMeter]) -> Stand:
    decoder, at = recording.decoder, recording.engine.end_sample
    return Stand(
        sample=at,
        is_fresh=decoder.is_fresh(at),
        event_count=decoder.event_count,
        rejections=dict(decoder.rejections),
        meters=meters,
    )


def _finish(recording: Recording, source: Source, meters: list[BlockMeter]) -> Iterator[Found]:
    yield from recording.finish()
    yield _make_stand(recording, meters)
    stats = recording.stats
    yield recording.date(stats)
    end = End(
        reason="eof",
        events=recording.decoder.event_count,
        captured=stats.captured,
        analysed=stats.analysed,
        dropped=stats.dropped,
    )
    yield recording.date(end)
    yield from map(Remark, source.remarks)


class _Joint:
    """What has been told of a recording so far."""

    def __init__(self) -> None:
        self._meter: InputMeter | None = None
        self._rejections: Counter[str] = Counter()
        self._n_events = 0
        self.sample = 0  # up to which it is told
        self.is_over = False

    def join(self, piece: Piece, found: Iterable[Any]) -> Iterator[Record | Remark]:
        """What a piece adds to it."""
        is_told = piece.first == 0
        before: Stand | None = None  # how things stood where it was taken over
        newest: Stand | None = None
        for item in found:
            if isinstance(item, Cut):
                yield item.said
            elif isinstance(item, Spoiled | StreamerError | ErrorRecord):
                raise CannotJoin(getattr(item, "why", str(item)))
            elif isinstance(item, Stand):
                if is_told:
                    self._add(item)
                elif item.is_fresh and item.sample == self.sample:
                    is_told, before = True, item
                newest = item
            elif is_told:
                self.is_over = self.is_over or isinstance(item, End)
                yield self._adapt(item, before, newest)
        if not is_told or newest is None:
            raise CannotJoin("nobody could take over")
        self._n_events += newest.event_count - (before.event_count if before else 0)
        self._rejections += Counter(newest.rejections)
        self._rejections -= Counter(before.rejections if before else {})

    def _add(self, stand: Stand) -> None:
        for meter in stand.meters:
            self._meter = self._meter or InputMeter(len(meter.peaks))
            self._meter.add_measured(meter)
        self.sample = stand.sample

    def _adapt(self, item: Any, before: Stand | None, newest: Stand | None) -> Any:
        """A record as it would be of the whole."""
        n_before = self._n_events - (before.event_count if before else 0)
        if isinstance(item, Event):
            return msgspec.structs.replace(item, id=item.id + n_before)
        if isinstance(item, End):
            return msgspec.structs.replace(item, events=item.events + n_before)
        if isinstance(item, Stats) and self._meter is not None and newest is not None:
            rejections = self._rejections + Counter(newest.rejections)
            rejections -= Counter(before.rejections if before else {})
            return msgspec.structs.replace(
                item,
                rejections=dict(rejections),
                input_dbfs=self._meter.input_dbfs,
                peak_dbfs=self._meter.peak_dbfs,
                clipped=self._meter.clipped,
            )
        return item


def join_pieces(parts: Iterable[tuple[Piece, Iterable[Found]]]) -> Iterator[Record | Remark]:
    """The records of a recording, as `listen` gives them, from what was found in its pieces, in their order.

    Raises CannotJoin, and what was given by then are the first of its records.
    """
    joint = _Joint()
    for piece, found in parts:
        if joint.is_over or (piece.last is not None and piece.last <= joint.sample):
            continue  # the one before has gone on so long
        yield from joint.join(piece, found)
