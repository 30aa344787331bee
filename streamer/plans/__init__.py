"""What is asked for, as people write it: bands and tone plans.

May import: base, sources, analysis, events, detectors. Imported by: live, recordings, outputs, commands, front door.
"""
