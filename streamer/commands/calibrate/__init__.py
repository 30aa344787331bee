"""streamer calibrate: how loud full scale is, of a microphone.

measure: what a few seconds of samples are worth. ear: they are listened to until they are worth something. run: that,
and what is kept. command: the words of the command line.

May import: everything. Imported by: the command line.
"""
