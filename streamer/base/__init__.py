"""Words and ground: errors, units, TOML with lines, tone families, child processes.

fields and pattern: how specs and rhythms are read from text. shipped: where files that have a name lie; families: the
alphabets of tones among them.

May import: nothing of ours. Imported by: everybody.
"""
