"""What a command reads, so that none of it is written."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.base.files import Place, refuse_inputs
from streamer.base.text import printable
from streamer.outputs import find_files
from streamer.plans.bands import list_band_files
from streamer.plans.plan import find_plan
from streamer.sources import SourceSpec

STDIN, STDOUT = 0, 1


def refuse_inputs_as_outputs(
    targets: Sequence[str],
    sources: Sequence[SourceSpec],
    *,
    plans: Sequence[str] = (),
    bands: str = "",
    config: str | None = None,
) -> None:
    """SpecError when an output, stdout among them, is a source, a plan, a file of bands or settings."""
    inputs: list[Place] = [source.path for source in sources if source.path is not None]
    inputs += [STDIN for source in sources if source.takes_stdin]
    inputs += [find_plan(plan) for plan in plans]
    inputs += list_band_files(bands)
    inputs += [config] if config is not None else []
    outputs: dict[str, Place] = {f'--output "{printable(target)}"': target for target in find_files(targets)}
    refuse_inputs({"stdout": STDOUT, **outputs}, inputs)
