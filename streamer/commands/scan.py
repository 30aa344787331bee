"""streamer scan: archives, resumable, on one machine or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.base.errors import DONE, NO_SOURCE, SpecError
from streamer.base.text import shorten
from streamer.base.units import format_duration
from streamer.commands.options import (
    BAND_OPTIONS,
    CONTEXT,
    DEBUG,
    PLAN_OPTION,
    QUIET,
    choose_jobs,
    refuse_empty,
)

if TYPE_CHECKING:
    from streamer.archive.cost import Cost
    from streamer.archive.executors import Engine
    from streamer.archive.job import Job
    from streamer.archive.ledger import Entry
    from streamer.archive.scan import Scan, Summary

USUAL_RATES_HZ = (8000, 16000, 48000, 192000)  # what fits none of them cannot be meant


@click.command("scan", context_settings=CONTEXT)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    *("-o", "--output"),
    required=True,
    callback=refuse_empty,
    metavar="DIR",
    help="Folder of the result, which a scan goes on in.",
)
@click.option(
    "--product",
    "products",
    multiple=True,
    metavar="NAME",
    help="events | levels | complex | db8; repeatable.  [default: events]",
)
@BAND_OPTIONS
@PLAN_OPTION
@choose_jobs("So many processes.")
@click.option(
    "--scheduler", metavar="ADDR|FILE", help="Work on a Dask cluster: tcp://HOST:8786, or a scheduler file."
)
@click.option(
    "--executor", metavar="MODULE:FUNCTION", help="Work on any concurrent.futures.Executor that it makes."
)
@click.option("--resume/--no-resume", default=True, help="Go on with what is done in DIR, or begin anew.")
@click.option("--dry-run", is_flag=True, help="Say what it would take, and do nothing.")
@click.option("--verify", is_flag=True, help="Say what of DIR is missing or not as it was written.")
@QUIET
@DEBUG
def command(
    paths: tuple[str, ...],
    output: str,
    products: tuple[str, ...],
    bands: str | None,
    window: str | None,
    window_length: str | None,
    hop: str | None,
    plans: tuple[str, ...],
    jobs: int,
    scheduler: str | None,
    executor: str | None,
    resume: bool,
    dry_run: bool,
    verify: bool,
    quiet: bool,
) -> int:
    """Archives: events and levels of many recordings, into one folder.

    PATH is a file, a folder, a pattern or an address that fsspec knows (s3://...). What is done stays done: the same
    command goes on where it was, after whatever ended it, and with any number of processes the result is the same.

    \b
    streamer scan recordings/ -o result -j 8                 events.jsonl, and events.parquet with DuckDB
    streamer scan "2026-*/*.flac" -o result --product db8 -b third-octave:50-8k
    streamer scan recordings/ -o result --scheduler tcp://head:8786
    """
    from streamer.archive.executors import choose_engine
    from streamer.archive.scan import Scan
    from streamer.archive.spectra import load_zarr
    from streamer.base.children import JOBS, fork_own_server
    from streamer.commands.talk import begin_work

    words = (products, bands, window, window_length, hop, plans)
    if verify:
        return _verify(Path(output), paths, _make_job(*words) if any(words) else None)
    if not paths:
        raise SpecError("no PATH is given: name files, folders or patterns; only --verify does without")
    job = _make_job(*words)
    made = Scan(paths, job, Path(output), fresh=not resume)
    if job.spectral:
        load_zarr()
    begin_work(is_quiet=quiet)
    if not scheduler and not executor:
        fork_own_server(
            JOBS if jobs > 1 else []
        )  # which has all that its processes need, as we have loaded it
    engine = choose_engine(jobs=jobs, scheduler=scheduler, factory=executor)
    if dry_run:
        from streamer.archive.cost import estimate

        with engine.open() as driver:
            cost = estimate(job, made.find_recordings(driver, None))
        _tell_failures(made.summary)
        _tell_cost(cost)
        return NO_SOURCE if made.summary.failures else DONE
    return _run(made, engine, quiet=quiet)


def _make_job(
    products: tuple[str, ...],
    bands: str | None,
    window: str | None,
    window_length: str | None,
    hop: str | None,
    plans: tuple[str, ...],
) -> Job:
    from streamer.archive.job import Job
    from streamer.plans.plan import check_plans, choose_plans, find_plan

    wanted = tuple(dict.fromkeys(products or ("events",)))
    if plans and "events" not in wanted:
        raise SpecError("--plan is given, and no --product events: leave one out, or add the other")
    if wanted == ("events",) and (bands or window or window_length or hop):
        raise SpecError(
            "bands and windows are given, and events are heard with their own: add --product levels"
        )
    named = choose_plans(plans or ("dtmf",)) if "events" in wanted else ()
    check_plans(named)
    places = {name: f"{i}/{Path(name).name}" for i, name in enumerate(named) if Path(name).suffix == ".toml"}
    job = Job(
        products=wanted,  # type: ignore[arg-type]
        bands=bands,
        window=window or "hann",
        window_length=window_length,
        hop=hop,
        plans=tuple(places.get(name, name) for name in named),
        plan_files=tuple((place, find_plan(name).read_text()) for name, place in places.items()),
    )
    _refuse_nonsense(job)
    return job


def _refuse_nonsense(job: Job) -> None:
    """SpecError where what is asked for cannot be had of any recording; of some it is told by their names."""
    for product in job.spectral:
        wrong: SpecError | None = None
        for fs_hz in USUAL_RATES_HZ:
            try:
                job.make_measurement(product, fs_hz, None)
                wrong = None
                break
            except SpecError as error:
                wrong = error
        if wrong is not None:
            raise wrong


def _run(made: Scan, engine: Engine, *, quiet: bool) -> int:
    from streamer.commands.cut_short import describe_cut, find_exit_code, raising_signals, take_all
    from streamer.commands.progress import ProgressBar
    from streamer.commands.talk import tell

    n_done = 0

    def take(entry: Entry) -> bool:
        nonlocal n_done
        n_done += 1
        if entry.error and not quiet:
            tell(f"{entry.task}: {entry.error}")
        return True

    with ProgressBar(is_quiet=quiet) as progress, raising_signals():
        cut = take_all(made.run(engine, progress), take)
    summary = made.summary
    if cut is not None:
        tell(
            f"cut short {describe_cut(cut)}; {n_done} {'task was' if n_done == 1 else 'tasks were'} done, and the same "
            "command goes on from there"
        )
        return find_exit_code(cut)
    _tell_failures(summary)
    if not quiet:
        _tell_done(summary, made)
    return NO_SOURCE if summary.failures else DONE


def _tell_failures(summary: Summary) -> None:
    from streamer.commands.failures import tell_list

    lines = [why if path in why else f"{path}: {why}" for path, why in summary.failures]
    tell_list(lines, rest="manifest.jsonl has all of them")


def _tell_done(summary: Summary, made: Scan) -> None:
    from streamer.commands.talk import tell

    before = (
        f", {summary.n_done_before} of {summary.n_tasks} tasks were done before"
        if summary.n_done_before
        else ""
    )
    events = f", {summary.n_events} events" if "events" in made.job.products else ""
    for remark in summary.remarks:
        tell(remark)
    tell(f"{summary.n_recordings} recordings, {format_duration(summary.audio_s)} of audio{events}{before}")
    tell(f"written: {', '.join(str(path) for path in summary.written)}")


def _tell_cost(cost: Cost) -> None:
    from streamer.commands.talk import tell

    unknown = f", not counted {cost.n_unknown} whose length only reading tells" if cost.n_unknown else ""
    tell(f"{cost.n_recordings} recordings, {cost.audio_s / 3600:.3g} h of audio{unknown}")
    tell(
        f"{cost.n_tasks} tasks, {cost.n_bytes / 1e9:.3g} GB of values, about {cost.core_s / 3600:.2g} core hours "
        "and what decoding takes"
    )


def _verify(root: Path, paths: tuple[str, ...], job: Job | None) -> int:
    from streamer.archive.verify import verify
    from streamer.commands.talk import tell

    n_wrong = n_known = 0
    for finding in verify(root, paths=paths, job=job):
        tell(finding.text)
        n_wrong += not finding.is_known
        n_known += finding.is_known
    if n_wrong:
        return NO_SOURCE
    but = "" if not n_known else ", which tells of what failed or was cut short, too"
    tell(f"{shorten(root)} is as its manifest says{but}")
    return DONE
