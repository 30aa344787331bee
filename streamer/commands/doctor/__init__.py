"""streamer doctor: checks of this machine, one after the other.

May import: everything but other commands. Imported by: the command line.
"""
