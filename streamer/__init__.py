"""streamer: a real-time streaming tone analyser."""

__version__ = "0.1.0"
