"""Recordings to files of spectrograms: which file each becomes, and each of them whole or not at all."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.base.files import check_folder, describe_unwritable, naming, remove, replacing
from streamer.base.text import choose, shorten
from streamer.recordings import Progress
from streamer.recordings.choose_frames import choose_frames
from streamer.recordings.pieces import Spectra, SpectraSpec
from streamer.sources import SourceSpec
from streamer.sources.calibration import make_reading
from streamer.stores import STORES, Store, load_store
from streamer.stores.as_averages import AveragesStore
from streamer.stores.as_png.layout import Style, lay_out
from streamer.stores.heading import Heading

STOP_S = 2.0

OTHER_PICTURES = (".svg", ".pdf", ".eps", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What values and levels are told as, in words; see make_reading."""

    unit: str = "dbfs"
    weighting: str = "Z"
    calibration: str | None = None
    span_s: float | None = None  # averages of so long
    time_weighting: str = ""  # of these, see Heading

    def read(self, heading: Heading, source: SourceSpec) -> Heading:
        """The same, with what that is for this source. SpecError for pressure of what is not calibrated."""
        reading = make_reading(
            unit=self.unit,
            weighting=self.weighting,
            calibration=self.calibration,
            source=source,
            name=heading.name,
            channels=heading.channels,
        )
        return replace(heading, reading=reading, span_s=self.span_s, time_weighting=self.time_weighting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One recording, what to measure of it and the files to make."""

    source: SourceSpec
    spec: SpectraSpec
    style: Style
    targets: tuple[Path, ...]
    told: Told = Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and what the user should be told about it, a sentence each.

    damage: why it is not all of the recording, if it is not
    """

    targets: tuple[Path, ...]
    remarks: tuple[str, ...]
    damage: SourceError | None = None


def plan_exports(
    sources: Sequence[SourceSpec],
    templates: Sequence[str],
    *,
    spec: SpectraSpec,
    style: Style,
    told: Told | None = None,
) -> list[Export]:
    """An export for each source. Templates may hold {stem} and {name}; every mistake is found before work starts."""
    exports = [
        Export(
            source=source,
            spec=spec,
            style=style,
            told=told or Told(),
            targets=tuple(_name_target(template, source) for template in templates),
        )
        for source in sources
    ]
    claimed: dict[Path, SourceSpec] = {}
    for export in exports:
        if export.source.is_live:
            raise SpecError(f"{export.source} never ends, and a spectrogram is of a recording: name a file")
        for target in export.targets:
            _check_target(target, export)
            place = target.resolve()
            if place in claimed:
                raise SpecError(
                    f"{target} would be written for both {claimed[place]} and {export.source}; "
                    "give -o a name with {stem} or {name} in it, and each suffix once"
                )
            claimed[place] = export.source
    return exports


def _name_target(template: str, source: SourceSpec) -> Path:
    name = source.path.name if source.path else source.kind
    words = {"stem": Path(name).stem, "name": name}

    def fill(found: re.Match[str]) -> str:
        if found[1] not in words:
            raise SpecError(f"output is {shorten(template)}; braces may hold stem or name: {{stem}}.png")
        return words[found[1]]

    return Path(re.sub(r"\{([^{}]*)\}", fill, template))


def _check_target(target: Path, export: Export) -> None:
    try:
        target.exists()
    except OSError as error:  # a name that no file system takes
        raise SpecError(f"output {shorten(target)}: {error.strerror}; choose another name") from error
    suffix = target.suffix.lower()
    if suffix in OTHER_PICTURES:
        raise SpecError(
            f"suffix of output {shorten(target)} is {shorten(suffix)}; pictures are written as .png, "
            "which other programs can convert"
        )
    store = load_store(choose(suffix, STORES, name=f"suffix of output {shorten(target)}"))
    try:
        check_folder(target)
    except OSError as error:
        raise describe_unwritable(f"output {shorten(target)}", error) from error
    store.check_target(target)
    recording = export.source.path
    if recording and recording.exists() and target.exists() and target.samefile(recording):
        raise SpecError(f"output {shorten(target)} is the recording itself; choose another name")
    store.check_scale(export.spec.scale)
    if export.told.span_s is not None and suffix != ".csv":
        raise SpecError(f"suffix of output {shorten(target)} is {suffix}; averages are written as .csv")
    if export.spec.plans and not store.shows_events:
        drawn_on = " and ".join(suffix for suffix in STORES if load_store(suffix).shows_events)
        raise SpecError(
            f"output {shorten(target)} holds no events, they are drawn on {drawn_on} only; "
            "`streamer detect` writes them as lines"
        )


def run_exports(
    exports: Sequence[Export], *, jobs: int = 1, progress: Progress | None = None
) -> Generator[Exported | StreamerError, None, None]:
    """What became of each export, in the order in which they end. jobs: threads at work in all

    Leaving the iterator early, by Ctrl-C too, ends the work and leaves no half-written file.
    """
    at_once = min(jobs, len(exports))
    files = HalfWritten()

    def run(export: Export) -> Exported | StreamerError:
        try:
            return run_export(export, workers=max(1, jobs // at_once), progress=progress, files=files)
        except StreamerError as error:
            return error

    if at_once == 1:
        yield from map(run, exports)
        return
    threads = ThreadPoolExecutor(at_once)
    waiting: set[Future[Exported | StreamerError]] = set()
    try:
        for export in exports:
            waiting.add(threads.submit(run, export))
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        files.stop()
        threads.shutdown(wait=False, cancel_futures=True)
        wait(waiting, timeout=STOP_S)  # for half files to go; a thread that waits for samples may never
        files.remove()


class _StoppedError(StreamerError):
    """Somebody else wants to end; nobody is told."""


class HalfWritten:
    """Files that have no name yet, of all threads: once it is stopped none begins another, and what is left can go."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._is_stopped = False
        # Held while a file is made, so that none is made behind remove's back.
        self._lock = threading.Lock()

    @contextmanager
    def make(self, path: Path) -> Iterator[None]:
        """While the file comes to be. _StoppedError once it shall not."""
        with self._lock:
            self.check()
            self._paths.add(path)
            yield

    def check(self) -> None:
        if self._is_stopped:
            raise _StoppedError

    def stop(self) -> None:
        self._is_stopped = True

    def remove(self) -> None:
        with self._lock:
            for path in self._paths:
                remove(path)


def run_export(
    export: Export, *, workers: int = 1, progress: Progress | None = None, files: HalfWritten | None = None
) -> Exported:
    """Read the recording once and write all of its targets. files: of all who write, for who ends before they do"""
    spec, files = _fit_frames(export), files or HalfWritten()
    with ExitStack() as stack, Spectra(export.source, spec, workers=workers) as spectra:
        heading = export.told.read(spectra.heading, export.source)
        stores: list[Store] = []
        for target in export.targets:
            path = stack.enter_context(replacing(target))
            with files.make(path), naming(target):
                store = _load_store(path, heading).open(path, heading, export.style)
            stack.callback(_let_go, store)
            stores.append(store)
        damage, n_pieces = None, 0
        try:
            for piece in map(heading.tell, spectra.read_pieces(progress)):
                files.check()
                n_pieces += 1
                for store, target in zip(stores, export.targets, strict=True):
                    with naming(target):
                        store.write(piece)
        except SourceError as error:
            if not n_pieces or error is not spectra.damage:
                raise
            damage = error
        events, remarks = spectra.events, spectra.remarks
        for store, target in zip(stores, export.targets, strict=True):
            with naming(target):
                store.finish(events)
                store.close()
    return Exported(targets=export.targets, remarks=tuple(remarks), damage=damage)


def _load_store(path: Path, heading: Heading) -> type[Store]:
    return load_store(path.suffix.lower()) if heading.span_s is None else AveragesStore


def _fit_frames(export: Export) -> SpectraSpec:
    """Where nothing but pictures is made, and nobody has said what of, frames that suit the recording."""
    spec = export.spec
    is_open = spec.window_length is None and spec.hop is None
    if not is_open or any(target.suffix.lower() != ".png" for target in export.targets):
        return spec
    columns = lay_out(export.style, 1)[0].width
    chosen = choose_frames(export.source, start_s=spec.start_s, end_s=spec.end_s, columns=columns)
    return replace(spec, shortest=chosen[0], hop=chosen[1]) if chosen else spec


def _let_go(store: Store) -> None:
    """Close what has failed before, or again what is closed."""
    with suppress(OSError):
        store.close()
