"""Signals made up from a line of text, and what is made of them.

voices: what sounds · sounds: when · words and parts: what a line's words mean · language: the line itself · source:
sim: and --demo · generate: into a file or to standard output.

May import: base and the formats. Imported by: the sources and commands.
"""
