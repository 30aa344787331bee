"""Work on an array, cut into spans of frames that threads share.

Threads and not processes: the kernels let go of the interpreter, and what they write is the process's own
memory. Memory shared between processes costs as much in page faults as the sums themselves: measured, two
processes took as long as one. How the work was cut does not show in the values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser, find_frame_cost
from streamer.analysis.values import Measurement, to_floats

Item = TypeVar("Item")
Result = TypeVar("Result")

_SPAN_COST = 1 << 27  # about 5 ms: often enough for progress, seldom enough for hand-offs
_SPANS_EACH = 4
_SPAN_VALUES = 1 << 20  # and scratch memory of some megabytes at most


class Meter:
    """What one thread measures with: an analyser, and scratch memory for values that are not the analyser's own."""

    def __init__(self, measurement: Measurement, analyser: Analyser, *, span_frames: int) -> None:
        self._measurement, self._analyser = measurement, analyser
        shape = (span_frames, len(measurement.analysis.bank))
        needs_scratch = measurement.scale != "complex" and measurement.analysis.is_complex
        self._scratch = np.empty(shape, analyser.value_dtype) if needs_scratch else None

    def measure(self, samples: NDArray[Any], out: NDArray[Any], *, channel: int = 1) -> None:
        """Fill out, (frames, bands), at most a span of them, with the values of these samples of any dtype."""
        floats = to_floats(samples, self._measurement.dtype)
        if self._scratch is None:
            self._analyser.compute(floats, out, channel=channel)
            self._measurement.scale_powers(out)
        else:
            scratch = self._scratch[: len(out)]
            self._analyser.compute(floats, scratch, channel=channel)
            self._measurement.values_from(scratch, out)


def spread(
    measurement: Measurement,
    items: Iterable[Item],
    do: Callable[[Meter, Item], Result],
    *,
    span_frames: int,
    workers: int,
) -> Iterator[Result]:
    """do(meter, item) for all items, in their order, some of them ahead, in so many threads with a meter each.

    span_frames: the most that a meter is given at once
    """
    analyser = Analyser(measurement.analysis, measurement.dtype)
    if workers == 1:
        meter = Meter(measurement, analyser, span_frames=span_frames)
        yield from (do(meter, item) for item in items)
        return
    idle: SimpleQueue[Meter] = SimpleQueue()

    def run(item: Item) -> Result:
        try:
            meter = idle.get_nowait()
        except Empty:
            meter = Meter(measurement, analyser.twin(), span_frames=span_frames)
        try:
            return do(meter, item)
        finally:
            idle.put(meter)

    ahead: deque[Future[Result]] = deque()
    threads = ThreadPoolExecutor(workers)
    try:
        for item in items:
            ahead.append(threads.submit(run, item))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:  # whoever stops listening waits for what is under way, and for no more
        threads.shutdown(cancel_futures=True)


def choose_span_frames(measurement: Measurement) -> int:
    """Frames in a span: enough to be worth a hand-off, few enough for its scratch memory."""
    analysis = measurement.analysis
    by_work = int(_SPAN_COST / find_frame_cost(analysis, measurement.dtype))
    by_size = _SPAN_VALUES // max(len(analysis.bank), analysis.frames.hop_samples)
    return max(1, min(by_work, by_size))


def measure_rows(
    measurement: Measurement,
    rows: NDArray[Any],
    *,
    workers: int,
    report: Callable[[int, int], None] | None,
) -> NDArray[Any]:
    """(rows, frames, bands) values of rows (rows, samples). report(frames done, frames in all) is called here."""
    frames = measurement.analysis.frames
    n_frames = frames.frames_within(rows.shape[1])
    values = np.empty((len(rows), n_frames, len(measurement.analysis.bank)), measurement.value_dtype)
    span_frames = choose_span_frames(measurement)
    if workers > 1:  # so many spans for each that none waits long for the last
        span_frames = min(span_frames, -(-n_frames // (_SPANS_EACH * workers)))
    spans = [(row, first) for row in range(len(rows)) for first in range(0, n_frames, span_frames)]

    def measure(meter: Meter, span: tuple[int, int]) -> int:
        row, first = span
        out = values[row, first : first + span_frames]
        start = first * frames.hop_samples
        stop = start + frames.length_samples + (len(out) - 1) * frames.hop_samples
        meter.measure(rows[row, start:stop], out)
        return len(out)

    done = 0
    for count in spread(
        measurement, spans, measure, span_frames=span_frames, workers=min(workers, len(spans))
    ):
        done += count
        if report:
            report(done, len(rows) * n_frames)
    return values
