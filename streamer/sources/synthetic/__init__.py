"""Signals made up from a line of text.

May import: base. Imported by: the sources.
"""
