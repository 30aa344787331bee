"""What is waited for, as the command line has it; known to be in order before anything is started for it."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.base import old_names
from streamer.base.errors import SpecError
from streamer.base.fields import format_number, read_freqs
from streamer.base.units import parse_time_s
from streamer.commands.wait.labels import check_labels
from streamer.plans.plan import Plan, choose_plans, load_plan, parse_plan

TONE_MS = 100.0  # what a tone lasts at least, if --min does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line, as they were given."""

    source: str
    tones: tuple[str, ...]
    plans: tuple[str, ...]
    labels: tuple[str, ...]
    shortest: str | None
    count: int
    timeout: str | None
    rate: str | None
    channels: str | None
    sample_format: str | None
    calibration: str | None
    is_json: bool
    quiet: bool

    @property
    def wanted(self) -> list[str]:
        """Labels as they are now; old ones are understood."""
        return [old_names.LABELS.get(label, label) for label in self.labels]

    @property
    def shortest_s(self) -> float:
        return 0.0 if self.shortest is None else parse_time_s(self.shortest, name="min")

    def load_plans(self) -> list[Plan]:
        """What is waited for. SpecError where nothing is, or nothing that could ever be called so."""
        plans = [load_plan(name) for name in choose_plans(self.plans)]
        if self.tones:
            shortest_ms = self.shortest_s * 1e3 or TONE_MS
            plans.append(
                parse_plan("\n".join(_write_tone(tone, shortest_ms) for tone in self.tones), name="tone.toml")
            )
        if not plans:
            raise SpecError("nothing to wait for: give --tone 1000, or --plan NAME (`streamer plan list`)")
        check_labels(self.wanted, plans)
        return plans


def _write_tone(text: str, shortest_ms: float) -> str:
    freqs_hz = read_freqs([part.strip() for part in text.split("+")], name="tone")
    name = "+".join(map(format_number, freqs_hz))
    freqs = ", ".join(map(format_number, freqs_hz))
    return f'[[tone]]\nname = "{name}"\nfreqs = [{freqs}]\nmin_on_ms = {shortest_ms:g}\n'
