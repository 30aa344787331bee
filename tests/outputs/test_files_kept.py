"""Files of lines are never emptied unasked: appended to, followed through rotation, or replaced whole at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamer.base.errors import SpecError
from streamer.events import Event, Record
from streamer.outputs import Keeping, open_outputs
from streamer.outputs.formats import HEADINGS, format_csv
from streamer.outputs.output import Output
from tests.outputs.records import DIGIT, END, START

HEADING = HEADINGS[format_csv]


def open_file(path: Path, keeping: Keeping = Keeping.APPEND) -> Output:
    [output] = open_outputs([str(path)], keeping=keeping)
    return output


def put_all(output: Output, *records: Record) -> None:
    for record in records:
        output.put(record)
    assert output.finish()
    assert output.error is None


def put_and_wait(output: Output, record: Record) -> None:
    """Until its line is written."""
    written = threading.Event()
    write = output.write

    def write_and_say(records: Sequence[Record]) -> None:
        write(records)
        written.set()

    output.write = write_and_say  # type: ignore[method-assign]
    output.put(record)
    assert written.wait(10)


def labels(path: Path) -> list[str]:
    return [record["label"] for record in map(json.loads, path.read_text().splitlines()) if "label" in record]


def digit(label: str) -> Event:
    return Event(type="dtmf", phase="end", label=label, sample=0, t_s=0.0, known_sample=0)


def test_a_second_run_appends_to_the_file_of_the_first(tmp_path: Path) -> None:
    for label in "12":
        put_all(open_file(tmp_path / "a.jsonl"), START, digit(label), END)
    assert labels(tmp_path / "a.jsonl") == ["1", "2"]


def test_a_file_is_emptied_for_who_wants_it(tmp_path: Path) -> None:
    for label in "12":
        put_all(open_file(tmp_path / "a.jsonl", Keeping.OVERWRITE), digit(label))
    assert labels(tmp_path / "a.jsonl") == ["2"]


def test_csv_has_its_heading_once_however_many_runs_and_recordings_follow(tmp_path: Path) -> None:
    for _ in range(2):
        put_all(open_file(tmp_path / "a.csv"), START, DIGIT, END, START, DIGIT, END)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["type", "dtmf", "dtmf", "dtmf", "dtmf"]


def test_a_line_that_a_power_cut_left_half_written_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"schema":"stre')
    put_all(open_file(tmp_path / "a.jsonl"), digit("5"))
    half, whole = (tmp_path / "a.jsonl").read_text().splitlines()
    assert half == '{"schema":"stre'
    assert json.loads(whole)["label"] == "5"


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_file_that_is_moved_away_is_followed_by_a_new_one(tmp_path: Path, suffix: str) -> None:
    path, moved = tmp_path / f"a.{suffix}", tmp_path / f"a.{suffix}.1"
    output = open_file(path)
    put_and_wait(output, digit("1"))
    path.rename(moved)
    put_all(output, digit("2"))
    assert (moved.read_text().count("dtmf"), path.read_text().count("dtmf")) == (1, 1)
    assert path.read_text().startswith("type," if suffix == "csv" else "{")


def test_a_file_that_is_removed_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    output = open_file(path)
    put_and_wait(output, digit("1"))
    path.unlink()
    put_all(output, digit("2"))
    assert labels(path) == ["2"]


def test_a_file_that_is_copied_and_emptied_goes_on_at_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    output = open_file(path)
    put_and_wait(output, digit("1"))
    os.truncate(path, 0)
    put_all(output, digit("2"))
    assert b"\0" not in path.read_bytes()
    assert labels(path) == ["2"]


def test_asked_to_reopen_it_lets_go_of_the_file_that_was_moved(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    output = open_file(path)
    put_and_wait(output, digit("1"))
    path.rename(tmp_path / "a.1")
    output.reopen()
    deadline_s = time.monotonic() + 10
    while is_held_open(tmp_path / "a.1") or not path.exists():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.01)
    put_all(output)


def test_a_file_that_is_gone_with_its_folder_is_an_error_and_not_silence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.jsonl"
    output = open_file(path)
    put_and_wait(output, digit("1"))
    path.unlink()
    path.parent.rmdir()
    output.put(digit("2"))
    assert output.finish()
    assert output.describe_error().endswith("a.jsonl: No such file or directory")


def is_held_open(path: Path) -> bool:
    about = path.stat()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            found = fd.stat()
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (about.st_dev, about.st_ino):
            return True
    return False


WRITER = """
import sys
from streamer.events import ErrorRecord
from streamer.outputs import Keeping, open_outputs
[output] = open_outputs([sys.argv[1]], keeping=Keeping.APPEND)
for number in range(4000):
    output.put(ErrorRecord(message=sys.argv[2] * (100 + number % 900)), waits=True)
assert output.finish(timeout_s=60) and output.error is None
"""


def test_lines_of_two_programs_that_write_to_one_file_are_all_there_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    messages = [json.loads(line)["message"] for line in path.read_text().splitlines()]
    assert len(messages) == 8000
    assert all(len(set(message)) == 1 for message in messages)


def test_what_replaces_a_file_does_so_whole_and_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("before\n")
    output = open_file(path, Keeping.REPLACE)
    put_and_wait(output, digit("5"))
    assert path.read_text() == "before\n"
    assert output.finish()
    assert labels(path) == ["5"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


def test_what_does_not_come_to_its_end_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("before\n")
    output = open_file(path, Keeping.REPLACE)
    output.put(digit("5"))
    output.discard()
    assert path.read_text() == "before\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_link_and_a_files_mode_outlive_its_replacement(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_text("")
    (tmp_path / "real.jsonl").chmod(0o600)
    (tmp_path / "a.jsonl").symlink_to("real.jsonl")
    put_all(open_file(tmp_path / "a.jsonl", Keeping.REPLACE), digit("5"))
    assert (tmp_path / "a.jsonl").is_symlink()
    assert labels(tmp_path / "real.jsonl") == ["5"]
    assert (tmp_path / "real.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_pipe_nobody_reads_yet_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    output = open_file(tmp_path / "a.jsonl")
    output.put(digit("5"))
    assert not output.finish(timeout_s=0.05)
    assert output.describe_error().endswith("1 line was not taken off us in time")
    with (tmp_path / "a.jsonl").open() as lines:
        assert json.loads(lines.readline())["label"] == "5"
    assert output.finish()


@pytest.mark.parametrize("keeping", Keeping)
def test_a_folder_that_is_not_there_is_made(tmp_path: Path, keeping: Keeping) -> None:
    output = open_file(tmp_path / "not yet" / "there" / "a.csv", keeping)
    assert output.finish()
    assert (tmp_path / "not yet" / "there" / "a.csv").is_file()


@pytest.mark.parametrize("keeping", Keeping)
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_opened(
    tmp_path: Path, keeping: Keeping
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match="Not a directory"):
        open_file(tmp_path / "file" / "there" / "a.csv", keeping)


def test_lines_are_not_added_under_the_columns_of_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("old.csv")
    path.write_text("a,b,c\n1,2,3\n")
    with pytest.raises(SpecError, match=r'old\.csv" has other columns, "a,b,c": name another file, or give'):
        open_file(path)
    assert path.read_text() == "a,b,c\n1,2,3\n"
    for keeping in (Keeping.OVERWRITE, Keeping.REPLACE):
        put_all(open_file(path, keeping), DIGIT)
        assert path.read_text().startswith("type,phase,")


@pytest.mark.parametrize("begin", ["", HEADING, "\ufeff" + HEADING.replace("\n", "\r\n")])
def test_lines_are_added_to_an_empty_file_and_under_our_own_columns(tmp_path: Path, begin: str) -> None:
    path = tmp_path / "ours.csv"
    path.write_bytes(begin.encode())
    put_all(open_file(path), DIGIT)
    assert path.read_text().count("type,phase") == 1
