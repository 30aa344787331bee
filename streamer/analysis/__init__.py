"""Samples to levels: frames, banks, the ways of computing, the compiled loops.

May import: base. Imported by: detectors, plans, stores, live, recordings, outputs, commands and the front door.
"""
