"""Words and ground: errors, text, units, TOML with lines, tone families, child processes.

Every process uses all of it. Only processes.py needs numpy when it is imported: what reads words starts without.

fields and pattern: how specs and rhythms are read from text. shipped: where files that have a name lie; families: the
alphabets of tones among them.

May import: nothing of ours. Imported by: everybody.
"""
