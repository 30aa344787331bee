"""Words and ground: errors, units, TOML with lines, tone families, child processes.

May import: nothing of ours. Imported by: everybody.
"""
