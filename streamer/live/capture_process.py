"""The main process's end of a capture process."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.base.processes import InheritedFd, SharedBlock, get_context, send_block, start_process
from streamer.live.capture import run_capture
from streamer.live.capture_messages import MAX_BYTES, Ended, Lane, Opened, Run, Serve, Stop, decode, encode
from streamer.live.spans import IndexPipe
from streamer.sources import SourceInfo, SourceSpec


class CaptureProcess:
    """One opening of the source."""

    def __init__(
        self, spec: SourceSpec, indices: Sequence[IndexPipe], *, before: SourceInfo | None = None
    ) -> None:
        """indices: of each lane   before: what the source was, if it is opened again"""
        self.has_ring = False
        self.connection, child = get_context().Pipe(duplex=True)
        stdin = InheritedFd(0) if spec.takes_stdin else None
        writers = [index.writer for index in indices]
        self._process = start_process(run_capture, spec, before, child, writers, stdin, name="capture")
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
        self.has_ring = True
        try:
            self.connection.send_bytes(encode(run))
            send_block(self.connection, block)
        except OSError:
            pass

    def serve(self, lanes: Sequence[Lane]) -> None:
        """Of the ring it was given, these lanes from now on. Once it does, the ring says so."""
        try:
            self.connection.send_bytes(encode(Serve(lanes=tuple(lanes))))
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
