"""Whether a result is as it was written: what stands in a folder against its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamer.archive import found, shards, spectra
from streamer.archive.grid import Task, cut, list_results
from streamer.archive.inventory import Recording, find_files
from streamer.archive.job import FORMAT, Job
from streamer.archive.ledger import BEGUN, Entry, check_same, read_manifest, read_scan
from streamer.archive.work import place_events
from streamer.base.errors import SpecError
from streamer.base.text import as_unicode, shorten


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence. is_known: the manifest says so too, as the scan did"""

    text: str
    is_known: bool = False


def verify(root: Path, *, paths: Sequence[str] = (), job: Job | None = None) -> Iterator[Finding]:
    """What is missing or not as the manifest says, and what the scan failed at.

    paths: of which all recordings are to be in it   job: what it is to be the result of, if that is asked
    """
    made = read_scan(root)
    if made is None:
        raise SpecError(f"output {shorten(root)} holds no scan that could be verified; name one that does")
    if made.job.format != FORMAT:
        raise SpecError(
            f"output {shorten(root)} was written by streamer {made.job.version} in another form: verify it with "
            "that, or begin anew with --no-resume"
        )
    if job is not None:
        check_same(root, made, job)
    entries = {entry.task: entry for entry in read_manifest(root)}
    seen: set[str] = set()
    for entry in entries.values():
        if entry.recording is None:
            continue
        seen.add(entry.recording.path)
        if entry.error:
            yield Finding(f"{entry.recording.path}: nothing of it is there: {entry.error}", is_known=True)
            continue
        if made.job.spectral:
            yield from _verify_about(root, entry.recording, entries)
        for task in list_results(cut(made.job, str(root), entry.recording)):
            yield from _verify_task(task, entries)
    if "events" in made.job.products:
        yield from _verify_whole(root, entries)
    for path in find_files(paths):
        if as_unicode(path) not in seen:
            yield Finding(f"{path}: nothing of it is there: it was not scanned")


def _verify_about(root: Path, recording: Recording, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    begun = entries.get(f"{recording.key}/{BEGUN}")
    if begun is not None and not begun.error and begun.digest != spectra.digest_about(root, recording):
        place = f"{spectra.NAME}/{recording.key}"
        yield Finding(
            f"{recording.path}: its names and axes are not what was written ({place}); the scan's command makes all "
            "of its values anew"
        )


def _verify_whole(root: Path, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    """The files that hold the events of all recordings."""
    for name in found.WHOLE:
        entry = entries.get(name)
        if entry is None and name == found.NDJSON:
            yield Finding(f"{name} is missing: the scan has not come to its end")
        elif entry is not None and entry.error:
            yield Finding(f"{name} is not of all events: {entry.error}")
        elif entry is not None and found.digest_file(root / name) != entry.digest:
            yield Finding(f"{name} is not what was written; the scan's command makes it anew")


def _verify_task(task: Task, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    path, done = task.recording.path, entries.get(task.key)
    if done is None or done.error:
        why = done.error if done and done.error else "not done"
        yield Finding(f"{path}: {task.product} is missing: {why}", is_known=done is not None)
        return
    if _digest(task, done) != done.digest:
        yield Finding(
            f"{path}: {task.product} is not what was written ({task.key}); {_find_remedy(task, done)}the scan's "
            "command makes it anew"
        )
    elif done.message:
        yield Finding(f"{path}: {task.product} is not all of the recording: {done.message}", is_known=True)


def _digest(task: Task, done: Entry) -> str:
    """Of what is there now."""
    if task.product == "events":
        return found.digest_file(place_events(task))
    try:
        return shards.digest_of(task, done.count)
    except Exception:  # whatever Zarr comes to with bytes that are not its own
        return ""


def _find_remedy(task: Task, done: Entry) -> str:
    """Events are looked at whenever the scan goes on, and of values only how many bytes they are."""
    try:
        if task.product == "events" or spectra.count_bytes(task, done.count) != done.n_bytes:
            return ""
        return f"delete {' and '.join(map(str, spectra.list_shards(task, done.count)))}, and "
    except Exception:  # as above: then it is seen
        return ""
