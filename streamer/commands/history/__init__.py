"""streamer history: what was heard, read where outputs have put it; `text` and `files` are of a folder with levels."""
