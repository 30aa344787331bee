"""What is told, and when it was: records, their line of NDJSON, and the clocks that date them.

May import: base. Imported by: everything that hears, writes or shows.
"""

from streamer.events.records import (
    SCHEMA,
    End,
    ErrorRecord,
    Event,
    GapRecord,
    Record,
    Start,
    Stats,
    WorkerRecord,
    encode_line,
    make_schema,
)

__all__ = [
    "SCHEMA",
    "End",
    "ErrorRecord",
    "Event",
    "GapRecord",
    "Record",
    "Start",
    "Stats",
    "WorkerRecord",
    "encode_line",
    "make_schema",
]
