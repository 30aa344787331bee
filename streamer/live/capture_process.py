"""The main process's end of a capture process."""

from __future__ import annotations

from multiprocessing.connection import Connection

from streamer.base.processes import InheritedFd, SharedBlock, get_context, send_block, start_process
from streamer.live.capture import run_capture
from streamer.live.capture_messages import MAX_BYTES, Ended, Opened, Run, Stop, decode, encode
from streamer.sources import SourceInfo, SourceSpec


class CaptureProcess:
    """One opening of the source."""

    def __init__(
        self, spec: SourceSpec, index_writer: Connection, *, before: SourceInfo | None = None
    ) -> None:
        """before: what the source was, if it is opened again"""
        self.connection, child = get_context().Pipe(duplex=True)
        stdin = InheritedFd(0) if spec.takes_stdin else None
        self._process = start_process(run_capture, spec, before, child, index_writer, stdin, name="capture")
        child.close()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def receive(self) -> Opened | Ended | None:
        """Its next message; None when it is gone, or talks nonsense. Call when the connection is readable."""
        try:
            message = decode(self.connection.recv_bytes(MAX_BYTES))
        except (EOFError, OSError, ValueError):
            return None
        return message if isinstance(message, Opened | Ended) else None

    def give(self, run: Run, block: SharedBlock) -> None:
        """The ring to fill. A process that has died meanwhile shows at the next receive."""
        try:
            self.connection.send_bytes(encode(run))
            send_block(self.connection, block)
        except OSError:
            pass

    def ask_to_stop(self) -> None:
        try:
            self.connection.send_bytes(encode(Stop()))
        except OSError:
            pass

    def close(self, *, grace_s: float = 0.0) -> None:
        """End it, by force when it has not ended by itself after the grace."""
        if grace_s:
            self._process.join(grace_s)
        self._process.kill()
        self._process.join(1.0)
        self.connection.close()
