"""At full speed: recordings and arrays to events and spectrograms.

May import: base, sources, analysis, events, detectors, plans, stores. Imported by: commands and the front door.
"""
