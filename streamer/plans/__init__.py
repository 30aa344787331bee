"""What is asked for, as people write it: bands and tone plans.

Bands: band_words (the grammar, word by word) -> bands (a line of it to a bank) -> band_report (what that means behind a
window). Plans: tables (TOML into specs and back) -> plan (a file, checked, to detectors) -> listening (what a stream is
given); asterisk makes plans of other people's files.

May import: base, sources, analysis, events, detectors. Imported by: live, recordings, outputs, commands, front door.
"""
