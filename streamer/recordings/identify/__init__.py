"""What is in a recording: the families of tones that are known, plans for tones that are not, and what else is there.

One pass over the samples: every plan listens, and a survey keeps each steady tone. What no plan has told of becomes
chords (tones that begin and end together), chords become patterns (over and over, one after the other, held), and
patterns a tone plan.

May import: what recordings may. Imported by: commands.
"""
