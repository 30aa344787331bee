"""The compiled loops, and where their machine code is kept.

May import: nothing of ours. Imported by: analysis.
"""
