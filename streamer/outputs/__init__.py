"""Where events go, each place a file; what all of them need stands once.

May import: base, sources, analysis, events, stores. Imported by: commands.
"""
