"""How samples lie in bytes, and how they are written: nothing here knows who asked for them.

pcm: samples as bytes and back · g711: telephone octets · wav: what the header of a stream says · write: into files.

May import: base and channels. Imported by: the sources.
"""
