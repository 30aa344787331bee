"""Snapshots to the screen, and the keys back.

A file belongs to one process. Main: link. Dashboard: process, terminal, and what it draws with, canvas < bars panels <
screen, from what there is to be seen, history < state. Both: messages.

May import: base, events. Imported by: commands.
"""
