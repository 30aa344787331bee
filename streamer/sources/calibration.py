"""How loud full scale is: what `streamer calibrate` has found out of each device and channel, and where it is kept.

One file of the user's, calibrations.toml beside the settings, holds all of them; a device is known by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.base.errors import SpecError
from streamer.base.files import write_whole
from streamer.base.folders import find_config_folder
from streamer.base.reading import Curve, Reading, Sensitivity
from streamer.base.text import printable, shorten
from streamer.base.toml import TomlFile, read_toml
from streamer.base.units import NUMBER
from streamer.sources.spec import SourceInfo, SourceSpec

MIN_SPL_DB, MAX_SPL_DB = 0.0, 250.0  # of full scale: what lies beyond is a slip of the hand
_KEYS = {"device", "channel", "spl_at_0_dbfs_db", "how", "date", "correction_file", "correction"}
_LEVEL = re.compile(rf"([+-]?{NUMBER})\s*(?:dB)?\s*(?:SPL)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Of one channel of a device. channel: of the device's, from 1   how: for people   date: ISO 8601"""

    device: str
    channel: int
    spl_at_0_dbfs_db: float
    how: str = ""
    date: str = ""
    correction_file: str = ""
    correction: Curve | None = None

    def describe(self) -> str:
        corrected = f", corrected by {self.correction_file or 'a file'}" if self.correction else ""
        found = (
            f" ({', '.join(part for part in (self.how, self.date[:10]) if part)})"
            if self.how or self.date
            else ""
        )
        device = printable(self.device)
        return f"{device}, channel {self.channel}: 0 dBFS is {self.spl_at_0_dbfs_db:.2f} dB SPL{corrected}{found}"

    @property
    def sensitivity(self) -> Sensitivity:
        return Sensitivity(spl_at_0_dbfs_db=self.spl_at_0_dbfs_db, correction=self.correction)


def find_file() -> Path:
    """SpecError for a user without a home."""
    folder = find_config_folder()
    if folder is None:
        raise SpecError("calibrations are kept in the user's settings, and this user has no home: set HOME")
    return folder / "calibrations.toml"


def load_calibrations() -> list[Calibration]:
    """All that are kept, by device and channel."""
    folder = find_config_folder()
    path = None if folder is None else folder / "calibrations.toml"
    if path is None or not path.exists():
        return []
    file = read_toml(path)
    rows = file.values.get("calibration", [])
    if file.values.keys() - {"calibration"} or not isinstance(rows, list):
        raise SpecError(
            f"{file.name}: holds [[calibration]] and nothing else; `streamer calibrate` writes it"
        )
    return sorted(
        (_read_row(file, i, row) for i, row in enumerate(rows)), key=lambda each: (each.device, each.channel)
    )


def _read_row(file: TomlFile, i: int, row: dict[str, Any]) -> Calibration:
    def refuse(key: str, allowed: str) -> SpecError:
        line = file.line_of(("calibration", i, key) if key in row else ("calibration", i))
        return SpecError(f"{file.name}:{line}: {key} is {shorten(row.get(key, 'missing'))}; {allowed}")

    for key in row.keys() - _KEYS:
        raise refuse(key, f"there are: {', '.join(sorted(_KEYS))}")
    texts = {key: row.get(key, "") for key in ("device", "how", "date", "correction_file")}
    for key, text in texts.items():
        if not isinstance(text, str) or (key == "device" and not text):
            raise refuse(key, "write a text")
    channel: Any = row.get("channel")
    spl_db: Any = row.get("spl_at_0_dbfs_db")
    if type(channel) is not int or channel < 1:
        raise refuse("channel", "write a number counted from 1")
    if type(spl_db) not in (int, float) or not MIN_SPL_DB <= spl_db <= MAX_SPL_DB:
        raise refuse("spl_at_0_dbfs_db", f"write decibels within {MIN_SPL_DB:g}..{MAX_SPL_DB:g}")
    correction = None
    if "correction" in row:
        try:
            given: Any = row["correction"]
            pairs = [(float(hz), float(gain_db)) for hz, gain_db in given]
            correction = Curve(*zip(*pairs, strict=True))
        except (TypeError, ValueError) as error:
            raise refuse(
                "correction", "write [frequency, gain] for each frequency, in ascending order"
            ) from error
    return Calibration(channel=channel, spl_at_0_dbfs_db=float(spl_db), correction=correction, **texts)


def keep(calibrations: Iterable[Calibration]) -> Path:
    """Put these in the place of those of the same device and channel; the file, which is always whole."""
    new = {(each.device, each.channel): each for each in calibrations}
    return _write({(each.device, each.channel): each for each in load_calibrations()} | new)


def forget(gone: Sequence[Calibration]) -> Path:
    return _write({(each.device, each.channel): each for each in load_calibrations() if each not in gone})


def _write(kept: dict[tuple[str, int], Calibration]) -> Path:
    path = find_file()
    text = "# Written by `streamer calibrate`: how loud full scale is, of each device and channel.\n"
    text += "".join(f"\n[[calibration]]\n{_format(each)}" for _, each in sorted(kept.items()))
    write_whole(path, text, name=shorten(path))
    return path


def _format(calibration: Calibration) -> str:
    lines = [
        f"device = {_quote(calibration.device)}",
        f"channel = {calibration.channel}",
        f"spl_at_0_dbfs_db = {calibration.spl_at_0_dbfs_db:.3f}",
    ]
    texts = {key: getattr(calibration, key) for key in ("how", "date", "correction_file")}
    lines += [f"{key} = {_quote(text)}" for key, text in texts.items() if text]
    if (curve := calibration.correction) is not None:
        pairs = zip(curve.freqs_hz, curve.gains_db, strict=True)
        lines.append(f"correction = [{', '.join(f'[{hz!r}, {db!r}]' for hz, db in pairs)}]")
    return "\n".join(lines) + "\n"


def check_name(name: str) -> None:
    """SpecError for what --calibration could not be told, or no file can hold."""
    if not name.isprintable() or name.strip() != name:
        raise SpecError(
            f"name is {shorten(name)}; write letters, digits and signs that can be seen, such as desk"
        )
    if name.lower() == "auto" or read_level(name) is not None:
        raise SpecError(
            f"name is {shorten(name)}, which --calibration takes for something else: write another"
        )


def _quote(text: str) -> str:
    """As a TOML string: what a device is called may hold quotes and worse."""
    text = text.encode(errors="replace").decode()  # what was no UTF-8 is no text of a TOML file
    escaped = "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def choose_calibrations(name: str) -> list[Calibration]:
    """Those of the one device with this name, or with all these words in it; SpecError if there is none, or several."""
    known = load_calibrations()
    by_device: dict[str, list[Calibration]] = {}
    for each in known:
        by_device.setdefault(each.device, []).append(each)
    words = name.lower().split()
    found = [device for device in by_device if device == name] or [
        device for device in by_device if all(word in device.lower() for word in words)
    ]
    if len(found) == 1:
        return by_device[found[0]]
    if not known:
        raise SpecError(
            f"calibration is {shorten(name)}, and nothing is calibrated: `streamer calibrate` does it, or write what "
            "0 dBFS is, such as 118dB"
        )
    there_are = ", ".join(shorten(device) for device in found or by_device)
    problem = "which several are called" if found else "and nothing of that name is calibrated"
    raise SpecError(
        f"calibration is {shorten(name)}, {problem}; there are: {there_are}, or a level such as 118dB"
    )


def find_reading(calibration: str | None, info: SourceInfo, source: SourceSpec | None = None) -> Reading:
    """What full scale of this source is as sound pressure, where that is known; levels are told in dBFS.

    calibration: see make_reading   source: None where a caller has the samples
    """
    return Reading(sensitivities=_find_sensitivities(calibration, source, info.name, info.channels))


def make_reading(
    *, unit: str, weighting: str, calibration: str | None, source: SourceSpec, name: str, channels: int
) -> Reading:
    """How the levels of an open source are told. SpecError for dB SPL of what nobody has calibrated.

    calibration: a name, or what 0 dBFS is; None: that of the device   name, channels: as SourceInfo has them
    """
    found = _find_sensitivities(calibration, source, name, channels)
    if unit == "dbspl" and not found:
        known = "--calibration 118dB if 0 dBFS is known to be that"
        remedy = (
            f"`streamer calibrate {source} --level 94` with a calibrator on it, or {known}"
            if source.kind == "mic"
            else f"--calibration NAME of the device that made it, or {known}"
        )
        raise SpecError(f"unit is dbspl, and {printable(name)} is not calibrated: {remedy}")
    return Reading(unit=unit, weighting=weighting, sensitivities=found)


def _find_sensitivities(
    calibration: str | None, source: SourceSpec | None, name: str, channels: int
) -> tuple[Sensitivity, ...]:
    """One for all channels, or one for each, or none."""
    if calibration is not None:
        if (spl_db := read_level(calibration)) is not None:
            return (Sensitivity(spl_at_0_dbfs_db=spl_db),)
        known = choose_calibrations(calibration)
        if len(known) == 1:
            return (known[0].sensitivity,)
    elif source is not None and source.kind == "mic":
        device = name.partition(":")[2]
        known = [each for each in load_calibrations() if each.device == device]
    else:
        return ()
    by_channel = {each.channel: each.sensitivity for each in known}
    wanted = range(1, channels + 1) if source is None else list_device_channels(source, channels)
    if not all(channel in by_channel for channel in wanted):
        return ()
    return tuple(by_channel[channel] for channel in wanted)


def list_device_channels(source: SourceSpec, channels: int) -> list[int]:
    """Which of the device's, from 1, are analysed; 0 for a mix, which the calibration of one does not suit."""
    choice = source.channel_choice
    if choice.is_mix:
        return [0]
    if source.kind == "mic" and source.channels is None:
        return [1]
    return [pick + 1 for pick in choice.picks] or list(range(1, channels + 1))


def read_level(text: str) -> float | None:
    """Of what 0 dBFS is: 118, 118dB or 118dBSPL; None for what is no level."""
    found = _LEVEL.fullmatch(text.strip())
    if found is None:
        return None
    spl_db = float(found[1])
    if not MIN_SPL_DB <= spl_db <= MAX_SPL_DB:
        raise SpecError(
            f"calibration is {shorten(text)}; what 0 dBFS is lies within {MIN_SPL_DB:g}..{MAX_SPL_DB:g} dB SPL"
        )
    return spl_db
