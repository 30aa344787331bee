from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.base.toml import parse_toml, read_toml

TEXT = '''# a comment with [brackets] and = signs
title = "a # ] not"
[[tone]]
name = "x"   # said here
freqs = [
  1.5,
  2,   # two
]
[dtmf]
preset = "q"
[[tone]]
name='y'
poem = """
[[tone]]
"""
nested = [[1, 2], [3,
  [4]]]
[[sequence]]
steps = [{freqs=[1.2, 3], on="1s-2s"},
   {freqs=[2.5], on="x"}]
a.b."c d" = 3
[tone.sub]
z = 1979-05-27T07:32:00Z
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("tone", 0), 3),
        (("tone", 0, "freqs"), 5),
        (("tone", 0, "freqs", 1), 7),
        (("dtmf", "preset"), 10),
        (("tone", 1, "name"), 12),  # [[tone]] within a text is no header
        (("tone", 1, "nested", 1, 1, 0), 17),
        (("sequence", 0, "steps", 0, "on"), 19),
        (("sequence", 0, "steps", 1, "freqs", 0), 20),
        (("sequence", 0, "a", "b", "c d"), 21),
        (("tone", 1, "sub", "z"), 23),
        (("tone", 1, "not there"), 11),  # the table it would stand in
        (("nowhere",), 1),
    ],
)
def test_every_value_has_its_line(path, line):
    for text in (TEXT, TEXT.replace("\n", "\r\n")):
        assert parse_toml(text, name="x.toml").line_of(path) == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = \n", r"x.toml:2: "),
        ("a = 1\na = 2\n", r"x.toml:2: "),
        ("a = [" + "[" * 5000, r"x.toml: nested too deeply|x.toml:1"),
        ("a = " + "9" * 5000, r"x.toml: "),
        ("#" * (2**20 + 1), "is it a TOML file"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        parse_toml(text, name="x.toml")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"a = '\xe4'")
    with pytest.raises(SpecError, match=r"latin\.toml: no UTF-8 text"):
        read_toml(tmp_path / "latin.toml")
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(SpecError, match="cannot be read"):
            read_toml(path)


def paths_of(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_of(inner, (*path, key))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            yield from paths_of(inner, (*path, i))


def write(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {write(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(write, value)) + "\n]"
    return json.dumps(value)


TEXTS = st.text(
    st.characters(codec="ascii", exclude_categories=["Cc"]) | st.sampled_from("#[]{}=\"'.,"), max_size=8
)
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
@settings(deadline=None)
def test_each_key_is_found_on_the_line_it_was_written(table):
    lines, text = {}, ""
    for key, value in table.items():
        lines[key] = text.count("\n") + 1
        text += f"{json.dumps(key)} = {write(value)}\n"
    file = parse_toml(text, name="x.toml")
    assert file.values == table
    for key, line in lines.items():
        assert file.line_of((key,)) == line
    assert {path for path in paths_of(table) if path} == set(file.lines)
