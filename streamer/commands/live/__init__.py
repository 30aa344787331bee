"""streamer live: settings to a running stream, its screen and its outputs.

May import: everything. Imported by: the command line.
"""
