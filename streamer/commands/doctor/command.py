"""streamer doctor: whether everything works here."""

from __future__ import annotations

import click

from streamer.base.errors import INTERNAL_ERROR, NO_SOURCE
from streamer.base.processes import quieten_server, start_server
from streamer.base.units import parse_frequency_hz
from streamer.commands.options import CONTEXT, DEBUG
from streamer.commands.talk import begin_work
from streamer.sources import parse_source


@click.command("doctor", context_settings=CONTEXT)
@click.argument("source", required=False)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option("-r", "--rate", metavar="HZ", help="Sample rate to try the microphone at.")
@DEBUG
def command(source: str | None, is_json: bool, rate: str | None) -> None:
    """Whether everything works here, SOURCE (mic or mic:NAME) too, and what to do where it does not.

    Ends with 0 when `streamer live` can run, with 3 when only SOURCE is not there, else with 70.
    """
    quieten_server()  # it and this process may both have to compile: that is said here, once
    start_server()
    import msgspec  # while the server loads its kernels

    from streamer.analysis.kernels import store
    from streamer.commands.doctor.checks import examine, is_anything_missing
    from streamer.commands.doctor.diagnosis import Verdict
    from streamer.commands.doctor.microphone import SOURCE_SUBJECTS

    begin_work()
    if is_anything_missing():
        store.say_compiling()
    rate_hz = None if rate is None else parse_frequency_hz(rate, name="rate")
    diagnoses = []
    for diagnosis in examine(parse_source(source, rate_hz=rate_hz)):
        diagnoses.append(diagnosis)
        if not is_json:
            click.echo(diagnosis.format())
    can_run = all(diagnosis.verdict is not Verdict.PROBLEM for diagnosis in diagnoses)
    if is_json:
        click.echo(msgspec.json.encode({"can_run": can_run, "findings": diagnoses}))
    if not can_run:
        problems = [diagnosis for diagnosis in diagnoses if diagnosis.verdict is Verdict.PROBLEM]
        is_source_alone = source is not None and all(each.subject in SOURCE_SUBJECTS for each in problems)
        click.get_current_context().exit(NO_SOURCE if is_source_alone else INTERNAL_ERROR)
