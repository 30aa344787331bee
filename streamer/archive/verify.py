"""Whether a result is as it was written: what stands in a folder against its manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamer.archive import found, spectra
from streamer.archive.grid import Task, cut, list_results
from streamer.archive.inventory import find_files
from streamer.archive.job import Job
from streamer.archive.ledger import Entry, check_same, read_manifest, read_scan
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
        for task in list_results(cut(made.job, str(root), entry.recording)):
            yield from _verify_task(task, entries)
    for path in find_files(paths):
        if as_unicode(path) not in seen:
            yield Finding(f"{path}: nothing of it is there: it was not scanned")


def _verify_task(task: Task, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    path, done = task.recording.path, entries.get(task.key)
    if done is None or done.error:
        why = done.error if done and done.error else "not done"
        yield Finding(f"{path}: {task.product} is missing: {why}", is_known=done is not None)
        return
    root = Path(task.root)
    if task.product == "events":
        digest = found.digest_part(root, task.recording)
    else:
        digest = spectra.digest_of(task, done.count)
    if digest != done.digest:
        yield Finding(f"{path}: {task.product} is not what was written ({task.key})")
    elif done.message:
        yield Finding(f"{path}: {task.product} is not all of the recording: {done.message}", is_known=True)
