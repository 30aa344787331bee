"""The events of all recordings in one: NDJSON in the order of the recordings, and Parquet where DuckDB is installed."""

from __future__ import annotations

import glob
import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from streamer.archive.work import PARTS
from streamer.base.files import replacing

NDJSON, PARQUET = WHOLE = "events.jsonl", "events.parquet"

# What a row of the table is; what else an event has stands in its line.
COLUMNS = {
    "file": "VARCHAR",
    "channels": "INTEGER[]",
    "plan": "VARCHAR",
    "type": "VARCHAR",
    "label": "VARCHAR",
    "text": "VARCHAR",
    "sample": "BIGINT",
    "t_s": "DOUBLE",
    "duration_s": "DOUBLE",
    "time": "VARCHAR",
    "freqs_hz": "DOUBLE[]",
    "level_dbfs": "DOUBLE",
    "snr_db": "DOUBLE",
    "confidence": "DOUBLE",
    "id": "BIGINT",
}


def join_events(root: Path, parts: Iterable[Path]) -> Path:
    """All lines in one file."""
    with replacing(root / NDJSON) as path, path.open("wb") as whole:
        for part in parts:
            if part.exists():
                with part.open("rb") as lines:
                    shutil.copyfileobj(lines, whole)
    return root / NDJSON


def write_parquet(root: Path) -> Path | None:
    """What ended, a row each; None without DuckDB, and then what stood there before goes."""
    try:
        import duckdb
    except ImportError:
        (root / PARQUET).unlink(missing_ok=True)
        return None
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in {**COLUMNS, "phase": "VARCHAR"}.items())
    with replacing(root / PARQUET) as path, duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT {', '.join(COLUMNS)} FROM read_json(?, format='newline_delimited', columns={{{columns}}}) "
            f"WHERE phase = 'end') TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)",
            [str(root / NDJSON)],
        )
    return root / PARQUET


def clear(root: Path) -> None:
    """Nothing is left of what was found before."""
    shutil.rmtree(root / PARTS, ignore_errors=True)
    for name in WHOLE:
        (root / name).unlink(missing_ok=True)


def remove(root: Path, key: str) -> None:
    """Nothing is left of what was found in this recording."""
    for path in (root / PARTS).glob(f"{glob.escape(key)}.*"):
        path.unlink(missing_ok=True)


def sweep(root: Path) -> None:
    """Files that a killed worker had not finished."""
    for path in (root / PARTS).glob(".*"):
        path.unlink(missing_ok=True)


def digest_file(path: Path) -> str:
    """Of what is there now; empty if nothing is."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
