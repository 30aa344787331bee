"""The slow and obvious twin of the compiled hearing of digits: the same questions and answers, in plain Python."""
