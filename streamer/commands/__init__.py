"""The programs: what people type, a command a file or folder.

May import: everything. Imported by: python -m streamer.
"""
