"""What is written is never what is read, and is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamer.base.errors import SpecError
from streamer.base.files import refuse_inputs, write_whole


def test_a_file_that_is_read_is_refused_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("samples")
    (tmp_path / "link.txt").symlink_to("a.txt")
    os.link(tmp_path / "a.txt", tmp_path / "hard.txt")
    for name in ("a.txt", "link.txt", "hard.txt"):
        with pytest.raises(SpecError, match=r"is read by this command"):
            refuse_inputs({"--output": tmp_path / name}, [tmp_path / "a.txt"])
    with (tmp_path / "a.txt").open() as stdin, pytest.raises(SpecError, match="stdout is "):
        refuse_inputs({"stdout": tmp_path / "a.txt"}, [stdin.fileno()])


def test_others_and_what_is_no_file_may_be_both(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    refuse_inputs({"--output": tmp_path / "b.txt"}, [tmp_path / "a.txt", tmp_path / "missing"])
    refuse_inputs({"--output": "/dev/null"}, ["/dev/null", -1])
    refuse_inputs({"--output": tmp_path / ("x" * 300)}, [tmp_path / "a.txt", "a\0b"])


def test_a_text_is_written_whole_into_the_file_that_a_link_names_and_leaves_nothing_beside_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "link").symlink_to("new/file")
    for text in ("ä\n", "b\n"):
        write_whole(tmp_path / "link", text, name="it")
        assert (tmp_path / "link").is_symlink()
        assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [("file", text)]


def test_where_no_folder_can_be_a_text_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpecError, match=r"^it cannot be written: "):
        write_whole(tmp_path / "file" / "more" / "x", "text", name="it")
    with pytest.raises(SpecError, match=r"^it cannot be written: "):
        write_whole(tmp_path, "text", name="it")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
