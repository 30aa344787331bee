"""Words and ground: errors, text, units, TOML with lines, tone families, child processes.

Every process uses all of it. Only processes.py needs numpy when it is imported: what reads words starts without.

May import: nothing of ours. Imported by: everybody.
"""
