"""In real time: one process captures, some analyse, the main process collects and decides.

A file belongs to one process; its name says which.

Capture: capture, dispatcher, timekeeper, diverted_stderr.
Workers: worker.
Main: stream, section, source_keeper, pool, collector, capture_process.
All of them: ring, ring_fields, ring_loops, compiled, atomics, spans, results, capture_messages.
The process server, from which the others are forked: preload.

What they share is memory, ring and results, and three pipes: capture's own (capture_messages), the one of span indices
that all workers read, and the one through which workers say that they are ready, or done with a span (spans).

May import: base, sources, analysis, events, detectors, plans. Imported by: api and commands.
"""
