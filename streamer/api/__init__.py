"""What Python programs are given, beside the functions of recordings: streams to iterate over, listeners to feed.

`open_stream` pulls: from the engine of `live`, with processes of its own, or from blocks that the caller's iterator
makes. `listener` is pushed: its blocks come from a callback of the caller's, and what they tell comes back. `asking`
reads what callers hand over. What both yield, Levels and Event, is defined in stores/measured and events.

May import: base, sources, analysis, events, detectors, plans, stores, live. Imported by: commands and the front door.
"""
