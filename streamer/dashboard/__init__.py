"""Snapshots to the screen, and the keys back; a process of its own.

May import: base, events. Imported by: commands.
"""
