"""streamer wait: until something is heard.

May import: everything. Imported by: the command line.
"""
