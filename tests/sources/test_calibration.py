from __future__ import annotations

import stat
from pathlib import Path

import pytest

from streamer.base.errors import SpecError
from streamer.base.reading import Curve
from streamer.sources import parse_source
from streamer.sources.calibration import (
    Calibration,
    choose_calibrations,
    find_file,
    forget,
    keep,
    list_device_channels,
    load_calibrations,
    make_reading,
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def made(device: str = "USB Audio", channel: int = 1, spl_db: float = 118.0, **more: object) -> Calibration:
    return Calibration(device=device, channel=channel, spl_at_0_dbfs_db=spl_db, **more)  # type: ignore[arg-type]


def read(
    source: str,
    *,
    unit: str = "dbspl",
    calibration: str | None = None,
    channels: str | None = None,
    n: int = 1,
):
    spec = parse_source(source, channels=channels)
    name = "mic:USB Audio" if spec.kind == "mic" else str(spec)
    return make_reading(unit=unit, weighting="Z", calibration=calibration, source=spec, name=name, channels=n)


def test_what_is_kept_is_read_again_whatever_the_device_is_called():
    nasty = made('a "b" \\ c\x1b\n€', 3, 92.125, how="94 dB", correction=Curve((20.0, 1e4), (-1.25, 3.5)))
    keep([made(date="2026-11-26T14:00:00+00:00"), nasty])
    assert load_calibrations() == sorted(
        [made(date="2026-11-26T14:00:00+00:00"), nasty], key=lambda c: c.device
    )


def test_a_device_whose_name_is_no_text_makes_no_file_that_nobody_can_read():
    keep([made(), made("mic \udcff")])
    assert [each.device for each in load_calibrations()] == ["USB Audio", "mic ?"]


def test_one_more_leaves_the_others_and_takes_the_place_of_its_own():
    keep([made(), made(channel=2)])
    path = keep([made(channel=2, spl_db=90.0)])
    assert [each.spl_at_0_dbfs_db for each in load_calibrations()] == [118.0, 90.0]
    assert forget(choose_calibrations("usb")) == path
    assert load_calibrations() == []
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_where_it_cannot_be_kept_the_old_stays_whole(monkeypatch: pytest.MonkeyPatch):
    path = keep([made()])
    before = path.read_bytes()
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        if (path.parent / "x").parent.stat().st_uid == 0:  # root may write anywhere: then the disk refuses
            monkeypatch.setattr("os.fsync", lambda _fd: (_ for _ in ()).throw(OSError(28, "no space")))
        with pytest.raises(Exception, match="cannot be written"):
            keep([made(spl_db=90.0)])
    finally:
        path.parent.chmod(stat.S_IRWXU)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[[calibration]]\ndevice = "a"\nchannel = 0\nspl_at_0_dbfs_db = 1', 3),
        ('[[calibration]]\ndevice = "a"\nchannel = 1\nspl_at_0_dbfs_db = 900', 4),
        ("[[calibration]]\ndevice = 3\nchannel = 1\nspl_at_0_dbfs_db = 90", 2),
        (
            '[[calibration]]\ndevice = "a"\nchannel = 1\nspl_at_0_dbfs_db = 90\ncorrection = [[1, 2], [1, 3]]',
            5,
        ),
        ('[[calibration]]\ndevice = "a"\nchannel = 1\nspl_at_0_dbfs_db = 90\nvolume = 1', 5),
    ],
)
def test_a_damaged_file_is_refused_by_its_line(text: str, line: int):
    path = find_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(SpecError, match=rf"calibrations.toml:{line}: "):
        load_calibrations()


def test_a_microphone_is_told_by_its_own_calibration_of_the_channels_that_are_analysed():
    keep([made(channel=1, spl_db=110.0), made(channel=2, spl_db=120.0)])
    assert read("mic").offset_db() == 110
    assert read("mic", channels="2").offset_db() == 120
    both = read("mic", channels="2,1", n=2)
    assert (both.offset_db(1), both.offset_db(2)) == (120, 110)


@pytest.mark.parametrize(
    ("source", "channels"), [("mic", None), ("mic", "3"), ("mic", "mix"), ("call.wav", None)]
)
def test_sound_pressure_of_what_is_not_calibrated_is_refused_with_the_remedy(
    source: str, channels: str | None
):
    keep([made(device="another")])
    with pytest.raises(SpecError, match=r"is not calibrated: .*--calibration"):
        read(source, channels=channels)
    assert read(source, channels=channels, unit="dbfs").sensitivities == ()


def test_a_recording_is_told_by_the_calibration_that_is_named():
    keep([made(spl_db=110.0)])
    assert read("call.wav", calibration="usb").offset_db() == 110
    assert read("call.wav", calibration="118.5dB", n=4).offset_db(channel=4) == 118.5
    keep([made(device="USB Audio 2")])
    assert read("call.wav", calibration="USB Audio").offset_db() == 110  # its whole name
    with pytest.raises(SpecError, match='several are called; there are: "USB Audio", "USB Audio 2"'):
        read("call.wav", calibration="usb")
    with pytest.raises(SpecError, match="nothing of that name"):
        read("call.wav", calibration="umik")


@pytest.mark.parametrize(
    ("channels", "n", "wanted"),
    [(None, 1, [1]), ("2", 1, [2]), ("2,1", 2, [2, 1]), ("all", 3, [1, 2, 3]), ("mix", 1, [0])],
)
def test_channels_are_those_of_the_device(channels: str | None, n: int, wanted: list[int]):
    assert list_device_channels(parse_source("mic", channels=channels), n) == wanted
