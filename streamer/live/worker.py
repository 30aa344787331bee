"""A worker: spans in, levels out, and the samples they were made of."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.kernels.store import Fixed, Open
from streamer.live import compiled
from streamer.live.results import Results
from streamer.live.ring import Ring, RingReader
from streamer.live.spans import GETTING_READY, MESSAGE, Work, from_message, to_message

OUT_OF_MEMORY = 71  # sysexits.h: EX_OSERR


class Worker:
    """One worker's way through a run of spans."""

    def __init__(self, work: Work, ring: Ring, results: Results) -> None:
        self._work, self._results, self._ring = work, results, ring
        self._reader = RingReader(ring)
        self._measure = compiled.measure.prepare(
            *(Open(np.zeros((1, 1), np.float32)), Open(0), Open(0), work.span_samples, Open(0)),
            *(Fixed(results.meters), Fixed(results.samples), 2.0**15 if work.has_16_bits else 1.0),
        )
        self._analysers = [Analyser(analysis) for analysis in work.analyses]
        self._samples = np.zeros((work.channels, work.longest_frame_samples + work.span_samples), np.float32)
        for analysis, analyser in zip(work.analyses, self._analysers, strict=True):  # the first call is slow
            scratch = np.zeros(analysis.frames.length_samples, np.float32)
            analyser.compute(scratch, np.zeros((1, len(analysis.bank)), analysis.value_dtype))

    def do(self, first: int, count: int = 1) -> None:
        """Compute spans [first, first + count) and publish them."""
        work, results, size = self._work, self._results, self._work.span_samples
        taken = self._ring.collected_spans
        if first < taken:  # a repeat of something taken long ago: its place is another span's by now
            first, count = taken, first + count - taken
        if count <= 0 or results.is_done(first, count):
            return  # another has done it
        start, stop = first * size, (first + count) * size
        if (total := self._reader.total_samples) is not None:
            stop = min(stop, total)
        runs = [work.frames_between(i, start, stop) for i in range(len(work.analyses))]
        begin = start
        for analysis, (frame, n) in zip(work.analyses, runs, strict=True):
            if n:
                begin = min(begin, frame * analysis.frames.hop_samples)
        if self._samples.shape[1] < stop - begin:
            self._samples = np.zeros((work.channels, stop - begin), np.float32)
        if not self._reader.copy(begin, stop, self._samples):
            if count == 1:
                results.publish(first, 1, is_lapped=True)
            else:  # of the run, perhaps only the oldest is gone
                for span in range(first, first + count):
                    self.do(span)
            return
        self._measure(self._samples, start - begin, stop - begin, first)
        for i, (frame, n) in enumerate(runs):
            self._compute(i, frame, n, self._samples, begin=begin)
        if work.analyses and start < work.analyses[0].frames.length_samples:
            self._compute_early(start, stop)
        results.publish(first, count, is_lapped=False)

    def _compute_early(self, start: int, stop: int) -> None:
        """What a screen shows until the first whole frame has come, which may take a second."""
        first, count = self._work.early_between(start, stop)
        heard = np.zeros((self._work.channels, stop), np.float32)
        if count and self._reader.copy(0, stop, heard):
            n_before = -first * self._work.analyses[0].frames.hop_samples
            samples = np.pad(heard, ((0, 0), (n_before, 0)))
            self._compute(0, first, count, samples, begin=-n_before)

    def _compute(
        self, analysis: int, first: int, count: int, samples: NDArray[np.float32], *, begin: int
    ) -> None:
        """Frames [first, first + count) of an analysis, of all channels. samples: (channels, n) from `begin` on"""
        hop_samples, values = self._work.analyses[analysis].frames.hop_samples, self._results.values[analysis]
        for rows in self._results.rows_of(analysis, first, count) if count else ():
            start = first * hop_samples  # in the ring's signal, of which no sample ever changes
            self._analysers[analysis].compute_channels(samples, start - begin, values, rows, start=start)
            first += rows.stop - rows.start


def run_worker(
    work: Work, ring: Ring, results: Results, number: int, index_pipe: Connection, done_pipe: Connection
) -> None:
    """A worker process: until the pipe of indices ends."""
    index_fd, done_fd = index_pipe.fileno(), done_pipe.fileno()
    lease = results.lease(number)
    lease.begin(GETTING_READY)
    try:
        worker = Worker(work, ring, results)
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    lease.clear()
    try:
        os.write(done_fd, MESSAGE.pack(to_message(number, 0)))
        while data := os.read(index_fd, MESSAGE.size):
            (message,) = MESSAGE.unpack(data)
            lease.begin(message)
            worker.do(*from_message(message))
            lease.end()
            os.write(done_fd, data)
    except BrokenPipeError:
        pass  # the main process is gone
