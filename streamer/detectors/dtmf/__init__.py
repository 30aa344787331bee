"""DTMF digits by ITU-T Q.24.

May import: base, analysis, events. Imported by: detectors.
"""
