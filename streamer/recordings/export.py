"""Recordings to files of spectrograms: which file each becomes, and each of them whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Sequence
from concurrent.futures import as_completed
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamer.analysis.kernels import store as kernels
from streamer.base.errors import NoProcessError, SourceError, SpecError, StreamerError
from streamer.base.files import (
    check_folder,
    describe_unwritable,
    make_token,
    name_beside,
    naming,
    remove,
    replacing,
)
from streamer.base.processes import InheritedFd
from streamer.base.text import choose, shorten
from streamer.recordings import Progress
from streamer.recordings.choose_frames import choose_frames
from streamer.recordings.jobs import Compiling, Position, make_failure, pace, pack, unpack
from streamer.recordings.pieces import Spectra, SpectraSpec
from streamer.recordings.pool import Pool, find_stdin, say
from streamer.sources import SourceSpec
from streamer.sources.calibration import make_reading
from streamer.stores import STORES, Store, load_store
from streamer.stores.as_averages import AveragesStore
from streamer.stores.as_png.layout import Style, lay_out
from streamer.stores.heading import Heading

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
    """One recording, what to measure of it and the files to make. token: of their names while they are made"""

    source: SourceSpec
    spec: SpectraSpec
    style: Style
    targets: tuple[Path, ...]
    told: Told = Told()
    token: str = field(default_factory=make_token)


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
                    "give -o a name with {name} in it, which has the suffix too, and each suffix once"
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

    Several are made by other processes: a recording that crashes its reader takes nothing else with it. Leaving the
    iterator early, by Ctrl-C too, ends the work and leaves no half-written file.
    """
    if len(exports) == 1:
        yield _try_export(exports[0], workers=jobs, progress=progress)
        return
    at_once = max(1, min(jobs, len(exports)))
    positions: dict[str, Position] = {}

    def hear(said: bytes) -> None:
        for item in unpack(said):
            if isinstance(item, Compiling):
                kernels.say_compiling()
            else:
                positions[item.name] = item
                if progress:
                    progress(item.name, item.done_s, item.total_s)

    stdin = InheritedFd(0) if any(export.source.takes_stdin for export in exports) else None
    pool = Pool(at_once, name="spectrogram", tries_again=False, stdin=stdin)
    try:
        waiting = {
            pool.ask(hear, _export_apart, export, max(1, jobs // at_once)): export for export in exports
        }
        for future in as_completed(waiting):
            name, error = waiting[future].source.name, future.exception()
            if isinstance(error, NoProcessError):
                raise error
            yield future.result() if error is None else make_failure(error, name, positions.get(name))
    finally:
        pool.shutdown(cancel_futures=True)
        for export in exports:
            for target in export.targets:
                remove(name_beside(target, export.token))


def _export_apart(export: Export, workers: int) -> Exported | StreamerError:
    """In another process, which says meanwhile how far it is."""
    kernels.announce = lambda _: say(pack([Compiling()]))
    if export.source.takes_stdin:
        os.dup2(find_stdin(), 0)
    return _try_export(export, workers=workers, progress=pace(lambda position: say(pack([position]))))


def _try_export(export: Export, *, workers: int, progress: Progress | None) -> Exported | StreamerError:
    try:
        return run_export(export, workers=workers, progress=progress)
    except StreamerError as error:
        return error


def run_export(export: Export, *, workers: int = 1, progress: Progress | None = None) -> Exported:
    """Read the recording once and write all of its targets."""
    spec = _fit_frames(export)
    with ExitStack() as stack, Spectra(export.source, spec, workers=workers) as spectra:
        heading = export.told.read(spectra.heading, export.source)
        stores: list[Store] = []
        for target in export.targets:
            path = stack.enter_context(replacing(target, export.token))
            with naming(target):
                store = _load_store(path, heading).open(path, heading, export.style)
            stack.callback(_let_go, store)
            stores.append(store)
        damage, n_pieces = None, 0
        try:
            for piece in map(heading.tell, spectra.read_pieces(progress)):
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
