"""Errors that callers may catch. Each names the exit code the command line ends with."""

from __future__ import annotations


class StreamerError(Exception):
    """Whatever streamer refuses or cannot do; the message is one line and says what to do about it."""

    exit_code = 70


class SpecError(StreamerError, ValueError):
    """A setting, band specification, plan or argument that cannot be meant."""

    exit_code = 2


class MissingExtraError(StreamerError, ImportError):
    """A feature whose optional dependency is not installed; the message says what to install."""

    exit_code = 2


class SourceError(StreamerError, OSError):
    """The source is not there, cannot be opened, or was lost for good."""

    exit_code = 3


class RefusedError(SourceError):
    """The device is there and refuses this rate or these channels."""


class DataLostError(StreamerError):
    """Samples were lost and the run was asked to be strict about it."""

    exit_code = 4
