"""In real time: one process captures, some analyse, the main process collects and decides.

May import: base, sources, analysis, events, detectors, plans. Imported by: commands and the front door.
"""
