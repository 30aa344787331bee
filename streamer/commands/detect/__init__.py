"""streamer detect: the events in recordings.

May import: everything. Imported by: the command line.
"""
