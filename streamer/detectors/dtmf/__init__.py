"""DTMF digits by ITU-T Q.24: hearing finds pairs of tones, grammar makes digits of them.

All of it is compiled, and called as one loop, ear, through compiled: frames and samples in, what is told out.

Hearing, a function of levels and samples within timing's halo: loops (which pair leads which frames, by leaders'
limits; bursts, phases and levels of one pair), hearing (what is asked of one pair), company (what else sounds with
it), doubts (digit or not, and by which reason of verdict's), chord (a third tone, which makes it none), rough (the
same of digits without edges, from codecs and rooms), crackle (noise in a pair, taken out). Grammar, the only state:
when to ask, and what the answers come to. records: what is kept and told; figures: what is told, as events have it.
detector: the memory of one channel, and telling, its events. choir: thousands of them, of which survey_loops finds
those in which something leads. spec, pairs and timing are what all of them count in. kind: what a plan may ask; not
here, as the process server loads the loops alone. Its slow and obvious twin, in plain Python, is
tests/detectors/dtmf/twin.

May import: base, analysis, events. Imported by: detectors.
"""
