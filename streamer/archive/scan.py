"""One scan from paths to a result: find, examine, cut, do what is not done, put together."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from streamer.archive import found, spectra
from streamer.archive.driver import Driver, Outcome, is_crash
from streamer.archive.executors import Engine
from streamer.archive.grid import Task, cut, list_results
from streamer.archive.inventory import Recording, find_files, look_at
from streamer.archive.job import Job
from streamer.archive.ledger import BEGUN, EXAMINED, Entry, Ledger
from streamer.archive.work import Done, do, examine_one, join_pieces_of, place_events
from streamer.base.errors import OutputError, SourceError, SpecError, StreamerError
from streamer.base.files import FULL
from streamer.base.text import as_unicode, shorten
from streamer.recordings import Progress

NOT_WRITABLE = {
    *FULL,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
}


@dataclass(slots=True)
class Summary:
    """What became of a scan. failures: (file, why), of those of which nothing or not all is there"""

    n_recordings: int = 0
    n_tasks: int = 0
    n_done_before: int = 0
    n_events: int = 0
    audio_s: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)


class Scan:
    """What is to be done, and how far it is."""

    def __init__(self, paths: Sequence[str], job: Job, root: Path, *, fresh: bool = False) -> None:
        self.job, self.root = job, root
        self._files = list(find_files(paths))
        if not self._files:
            raise SpecError(
                f"paths hold no recording that is known by its suffix: {', '.join(paths)}; name files"
            )
        place = os.path.realpath(root)  # unlike Path's, it bears links that lead nowhere
        inside = [file for file in self._files if Path(os.path.realpath(file)).is_relative_to(place)]
        if inside:
            raise SpecError(f"output {root} holds {inside[0]}, which is to be read; choose another folder")
        self._fresh = fresh
        self._too_short: list[str] = []  # for a frame
        self.summary = Summary()

    def find_recordings(self, driver: Driver, ledger: Ledger | None) -> list[Recording]:
        """All that can be opened, in their order. What was examined before and has not changed is not opened again."""
        known: dict[str, Recording] = {}
        unknown: list[Recording] = []
        for path in self._files:
            try:
                here = look_at(path)
            except SourceError as error:
                named = Recording(path=as_unicode(path), size_bytes=0, changed_ns=0)
                self._fail(named, as_unicode(str(error)), ledger)
                continue
            entry = ledger.find_done(f"{here.key}/{EXAMINED}") if ledger else None
            before = entry.recording if entry else None
            if before and (before.size_bytes, before.changed_ns) == (here.size_bytes, here.changed_ns):
                known[path] = before
            else:
                if before and ledger:
                    ledger.forget(here.key)
                    found.remove(self.root, here.key)
                    spectra.remove(self.root, here.key)
                unknown.append(here)
        for outcome in driver.run(examine_one, unknown):
            recording = outcome.result.recording if outcome.result else None
            if recording is None:
                self._fail(outcome.item, _describe(outcome.error), ledger)
                continue
            known[recording.path] = recording
            if ledger:
                ledger.add(Entry(task=f"{recording.key}/{EXAMINED}", recording=recording))
        return [known[path] for path in self._files if path in known]

    def _fail(self, recording: Recording, why: str, ledger: Ledger | None) -> None:
        """Nothing comes of it at all."""
        self.summary.failures.append((recording.path, why))
        if ledger is not None:
            ledger.add(Entry(task=f"{recording.key}/{EXAMINED}", error=why, recording=recording))

    def run(self, engine: Engine, progress: Progress) -> Generator[Entry, None, None]:
        """An entry for each task as it is done; SystemExit's kin leave what is done done."""
        summary = self.summary
        with (
            _naming(self.root),
            Ledger(self.root, self.job, fresh=self._fresh) as ledger,
            engine.open() as driver,
        ):
            if not ledger.entries:  # of another scan that stood there
                found.clear(self.root)
                spectra.clear(self.root)
            found.sweep(self.root)
            for name in found.WHOLE:
                ledger.put_off(name)
            if self.job.spectral:
                spectra.make_root(self.root)
            recordings = self.find_recordings(driver, ledger)
            summary.n_recordings = len(recordings)
            total_s = sum((recording.length_s or 0.0) for recording in recordings)
            for look_for in (self._find_tasks, self._join_pieces):
                tasks = look_for(recordings, ledger)
                for outcome in driver.run(do, tasks):
                    entry = self._note(outcome, ledger)
                    summary.audio_s += entry.audio_s / len(self.job.products)
                    progress(self.root.name, min(summary.audio_s, total_s), total_s or None)
                    yield entry
            self._finish(recordings, ledger)

    def _find_tasks(self, recordings: Iterable[Recording], ledger: Ledger) -> Iterator[Task]:
        """Those that are not done."""
        for recording in recordings:
            try:
                tasks = list(cut(self.job, str(self.root), recording))
            except StreamerError as error:
                self._fail(recording, str(error), ledger)
                continue
            if not {task.product for task in tasks}.issuperset(self.job.products):
                self._too_short.append(recording.path)
            self._begin(tasks, ledger)
            to_do = [task for task in tasks if not self._is_done(task, ledger)]
            self.summary.n_tasks += len(tasks)
            self.summary.n_done_before += len(tasks) - len(to_do)
            done = [(task, ledger.entries.get(task.key)) for task in tasks if task not in to_do]
            done_s = sum(task.audio_s if entry is None else entry.audio_s for task, entry in done)
            self.summary.audio_s += done_s / len(self.job.products)
            if any(task.product != "events" for task in to_do):
                spectra.sweep(self.root, recording)
            yield from to_do

    def _join_pieces(self, recordings: Iterable[Recording], ledger: Ledger) -> Iterator[Task]:
        """Make one of what was found in the pieces of a recording; what cannot be joined is to be heard whole."""
        for recording in recordings:
            pieces = [task for task in self._cut(recording) if task.is_piece and task.product == "events"]
            if not pieces or self._is_done(pieces[0].whole, ledger):
                continue
            done = join_pieces_of(pieces) if all(self._is_done(task, ledger) for task in pieces) else None
            if done is None:
                yield pieces[0].whole
            else:
                self._note(Outcome(pieces[0].whole, done), ledger)
            for task in pieces:
                place_events(task).unlink(missing_ok=True)

    def _cut(self, recording: Recording) -> list[Task]:
        """Nothing of what cannot be cut, which has been told."""
        try:
            return list(cut(self.job, str(self.root), recording))
        except StreamerError:
            return []

    def _begin(self, tasks: Sequence[Task], ledger: Ledger) -> None:
        """Make what a recording's values go into, unless it is there as it was made."""
        recording = next((task.recording for task in tasks if task.product != "events"), None)
        if recording is None:
            return
        entry = ledger.find_done(f"{recording.key}/{BEGUN}")
        if entry is None or entry.digest != spectra.digest_about(self.root, recording):
            spectra.make_arrays(self.root, self.job, recording)
            self._note_begun(recording, ledger)

    def _note_begun(self, recording: Recording, ledger: Ledger) -> None:
        digest = spectra.digest_about(self.root, recording)
        ledger.add(Entry(task=f"{recording.key}/{BEGUN}", digest=digest))

    def _is_done(self, task: Task, ledger: Ledger) -> bool:
        entry = ledger.find_done(task.key)
        if task.product == "events" and task.is_piece and self._is_done(task.whole, ledger):
            return True
        if entry is None:
            return False
        if task.product == "events":
            return found.digest_file(place_events(task)) == entry.digest
        return spectra.count_bytes(task, entry.count) == entry.n_bytes

    def _note(self, outcome: Outcome[Task, Done], ledger: Ledger) -> Entry:
        task, done = outcome.item, outcome.result
        if isinstance(outcome.error, OSError) and outcome.error.errno in FULL:
            raise outcome.error  # and so it would be with all others
        if done is None:
            entry = Entry(task=task.key, error=_describe(outcome.error))
        else:
            entry = Entry(
                task=task.key,
                digest=done.digest,
                count=done.count,
                n_bytes=done.n_bytes,
                audio_s=done.audio_s,
                message=done.message,
                computer=done.computer,
            )
            if task.product != "events" and not task.is_piece:
                spectra.write_coordinates(self.root, self.job, task.recording, done.count)
                self._note_begun(task.recording, ledger)
        ledger.add(entry)
        return entry

    def _finish(self, recordings: Sequence[Recording], ledger: Ledger) -> None:
        """What needs all tasks: the failures, and the events in one file."""
        summary = self.summary
        found.sweep(self.root)  # also of workers that were killed in this run
        for recording in recordings:
            if self.job.spectral:
                spectra.sweep(self.root, recording)
            why: dict[str, None] = {}
            for key in (task.key for task in list_results(self._cut(recording))):
                entry = ledger.entries.get(key)
                if entry is not None and (entry.error or entry.message):
                    why[entry.error or entry.message or ""] = None
                if entry is not None and key.endswith("/events"):
                    summary.n_events += entry.count
            summary.failures += [(recording.path, each) for each in why]
        if "events" in self.job.products:
            wholes = (
                Task(job=self.job, root=str(self.root), recording=recording, product="events")
                for recording in recordings
            )
            parts = (place_events(task) for task in wholes if ledger.find_done(task.key))
            summary.written.append(found.join_events(self.root, parts))
            table = found.write_parquet(self.root)
            summary.written += [] if table is None else [table]
            for path in summary.written:
                ledger.add(Entry(task=path.name, digest=found.digest_file(path)))
        if self.job.spectral:
            summary.written.append(self.root / spectra.NAME)
        if self._too_short:
            first, others = self._too_short[0], len(self._too_short) - 1
            also = f", as {others} other{'s are' if others > 1 else ' is'}" if others else ""
            summary.remarks.append(
                f"{first} is shorter than a window{also}: there are no values of it; shorten --window-length"
            )
        if len(ledger.computers) > 1:
            summary.remarks.append(
                f"{len(ledger.computers)} kinds of processors or versions have worked on this: values may differ in "
                "their last bits (1e-6) from those of one"
            )


@contextmanager
def _naming(root: Path) -> Iterator[None]:
    """What keeps a result from being written, by the result's name."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StreamerError) or error.errno not in NOT_WRITABLE:
            raise
        raise OutputError(
            f"output {shorten(root)} cannot be written: {error.strerror}; make room or choose another folder, and the "
            "same command goes on"
        ) from error


def _describe(error: BaseException | None) -> str:
    if isinstance(error, StreamerError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return f"{error.filename or 'a file'}: {error.strerror}"
    if error is not None and is_crash(error):
        why = f"{type(error).__name__}: {error}".split(". ")[0]
        return f"its worker was killed, or crashed ({why})"
    return f"it has failed ({type(error).__name__}: {error})"
