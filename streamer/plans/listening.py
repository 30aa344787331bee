"""What is listened to and for, once a source has said its rate and channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from streamer.analysis.bank import Analysis
from streamer.base.errors import SpecError
from streamer.base.reading import PLAIN, Reading
from streamer.detectors import Detector
from streamer.detectors.registry import Kind, load_kind
from streamer.plans.plan import Plan, build_detectors, build_what_fits, load_plan
from streamer.sources import SourceInfo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listening:
    """What is listened to and for, once the source has said what it is."""

    display: Analysis
    detectors: Iterable[tuple[str, int, Detector]] = ()  # plan name, channel from 1, detector
    joins_copies: bool = True  # one event in several channels that hold the same samples is told once
    remarks: Sequence[str] = ()  # what of the plans is not listened for, and why
    silence_s: float | None = None  # a silence that lasts so long is told of; None: none is
    is_shown: bool = True  # somebody looks at the display; else it is not measured
    reading: Reading = PLAIN  # what full scale is as sound pressure


SetUp = Callable[[SourceInfo], Listening]


def make_set_up(
    plans: Sequence[str | Plan],
    choose_display: Callable[[float], Analysis],
    *,
    joins_copies: bool = True,
    silence_s: float | None = None,
    needs_plans: bool = True,
    is_shown: bool = True,
    find_reading: Callable[[SourceInfo], Reading] = lambda _info: PLAIN,
) -> SetUp:
    """What a stream calls once the source is open: the levels to show, by its rate, and what hears the plans.

    needs_plans: SpecError where the rate allows none of them; else levels alone are better than nothing
    is_shown: whether somebody looks at the levels, be it a person or a program   find_reading: of a source's levels
    """

    def set_up(info: SourceInfo) -> Listening:
        try:
            display = choose_display(info.fs_hz)
        except SpecError as error:
            raise SpecError(f"{info.name}: {error}") from error
        detectors, remarks = make_what_fits(plans, info, needs_one=needs_plans)
        return Listening(
            display=display,
            detectors=detectors,
            joins_copies=joins_copies,
            remarks=remarks,
            silence_s=silence_s,
            is_shown=is_shown,
            reading=find_reading(info),
        )

    return set_up


def check_digits(plans: Sequence[str]) -> None:
    """SpecError when none of the plans tells digits, calls or text, and these alone are to be printed."""
    if not any(kind.is_digit or kind.is_spelled for kind in _list_kinds(plans)):
        heard = f"{', '.join(plans)} tells none" if plans else "nothing is listened for"
        remedy = f"give --plan dtmf{' too' * bool(plans)}, or leave --digits out"
        raise SpecError(f"--digits prints digits, and {heard}: {remedy}")


def can_explain(plans: Sequence[str]) -> bool:
    """Whether any of them tells what it has refused."""
    return any(kind.is_explained for kind in _list_kinds(plans))


def _list_kinds(plans: Sequence[str]) -> list[Kind]:
    return [
        load_kind(section) for name in plans for section, specs in load_plan(name).entries.items() if specs
    ]


def make_detectors(plans: Sequence[str], fs_hz: float, channels: int) -> Iterator[tuple[str, int, Detector]]:
    """(plan name, channel from 1, detector) for all plans and channels."""
    for name in plans:
        plan = load_plan(name)
        for channel in range(1, channels + 1):
            for detector in build_detectors(plan, fs_hz, channel):
                yield plan.name, channel, detector


def make_what_fits(
    plans: Sequence[str | Plan], info: SourceInfo, *, needs_one: bool = True
) -> tuple[list[tuple[str, int, Detector]], list[str]]:
    """As make_detectors, of the entries that the source's rate allows; and a sentence for each of the others.

    needs_one: SpecError when that leaves nothing to listen for
    """
    detectors: list[tuple[str, int, Detector]] = []
    remarks: list[str] = []
    for name in plans:
        plan = name if isinstance(name, Plan) else load_plan(name)
        for channel in range(1, info.channels + 1):
            fitting, left_out = build_what_fits(plan, info.fs_hz, channel)
            detectors += [(plan.name, channel, detector) for detector in fitting]
        remarks += [f"{info.name}: {what}" for what in left_out]
    if remarks and not detectors and needs_one:
        raise SpecError(remarks[0] if len(remarks) == 1 else f"{remarks[0]}; and {len(remarks) - 1} more")
    return detectors, remarks
