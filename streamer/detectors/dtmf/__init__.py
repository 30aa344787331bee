"""DTMF digits by ITU-T Q.24: hearing finds pairs of tones, grammar makes digits of them.

Hearing, a function of levels and samples within timing's halo: leaders (which pair leads which frames: every frame,
all at once), hearing (bursts, phases and samples of one pair, when asked), company (what else sounds with it),
verdict (digit or not, and why not), chord (a third tone, which makes it none), rough (the same of digits without
edges, from codecs and rooms), crackle (noise in a pair, taken out). What of it is asked often is compiled: loops,
which are called through compiled. Grammar, the only state: candidate (how far a pair has got), grammar (when to ask,
and what the answers come to), telling (events). detector: where the two meet. spec, pairs and timing are what all of
them count in. kind: what a plan may ask; not here, as the process server loads the loops alone.

May import: base, analysis, events. Imported by: detectors.
"""
