"""What was found, for people: a tone plan, in whose comments the rest stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamer.base.text import printable
from streamer.base.units import format_duration
from streamer.events import FamilyRecord, Step, SummaryRecord, UnknownRecord

MOST_ALIKE = 6
MOST_TONES = 8
MOST_HEARD = 60  # characters

Found = FamilyRecord | UnknownRecord | SummaryRecord


def write_plan(name: str, done_s: float, found: Sequence[Found]) -> list[str]:
    """Lines of TOML; what is no entry is a comment."""
    families = [record for record in found if isinstance(record, FamilyRecord)]
    unknown = [record for record in found if isinstance(record, UnknownRecord)]
    lines = [f"{name}: {format_duration(done_s)}", ""]
    lines += ["Known:" if families else "Nothing that a plan knows."]
    for family in families:
        lines += [f"  {line}" for line in _tell_family(family)]
    lines += ["", "Unknown, as a plan:" if unknown else "No steady tones that no plan knows."]
    lines += [f"  {line}" for record in unknown for line in [_tell_unknown(record)]]
    lines += [line for record in found if isinstance(record, SummaryRecord) for line in _tell_rest(record)]
    toml = [f"# {printable(line)}".rstrip() for line in lines]
    for record in unknown:
        toml += ["", *record.toml.splitlines()]
    return toml


def _tell_family(family: FamilyRecord) -> Iterator[str]:
    heard = family.heard if len(family.heard) <= MOST_HEARD else f"{family.heard[: MOST_HEARD - 3]}..."
    figures = [f"{family.events} event{'s' * (family.events != 1)}", f"{family.t_s:.3f} s"]
    figures += [f"for {format_duration(family.duration_s)}"] if family.duration_s else []
    figures += [f"{family.level_dbfs:.1f} dBFS"] if family.level_dbfs is not None else []
    figures += [f"{family.level_dbspl:.1f} dB SPL"] if family.level_dbspl is not None else []
    figures += [f"{family.snr_db:.0f} dB S/N"] if family.snr_db is not None else []
    off = [f"frequencies {family.off_percent:.2f} %"] if family.off_percent is not None else []
    off += [f"times {family.time_off_percent:.0f} %"] if family.time_off_percent is not None else []
    figures += [f"{', '.join(off)} off"] if off else []
    yield f"{family.plan:<18}  {heard}"
    yield f"    {', '.join(figures)}, confidence {family.confidence:.2f}"
    if family.steps:
        more = len(family.steps) - MOST_TONES
        tones = [
            f"{step.label}: {_write_tones(step)}" if step.label else _write_tones(step)
            for step in family.steps[:MOST_TONES]
        ]
        yield f"    {', '.join(tones)} Hz{f' and {more} more' if more > 0 else ''}"
    if family.alike:
        more = len(family.alike) - MOST_ALIKE
        names = [
            f"{plan} ({heard})" if heard != family.heard else plan for plan, heard in family.alike.items()
        ]
        yield f"    or {', '.join(names[:MOST_ALIKE])}{f' and {more} more' if more > 0 else ''}"


def _write_tones(step: Step) -> str:
    return "+".join(f"{hz:.1f}" for hz in step.freqs_hz)


def _tell_unknown(record: UnknownRecord) -> str:
    parts = [f"{_write_tones(step)} Hz for {step.duration_s * 1e3:.0f} ms" for step in record.steps[:8]]
    what = "any of " if record.kind == "code" else ""
    times = f"{record.times} times" if record.times != 1 else "once"
    pressure = "" if record.level_dbspl is None else f"{record.level_dbspl:.1f} dB SPL, "
    return (
        f"{record.label}: {what}{', '.join(parts)}; {times} from {record.t_s:.3f} s, {record.level_dbfs:.1f} dBFS, "
        f"{pressure}{record.snr_db:.0f} dB S/N, confidence {record.confidence:.2f}"
    )


def _tell_rest(record: SummaryRecord) -> Iterator[str]:
    shares = [f"{kind} {100 * share:.0f} %" for kind, share in record.shares.items()]
    yield ""
    yield f"Of the time: {', '.join(shares) or 'nothing'}."
    if record.quietest_dbfs is not None:
        yield f"Levels of its seconds: {record.quietest_dbfs:.0f} to {record.loudest_dbfs:.0f} dBFS."
