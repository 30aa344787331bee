"""How samples lie in bytes.

May import: base. Imported by: the sources.
"""
