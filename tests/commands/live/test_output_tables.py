"""[[output]] of settings files: what flags can say, but not by everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.commands.live.load_settings import ConfigError, load_settings
from tests.programs import run


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """System, user and working directory, all empty."""
    for name in ("site/streamer", "user/streamer/profiles", "here"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def load(config: Path | None = None) -> tuple[str, ...]:
    return load_settings(environ={}, config=config).values.outputs


def write(path: Path, *targets: str) -> Path:
    path.write_text("".join(f"[[output]]\nto = '{target}'\n" for target in targets))
    return path


def test_a_table_is_the_target_that_a_flag_would_name(places: Path) -> None:
    (places / "user/streamer/config.toml").write_text(
        '[[output]]\nto = "nats://far"\ntypes = ["dtmf", "match"]\nhost = "a&b"\n[[output]]\nto = "a.jsonl"\n'
    )
    assert load() == ("nats://far#types=dtmf,match&host=a%26b", str(places / "user/streamer/a.jsonl"))


def test_the_strongest_file_that_names_any_is_the_one(places: Path) -> None:
    write(places / "site/streamer/config.toml", "nats://site")
    write(places / "user/streamer/config.toml", "nats://user", "a.txt")
    assert load() == ("nats://user", str(places / "user/streamer/a.txt"))
    write(places / "here/streamer.toml", "here.csv")
    assert load() == ("here.csv",)
    assert load(write(places / "own.toml", "nats://own")) == ("nats://own",)


@pytest.mark.parametrize(
    "target",
    [
        "nats://broker.example.org/streamer",
        "mqtt://192.0.2.1",
        "exec:true",
        "https://example.org/",
        "metrics:0.0.0.0:9464",
        "syslog://192.0.2.1",
    ],
)
def test_what_lies_in_the_current_folder_reaches_nobody(places: Path, target: str) -> None:
    planted = write(places / "here/streamer.toml", target)
    with pytest.raises(ConfigError, match=r"streamer\.toml:1: output: to is .* may not ask for that"):
        load()
    assert load(Path("streamer.toml")) == load(planted) == (target,)  # named, it is meant


def test_a_profile_may_do_what_who_names_it_may(places: Path) -> None:
    (places / "evil.toml").write_text("[live]\nfps = 1\n[[output]]\nto = 'nats://far'\n")
    (places / "here/streamer.toml").write_text("[live]\nprofile = '../evil.toml'\n")
    with pytest.raises(ConfigError, match="may not ask for that"):
        load()
    (places / "here/streamer.toml").unlink()
    (places / "user/streamer/config.toml").write_text(f"[live]\nprofile = '{places}/evil.toml'\n")
    assert load() == ("nats://far",)


def test_every_mistake_is_told_with_its_line(places: Path) -> None:
    (places / "user/streamer/config.toml").write_text(
        '[[output]]\nhost = "a"\n\n[[output]]\nto = "a.xls"\n\n[[output]]\nto = "nats://h"\nqos = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        load()
    texts = [found.partition("config.toml:")[2] for found in caught.value.findings]
    assert [text.partition(":")[0] for text in texts] == ["1", "4", "7"]
    assert "to is missing" in texts[0]
    assert '"qos" is no option of it' in texts[2]


def test_a_flag_is_instead_of_the_tables_and_none_is_none(places: Path) -> None:
    write(places / "here/streamer.toml", "table.jsonl")
    live = ("live", "sim:dtmf:5", "--speed", "max", "-q", "--json")
    assert run(*live).returncode == 0
    assert (places / "here/table.jsonl").exists()
    (places / "here/table.jsonl").unlink()
    assert run(*live, "-o", "flag.jsonl").returncode == run(*live, "-o", "none").returncode == 0
    assert [path.name for path in (places / "here").glob("*.jsonl")] == ["flag.jsonl"]


def test_passwords_are_not_shown(places: Path) -> None:
    write(places / "user/streamer/config.toml", "nats://me:secret@far")
    shown = run("config", "show")
    assert "[[output]]" in shown.stdout
    assert "nats://me@far" in shown.stdout
    assert "secret" not in shown.stdout
