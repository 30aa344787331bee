from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.sources.correction import parse_correction, read_correction

UMIK = '"Sens Factor =-18.39dB, SERNO: 7012345"\r\n10.054\t-6.6664\r\n1000.0\t0.0000\r\n20000.0\t2.5\r\n'
DAYTON = "*1000Hz\t-37.6\n20.00\t-1.2\n1000\t0.0\n20000\t3.1\n"
REW = "Microphone calibration data\n516.797, 0.000, 0.000\n538.330, -0.012, 0.078\n"
EUROPEAN = "Freq Gain\n20,5;-1,25\n1000,0;0,5\n"


@pytest.mark.parametrize(
    ("text", "freqs_hz", "gains_db"),
    [
        (UMIK, (10.054, 1000.0, 20_000.0), (-6.6664, 0.0, 2.5)),
        (DAYTON, (20.0, 1000.0, 20_000.0), (-1.2, 0.0, 3.1)),
        (REW, (516.797, 538.33), (0.0, -0.012)),
        (EUROPEAN, (20.5, 1000.0), (-1.25, 0.5)),
        ("20,-1\n# a remark\n; and one\n\n40,1\n", (20.0, 40.0), (-1.0, 1.0)),
    ],
)
def test_files_of_makers_are_read(text: str, freqs_hz: tuple[float, ...], gains_db: tuple[float, ...]):
    curve = parse_correction(text, name="mic.txt").curve
    assert (curve.freqs_hz, curve.gains_db) == (freqs_hz, gains_db)


def test_a_sensitivity_is_read_and_stands_beside_the_curve():
    assert parse_correction(UMIK, name="u").sens_factor_db == -18.39
    assert (
        parse_correction(UMIK.replace("-18.39dB", "-.6383dB, AGain =18dB"), name="u").sens_factor_db
        == -0.6383
    )
    assert parse_correction(DAYTON, name="d").sens_factor_db is None


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("20 1\n10 1\n", 2, "not above 20 Hz"),
        ("20 1\n20 1\n", 2, "not above 20 Hz"),
        ("20 1\n40\n", 2, "no gain"),
        ("20 1\n40 x\n", 2, "no frequency and gain"),
        ("20 1\nfourty 2\n", 2, "among the numbers"),
        ("20 1\n40 nan\n", 2, "no frequency and gain"),
        ("20 1\n40 99\n", 2, "beyond 60 dB"),
        ("\n* x\n0 1\n", 3, "not within"),
        ("20 1\n4.0.1 2\n", 2, "no frequency and gain"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line_that_names_the_line(text: str, line: int, why: str):
    with pytest.raises(SpecError) as refused:
        parse_correction(text, name='"mic.txt"')
    assert f'"mic.txt", line {line}: ' in str(refused.value)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_curve_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    refusal = ""
    try:
        assert len(read_correction(path).curve.freqs_hz) >= 2
    except SpecError as error:
        refusal = str(error)
    assert refusal.isprintable()


def test_files_of_windows_are_read(tmp_path: Path):
    path = tmp_path / "mic.txt"
    path.write_bytes(UMIK.encode("utf-16"))
    assert len(read_correction(path).curve.freqs_hz) == 3
    path.write_bytes(UMIK.encode("utf-8-sig"))
    assert read_correction(path).sens_factor_db == -18.39
    with pytest.raises(SpecError, match=r"cannot be read"):
        read_correction(tmp_path / "none.txt")
