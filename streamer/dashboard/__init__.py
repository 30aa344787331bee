"""Snapshots to the screen, and the keys back.

A file belongs to one process. Main: link. Dashboard: process, terminal, and what it draws: what there is to be seen,
history (levels), past (those on disk) and heard (events) < state; where it stands, layout; what it is drawn on,
canvas; parts, a file each < screen. Both: messages, figures.

May import: base, events, history. Imported by: commands.
"""
