"""Settings laid over each other: defaults, files, environment and flags, and where each came from.

The later wins: defaults < system file < user file < ./streamer.toml < --config FILE < STREAMER_* < flags. A
profile belongs to the layer that names it: it lies right beneath that layer's own settings. So --profile beats
every file and the environment, and a flag beside it beats the profile. Only the strongest layer's profile counts.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from streamer.analysis.bank import Analysis, Bank
from streamer.base.errors import SpecError
from streamer.base.folders import find_config_folder
from streamer.base.shipped import find_configs
from streamer.base.text import offer, printable, shorten
from streamer.base.toml import TomlFile, is_there, read_toml
from streamer.base.units import parse_length_samples
from streamer.commands.live.output_tables import read_outputs
from streamer.commands.live.settings import SETTINGS, TYPICAL_FS_HZ, LiveSettings, read_plan
from streamer.detectors.registry import KINDS
from streamer.outputs.target import hide_password
from streamer.plans.bands import AUTO, make_analysis, make_usual_bank, parse_bank
from streamer.plans.plan import NO_PLAN, PlanError, load_plan

__all__ = [
    "ConfigError",
    "LiveSettings",
    "Settings",
    "choose_display",
    "find_config_files",
    "find_files",
    "list_profiles",
    "load_settings",
    "resolve_bank",
    "write_default_config",
]

ENV_PREFIX = "STREAMER_"
HERE = Path("streamer.toml")  # which anybody may have put there
EXAMPLE = (
    "# Where events go too, one such table each; -o TARGET instead of them. `streamer guide outputs` has all kinds.",
    "# [[output]]",
    '# to="events.jsonl"',
)
_BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is in force, and where each of it comes from."""

    values: LiveSettings
    texts: Mapping[str, str]  # key -> as it was written
    origins: Mapping[str, str]  # key -> default, FILE:LINE, STREAMER_BANDS or --bands
    profile: str | None
    notes: tuple[str, ...]  # worth telling, and no mistake

    def format(self, *, has_origin: bool = False) -> str:
        """As a file would say it, with where it comes from as a comment."""
        lines = [f"{key} = {_toml(key, text)}" for key, text in self.texts.items()]
        if has_origin:
            width = max(map(len, lines))
            origins = self.origins.values()
            lines = [f"{line:<{width}}  # {origin}" for line, origin in zip(lines, origins, strict=True)]
        outputs = [f"\n[[output]]\nto = {json.dumps(hide_password(text))}" for text in self.values.outputs]
        return "\n".join(["[live]", *lines, *outputs])


class ConfigError(SpecError):
    """All that is wrong in all the places settings come from, a line each."""

    def __init__(self, findings: list[str]) -> None:
        self.findings = tuple(findings)
        if len(findings) > 1:
            findings = [f"settings: {len(findings)} mistakes", *(f"  {found}" for found in findings)]
        super().__init__("\n".join(findings))


@dataclass(frozen=True, slots=True)
class _Layer:
    texts: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)  # what the texts were read as
    profile: str | None = None
    profile_origin: str = ""
    outputs: tuple[str, ...] = ()
    may_reach_out: bool = True  # by outputs that start programs or reach other machines


def load_settings(
    *,
    flags: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    has_files: bool = True,
) -> Settings:
    """What is in force. flags are keys of [live] with text, numbers or lists; None is not given.

    Raises ConfigError with everything that is wrong, wherever it was said. has_files=False looks at no file but
    `config` and the profile.
    """
    findings: list[str] = []
    notes: list[str] = []
    layers = [
        _load_file(path, findings, may_reach_out=may_reach_out)
        for path, may_reach_out in _list_files(config, has_files=has_files)
    ]
    layers.append(_read_environment(os.environ if environ is None else environ, findings, notes))
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    layers.append(_read_flags(given, profile, findings))

    chosen = next((i for i in reversed(range(len(layers))) if layers[i].profile is not None), None)
    name = None
    if chosen is not None:
        name = layers[chosen].profile
        assert name is not None
        layers.insert(chosen, _load_profile(name, layers[chosen], findings))

    texts = {setting.key: setting.default for setting in SETTINGS}
    origins = dict.fromkeys(texts, "default")
    read: dict[str, Any] = {}
    for layer in layers:
        texts |= layer.texts
        origins |= layer.origins
        read |= layer.values
    read |= {key: _BY_KEY[key].read(text) for key, text in texts.items() if key not in read}
    findings += _find_hop_beyond_window(texts, origins)
    of_plans = _find_wrong_plans(read["plan"], origins)
    if findings or len(of_plans) > 1:  # one alone is told by whoever loads it
        raise ConfigError(findings + of_plans)
    if (
        name is not None and origins["plan"] == "default"
    ):  # a profile is a whole, with its plan or without one
        texts["plan"], origins["plan"], read["plan"] = NO_PLAN, f"profile {name}", ()
    fields = {_BY_KEY[key].field_name: value for key, value in read.items()}
    set_keys = frozenset(key for key, origin in origins.items() if origin != "default")
    if origins["bands"].startswith("profile "):
        set_keys -= {
            "bands"
        }  # who names a profile asks for no band of it: those that a rate cannot carry are left out
    outputs = next((layer.outputs for layer in reversed(layers) if layer.outputs), ())
    values = LiveSettings(**fields, outputs=outputs, given=set_keys)
    return Settings(values=values, texts=texts, origins=origins, profile=name, notes=tuple(notes))


def _list_files(config: str | Path | None, *, has_files: bool) -> list[tuple[Path, bool]]:
    """Those that are there, and whether each may reach out: what lies in the current folder may not, unless named."""
    named = None if config is None else Path(config)
    found = [(path, path != HERE) for path in find_config_files() if is_there(path)] if has_files else []
    if named is not None:
        found = [(path, trusted) for path, trusted in found if path.absolute() != named.absolute()]
        found.append((named, True))
    return found


def _find_wrong_plans(plans: Sequence[str], origins: Mapping[str, str]) -> list[str]:
    """Plans in force that are not there or not in order."""
    findings: list[str] = []
    for name in plans:
        try:
            load_plan(name)
        except PlanError as error:
            findings += [f"{error.name}:{found}" for found in error.findings]
        except SpecError as error:
            findings.append(f"{origins['plan']}: {error}")
    return findings


def _find_hop_beyond_window(texts: Mapping[str, str], origins: Mapping[str, str]) -> list[str]:
    """As far as that is known before the sample rate is."""
    lengths = (texts["window_length"], texts["hop"])
    are_alike = (
        len({text.strip().isdecimal() for text in lengths}) == 1
    )  # both in samples, or both in seconds
    if are_alike and texts["window_length"] != AUTO and "%" not in texts["hop"]:
        window, hop = (parse_length_samples(text, TYPICAL_FS_HZ) for text in lengths)
        if hop > window:
            finding = (
                f"{origins['hop']}: hop is {shorten(texts['hop'])}, longer than window_length, "
                f"{shorten(texts['window_length'])}: samples between frames would never be looked at"
            )
            return [finding]
    return []


def find_config_files() -> list[Path]:
    """Where settings are looked for, the weakest first; most of them need not be there."""
    from platformdirs import site_config_path

    own = find_config_folder()
    folders = (site_config_path("streamer"), *([own] if own else []))
    return [*(folder / "config.toml" for folder in folders), HERE]


def find_files(*, config: str | Path | None, profile: str | None) -> list[Path]:
    """All that settings are read from; most of them need not be there."""
    files = [*find_config_files(), *([Path(config)] if config is not None else [])]
    return files if profile is None else [*files, list_profiles().get(profile) or Path(profile)]


def list_profiles() -> dict[str, Path]:
    """Name -> file of every profile that can be named."""
    found = find_configs("profiles")
    return {name: path for name, path in found.items() if _is_profile(path)}


def write_default_config() -> str:
    """A settings file with every default as a comment."""
    lines = [
        "# Settings of `streamer live`. Each is shown with its default: remove the # to change it.",
        "# `streamer config show --origin` tells what is in force and why.",
        "",
        "[live]",
        "# A set of settings shipped with streamer or your own; what this file says itself is stronger.",
        '# profile = "rta"',
    ]
    for setting in SETTINGS:
        lines += ["", *(f"# {line}" for line in setting.help.splitlines())]
        lines.append(f"# {setting.key} = {_toml(setting.key, setting.default)}")
    return "\n".join([*lines, "", *EXAMPLE]) + "\n"


def _load_file(path: Path, findings: list[str], *, may_reach_out: bool) -> _Layer:
    try:
        file = read_toml(path)
    except SpecError as error:
        findings.append(str(error))
        return _Layer()
    for section in file.values:
        if section not in ("live", "description", "output"):
            hint = "; tone plans have files of their own, named by plan" if section in KINDS else ""
            if section in _BY_KEY:
                hint = " but a setting of [live]; write [live] in a line above it"
            choices = hint or offer(section, ["live", "output"])
            findings.append(
                f"{file.name}:{file.line_of((section,))}: {section[:60]}: not a section here{choices}"
            )
    layer = _read_live(file, findings, folder=path.parent, origin=file.name)
    outputs = read_outputs(file, findings, folder=path.parent, may_reach_out=may_reach_out)
    return replace(layer, outputs=outputs, may_reach_out=may_reach_out)


def _load_profile(name: str, named_in: _Layer, findings: list[str]) -> _Layer:
    """The [live] table of a profile, and its outputs; a plan in the same file is listened for."""
    named_by = named_in.profile_origin
    profiles = list_profiles()
    path = profiles.get(name)
    if path is None:
        as_path = Path(name)
        if "\0" in name or not (as_path.suffix == ".toml" or len(as_path.parts) > 1):
            findings.append(f"{named_by}: no profile is called {shorten(name)}{offer(name, profiles)}")
            return _Layer()
        path = as_path
    try:
        file = read_toml(path)
    except SpecError as error:
        findings.append(str(error))
        return _Layer()
    origin = f"profile {name}, {file.name}"
    layer = _read_live(file, findings, folder=path.parent, origin=origin, is_profile=True)
    if any(section in file.values for section in KINDS) and "plan" not in layer.texts:
        layer.texts["plan"], layer.origins["plan"], layer.values["plan"] = str(path), origin, (str(path),)
    outputs = read_outputs(file, findings, folder=path.parent, may_reach_out=named_in.may_reach_out)
    return replace(layer, outputs=outputs)


def _read_live(
    file: TomlFile, findings: list[str], *, folder: Path, origin: str, is_profile: bool = False
) -> _Layer:
    live = file.values.get("live", {})
    layer = _Layer()
    if not isinstance(live, dict):
        findings.append(f"{file.name}:{file.line_of(('live',))}: live: settings stand in a table, [live]")
        return layer
    profile, profile_origin = None, ""
    for key, value in live.items():
        line = file.line_of(("live", key))
        if key == "profile" and not is_profile and isinstance(value, str):
            profile, profile_origin = value, f"{file.name}:{line}"
        else:
            where = f"{file.name}:{line}: live.{key[:60]}"
            _take(layer, key, _anchor(key, value, folder), where, f"{origin}:{line}", findings)
    return replace(layer, profile=profile, profile_origin=profile_origin)


def _read_environment(environ: Mapping[str, str], findings: list[str], notes: list[str]) -> _Layer:
    layer = _Layer()
    profile = None
    for variable in sorted(environ):
        key = variable.removeprefix(ENV_PREFIX).lower()
        if not variable.startswith(ENV_PREFIX) or not environ[variable]:
            continue
        if key == "profile":
            profile = environ[variable]
        elif key in _BY_KEY:
            _take(layer, key, environ[variable], variable, variable, findings)
        else:
            # No error: Kubernetes gives every container STREAMER_PORT when some service is called streamer.
            known = [ENV_PREFIX + each.upper() for each in (*_BY_KEY, "profile")]
            notes.append(f"{variable} is no setting{offer(variable, known)}")
    return replace(layer, profile=profile, profile_origin=f"{ENV_PREFIX}PROFILE")


def _read_flags(flags: Mapping[str, Any], profile: str | None, findings: list[str]) -> _Layer:
    layer = _Layer()
    for key, value in flags.items():
        flag = f"--{key.replace('_', '-')}"
        _take(layer, key, value, flag, flag, findings)
    return replace(layer, profile=profile, profile_origin="--profile")


def _take(layer: _Layer, key: str, value: Any, where: str, origin: str, findings: list[str]) -> None:
    """Put a value into the layer, or its mistake among the findings."""
    setting = _BY_KEY.get(key)
    if setting is None:
        findings.append(f"{printable(where)}: not a setting{offer(key, _BY_KEY)}")
        return
    try:
        text = _to_text(key, value)
        layer.values[key] = setting.read(text)
    except SpecError as error:
        findings.append(f"{where}: {error}")
        return
    layer.texts[key] = text
    layer.origins[key] = origin


def _anchor(key: str, value: Any, folder: Path) -> Any:
    """Files named in a settings file lie beside it, wherever streamer is started."""
    if key == "plan":
        names = value if isinstance(value, list) else [value]
        return [
            str(folder / name) if isinstance(name, str) and (name.endswith(".toml") or "/" in name) else name
            for name in names
        ]
    if key == "bands" and isinstance(value, str) and "\0" not in value:
        return re.sub(r"(^|[+(])(\s*@\s*)([^+]+)", lambda m: f"{m[1]}{m[2]}{folder / m[3].strip()}", value)
    return value


def _to_text(key: str, value: Any) -> str:
    if isinstance(value, list | tuple) and key in ("plan", "channels", "bands"):
        if any("," in str(each) for each in value):
            raise SpecError(f"{key} has {shorten(value)}; a name in it cannot hold a comma")
        return ",".join(_to_text("", each) for each in value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise SpecError(f"{key or 'an element'} is {shorten(value)}; write a text or a number")
    return (
        value.strip()
        if isinstance(value, str)
        else f"{value:.17g}"
        if isinstance(value, float)
        else str(value)
    )


def _toml(key: str, text: str) -> str:
    if key == "plan":
        return json.dumps(list(read_plan(text)), ensure_ascii=False)
    # a JSON text is a TOML text
    return text if re.fullmatch(r"0|[1-9]\d{0,8}", text, re.ASCII) else json.dumps(text, ensure_ascii=False)


def _is_profile(path: Path) -> bool:
    try:
        return "live" in read_toml(path).values
    except SpecError:
        return True  # listed, so that using it says what is wrong with it


def choose_display(settings: LiveSettings, fs_hz: float) -> Analysis:
    """What is shown of a source of that rate."""
    return make_analysis(
        resolve_bank(settings, fs_hz),
        fs_hz,
        window_length=settings.window_length,
        hop=settings.hop,
        window=settings.window,
    )


def resolve_bank(settings: LiveSettings, fs_hz: float) -> Bank:
    """The bank asked for. Bands nobody asked for, the default's, are left out where the rate cannot carry them."""
    make = parse_bank if "bands" in settings.given else make_usual_bank
    return make(spec=settings.bands, fs_hz=fs_hz)
