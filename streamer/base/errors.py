"""Errors that callers may catch, and the exit codes of the command line. Each error names the one it ends with."""

from __future__ import annotations

DONE = 0
NOTHING_MATCHED = 1
WRONG_USAGE = 2
NO_SOURCE = 3
DATA_LOST = 4
INTERNAL_ERROR = 70  # sysexits.h: EX_SOFTWARE
ENGINE_LOST = 75  # sysexits.h: EX_TEMPFAIL
TERMINATED = 143  # and one that SIGTERM has ended
INTERRUPTED_TWICE = 130  # what a shell calls a program that SIGINT has ended


class StreamerError(Exception):
    """Whatever streamer refuses or cannot do; the message is one line and says what to do about it."""

    exit_code = INTERNAL_ERROR


class SpecError(StreamerError, ValueError):
    """A setting, band specification, plan or argument that cannot be meant."""

    exit_code = WRONG_USAGE


class MissingExtraError(StreamerError, ImportError):
    """A feature whose optional dependency is not installed; the message says what to install."""

    exit_code = WRONG_USAGE


class SourceError(StreamerError, OSError):
    """The source is not there, cannot be opened, or was lost for good."""

    exit_code = NO_SOURCE


class RefusedError(SourceError):
    """The device is there and refuses this rate or these channels."""


class OutputError(StreamerError, OSError):
    """What was found could not be written, or not all of it."""

    exit_code = INTERNAL_ERROR  # nothing that a user asked for wrongly, and nothing lost on the way in


class NoProcessError(StreamerError, OSError):
    """The system has no process or thread for us, now."""

    def __init__(self, why: object) -> None:
        super().__init__(
            f"no process can be begun: {why}; end other programs, ask for fewer at once (-j), or allow more "
            "(see `ulimit -u`)"
        )


NO_THREAD = "can't start new thread"  # Python's words, of a RuntimeError like any other


class EngineLostError(StreamerError):
    """Whoever does the work cannot be reached, or is gone, and with it what was under way."""

    exit_code = ENGINE_LOST


class DataLostError(StreamerError):
    """Samples were lost and the run was asked to be strict about it."""

    exit_code = DATA_LOST
