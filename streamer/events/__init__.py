"""What is told, and when it was.

`records` is what there is to tell, and its line of NDJSON; `clocks` dates it. How else it is written, and where it
goes, is the business of outputs.

May import: base. Imported by: everything that hears, writes or shows.
"""

from streamer.events.records import (
    SCHEMA,
    ClockRecord,
    Dated,
    End,
    ErrorRecord,
    Event,
    FamilyRecord,
    GapRecord,
    MarkRecord,
    OutputBooks,
    Record,
    ReloadRecord,
    SilenceRecord,
    SourceRecord,
    Start,
    Stats,
    Step,
    SummaryRecord,
    UnknownRecord,
    WorkerRecord,
    add_reading,
    decode_line,
    encode_line,
    make_printable,
    make_schema,
)

__all__ = [
    "SCHEMA",
    "ClockRecord",
    "Dated",
    "End",
    "ErrorRecord",
    "Event",
    "FamilyRecord",
    "GapRecord",
    "MarkRecord",
    "OutputBooks",
    "Record",
    "ReloadRecord",
    "SilenceRecord",
    "SourceRecord",
    "Start",
    "Stats",
    "Step",
    "SummaryRecord",
    "UnknownRecord",
    "WorkerRecord",
    "add_reading",
    "decode_line",
    "encode_line",
    "make_printable",
    "make_schema",
]
