"""What hearing is made of, whatever the decision: when tones start and stop, and what stands in a spectrum.

A detector is two things. Its hearing is a function of the samples and levels from a stated halo before a stretch
to the end of it, and of nothing older: asked again, in another order, in another process or of a piece cut out of
the middle, it says the same. Its grammar is the only state: it is told in order what was heard, and decides events.
dtmf/ is cut along this line; in tones/ a candidate hears, and the detector, which opens and closes it, is the grammar.

bursts: edges and holes in envelopes, and Trail, which keeps the envelopes' last frames. lines: the samples.
baseband: tones brought down to 0 Hz, and their edges behind tapers of several lengths.

May import: base, analysis. Imported by: detectors.
"""
