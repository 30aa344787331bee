"""Levels and events kept on disk, for as long as a budget allows: files that are added to, and read while they are.

    DIR/lock                                    held by the one that writes
    DIR/fine/20261126T130000Z-RUN-0.lines       a line a second: mean and maximum of power, every band and channel
    DIR/coarse/20261126T130000Z-RUN-0.lines     a line a minute
    DIR/events/20261126T130000Z-RUN-0.jsonl     events, gaps and what else was told, as NDJSON

`lines` is what such a file of levels holds; `shelf` writes, and throws the oldest files away; `read` reads, and waits
for nobody. No database: to forget is to remove a file, and a file that was cut short by a crash is a short file.

May import: base. Imported by: outputs (which fill it), dashboard and commands (which read it).
"""
