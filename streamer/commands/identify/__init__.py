"""streamer identify: what is in a recording.

May import: everything. Imported by: the command line.
"""
