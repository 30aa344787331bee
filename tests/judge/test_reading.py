"""What a program prints is read in any of the forms that the guide's page `decoders` names."""

import re

import pytest

from streamer.judge.decoders.reading import Reader
from streamer.judge.heard import Heard

BEGIN = '{"schema":"streamer.event/1","type":"dtmf","phase":"begin","id":1,"label":"5","t_s":0.3,"known_sample":2720}'
END = (
    '{"schema":"streamer.event/1","type":"dtmf","phase":"end","id":1,"label":"5","t_s":0.31,"duration_s":0.05,'
    '"known_sample":3200}'
)


@pytest.mark.parametrize(
    ("lines", "heard"),
    [
        (["5"], [Heard(label="5")]),
        (["  KP123ST "], [Heard(label="KP123ST")]),
        (["0.310 5"], [Heard(label="5", start_s=0.31)]),
        (["73 DE K5"], [Heard(label="73 DE K5")]),  # a text that begins with a number
        (["100.0"], [Heard(label="100.0")]),  # and a label that is one
        (
            ['{"label":"5","t_s":0.3,"duration_s":0.1,"known_s":0.5}'],
            [Heard(label="5", start_s=0.3, stop_s=0.4, known_s=0.5, end_known_s=0.5)],
        ),
        ([BEGIN], [Heard(label="5", type="dtmf", start_s=0.3, known_s=0.34)]),
        (
            [BEGIN, END],
            [Heard(label="5", type="dtmf", start_s=0.31, stop_s=0.36, known_s=0.34, end_known_s=0.4)],
        ),
        (['{"type":"start","fs":8000}', '{"type":"stats"}', "", "{torn", '{"label":null}', "[1]"], None),
    ],
)
def test_a_line_says_a_label_and_what_it_knows_of_its_times(lines, heard):
    assert Reader().read(lines, "dtmf", 8000) == (heard or [Heard(label="[1]")])


def test_text_that_was_sent_is_what_is_said_of_morse_and_same():
    line = '{"label":"same","text":"ZCZC-WXR-"}'
    assert [each.label for each in Reader().read([line], "same", 8000)] == ["ZCZC-WXR-"]
    assert [each.label for each in Reader().read([line], "eas", 8000)] == ["same"]


def test_a_pattern_finds_labels_in_what_is_no_label():
    reader = Reader(match=re.compile(r"DTMF: (.)"))
    assert [each.label for each in reader.read(["loading", "DTMF: 1 DTMF: 2"], "dtmf", 8000)] == ["1", "2"]
    named = Reader(match=re.compile(r"at (?P<t>[\d.]+) s: (?P<label>\w+)"))
    assert named.read(["at 1.5 s: busy"], "call-progress", 8000) == [Heard(label="busy", start_s=1.5)]


def test_digits_that_are_printed_one_a_line_are_joined_if_asked():
    assert Reader(joins=True).read(["KP", "1", "2", "ST"], "r1", 8000) == [Heard(label="KP12ST")]
    assert Reader(joins=True).read([], "r1", 8000) == []


def test_of_many_files_a_line_says_whose_it_is():
    text = "\n".join(
        ["loading", '{"file":"b","label":"1"}', "a: 2", "b", "0.500 3", "4", '{"file":"c","label":"5"}', "a:"]
    )
    said = Reader().read_by_file(text, ["a", "b", "d"], "dtmf", 8000)
    assert [[each.label for each in told] for told in said] == [["2"], ["1", "3", "4"], []]
