"""streamer bench: how fast this machine is, beside its own limit, other libraries, and what one writes first.

May import: everything but other commands. Imported by: the command line.
"""
