"""The version, for whoever tells it; the front door hands it on."""

__version__ = "0.2.0"
