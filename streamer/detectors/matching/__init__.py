"""Bursts of tones to matches: what sequences, cadences and codes are heard with.

Hearing, see hearing/tones_heard, tells of every tone in a channel. Here tables come in: parts (the tones of a chord,
when they are there together), neighbours (what else begins with one: a chord of music), grammar (what one entry of a
plan is told and asked), rhythm (the grammar of parts one after the other, once or over and over), call (that of
digits) and framed (of digits between one that begins a call and one that ends it, where rivals sound at once); pairs:
digits that are a match each; detector: all of a plan behind one door, where the most specific of several matches wins.

May import: base, analysis, events, and hearing, limits beside it. Imported by: the kinds of decision, plans.
"""
