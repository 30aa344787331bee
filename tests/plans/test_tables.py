from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from streamer.base.errors import SpecError
from streamer.base.fields import FREQS, RANGE_MS
from streamer.base.toml import parse_toml
from streamer.plans.tables import Finding, format_fields, read_table


@dataclass(frozen=True, kw_only=True)
class Spec:
    name: str
    held_ms: float
    level_dbfs: float = -30.0
    share: float = 0.25
    freqs_hz: tuple[float, ...] = field(default=(), metadata=FREQS)
    on_ms: tuple[float, float] = field(default=(1.0, 2.0), metadata=RANGE_MS)
    count: int = 3
    floor_db: float | None = None

    def __post_init__(self) -> None:
        if self.held_ms > 100:
            raise SpecError(f"held_ms is {self.held_ms:g}; it must not exceed 100")


def read(text, **given):
    findings: list[Finding] = []
    file = parse_toml(text, name="x.toml")
    return read_table(Spec, file.values, (), file, findings, **given), [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("held_ms = 40", "held_ms", 40),
        ('held_ms = "0.04s"', "held_ms", 40),
        ('held = "40ms"', "held_ms", 40),
        ('level = "-10dBm0"', "level_dbfs", -13.14),
        ("level_dbfs = -13", "level_dbfs", -13),
        ('share = "5%"', "share", 0.05),
        ("share = 0.05", "share", 0.05),
        ('freqs = [1200, "1.1k"]', "freqs_hz", (1100, 1200)),
        ("freqs_hz = 440", "freqs_hz", (440,)),
        ('on = "0.6s-1.5s"', "on_ms", (600, 1500)),
        ("on_ms = [600, 1500]", "on_ms", (600, 1500)),
        ("count = 7", "count", 7),
        ('floor = "3dB"', "floor_db", 3),
    ],
)
def test_a_field_is_filled_by_its_name_or_by_its_name_without_the_unit(line, field, value):
    spec, findings = read(f'name = "a"\n{line}\n' + ("" if "held" in line else "held_ms = 1\n"))
    assert findings == []
    assert getattr(spec, field) == pytest.approx(value)


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ("held = 40", '2: held: held is 40, without a unit; write held = "40ms" or held_ms = 40'),
        ("hled = 40", "2: hled: not a key here; did you mean held? There are: name, held, level, share,"),
        ("held_ms = 400", "2: held_ms: held_ms is 400; it must not exceed 100"),
        ('held = "400ms"', "2: held: held_ms is 400; it must not exceed 100"),
        ("count = 7.5", '2: count: count is "7.5"; write a whole number'),
        ("on = [2, 1]", "2: on: on is [2, 1]; the shorter of the two comes first"),
        ("freqs = []", "2: freqs: freqs is empty; write at least one frequency"),
        ("freqs = [440, 440.0]", "2: freqs: freqs has 440 Hz twice"),
    ],
)
def test_a_mistake_is_found_where_it_stands(line, finding):
    text = f'name = "a"\n{line}\n'
    spec, findings = read(text)
    assert spec is None
    assert any(found.startswith(finding) for found in findings)


def test_what_has_no_default_must_be_said():
    assert read("share = 0.1")[1] == ["1: name is missing", "1: held is missing"]


def test_a_table_may_start_from_another_spec():
    base = Spec(name="base", held_ms=50)
    spec, findings = read("share = 0.1", base=base)
    assert findings == []
    assert (spec.name, spec.held_ms, spec.share) == ("base", 50, 0.1)


def test_a_spec_is_written_as_it_is_read():
    spec = Spec(name='a "b" ü', held_ms=28.5, freqs_hz=(440.0, 697.25), on_ms=(0.1, 1e6))
    again, findings = read("\n".join(format_fields(spec)))
    assert findings == []
    assert again == spec
