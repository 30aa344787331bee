"""A table of decoders: the same signals for all, told by a digest, and what could not be measured."""

import json

import pytest

from streamer.judge.decoders.command import Command
from streamer.judge.decoders.ours import Streamer
from streamer.judge.heard import Heard, OneByOne
from streamer.judge.judge import Terms
from streamer.judge.run import judge_family
from streamer.judge.table import ALL

SMALL = Terms(scale=0.1)
# Of every sample that "clean" of the 1750 Hz burst sends at this scale. It may change only with the signals.
CLEAN = "e87cafc4a87303d6"


class Parrot(OneByOne):
    def __init__(self, label, tables=None):
        super().__init__()
        self.label, self.tables = label, tables

    def knows(self, family, table):
        return self.tables is None or table in self.tables

    def hear_one(self, pcm, family, table, fs_hz):
        return [Heard(label=self.label)]


def judge(family, decoders, *, only="clean", terms=SMALL):
    return judge_family(ALL[family], decoders, terms, only=only)


def test_all_are_sent_the_same_and_the_digest_says_what():
    table = judge("tone-burst", {"streamer": Streamer(), "right": Parrot("1750"), "wrong": Parrot("1751")})
    assert table.rows[0].figures == {"streamer": (100.0,), "right": (100.0,), "wrong": (0.0,)}
    assert table.rows[0].met == "yes"
    assert table.rows[0].digest == CLEAN
    assert (table.rows[0].n_signals, round(table.rows[0].seconds)) == (3, 7)


def test_another_seed_or_scale_is_another_digest():
    digests = {
        judge("tone-burst", {"x": Parrot("1750")}, terms=Terms(seed=seed, scale=scale)).digest
        for seed in (0, 1)
        for scale in (0.1, 0.4)
    }
    assert len(digests) == 4


def test_the_digest_is_of_all_that_is_sent_though_nobody_knows_it_all():
    known, all_known = Parrot("backward 1", ("mfc-r2-backward",)), Parrot("forward 1")
    table = judge("r2", {"one": known, "none": Parrot("x", ())})
    assert table.digest == judge("r2", {"all": all_known}).digest
    assert table.who == ["one"]
    assert table.unknown == {"one": ["mfc-r2-forward"]}
    assert "one has no mfc-r2-forward." in list(table.foot())


@pytest.mark.parametrize("family", ["dtmf", "call-progress"])
def test_nothing_that_is_sent_depends_on_what_is_heard(family):
    terms = Terms(scale=0.01, speech="no/such/folder")
    lines = ("twist", "dynamic", "pause", "hum", "clean")
    for only in lines:
        digests = {
            judge(family, {"x": Parrot(label)}, only=only, terms=terms).digest for label in ("5", "us-busy")
        }
        assert len(digests) == 1, only


def test_who_gives_no_answer_is_marked_and_told_and_the_others_are_judged():
    broken = Command(words=("sh", "-c", "exit 3"))
    table = judge("tone-burst", {"right": Parrot("1750"), "broken": broken})
    assert "| 100 | 0 ! |" in table.rows[0].show(table.who)
    assert "! broken gave no answer to 3 of 3 signals: it ended with 3." in list(table.foot())


def test_lines_that_need_what_is_not_here_are_left_out_and_told():
    table = judge("tone-burst", {"x": Parrot("x")}, only="speech", terms=Terms(scale=0.1, speech="no/such"))
    assert table.rows == []
    [(why, lines)] = table.left_out.items()
    assert "no recordings in no/such" in why
    assert len(lines) == 2
    assert any(line.startswith("Left out: with speech") for line in table.foot())


def test_a_table_is_json_that_any_program_reads():
    table = judge("tone-burst", {"x": Parrot("1750")}, only="start / end,more")
    found = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert found["rows"][0]["figures"] == {"x": [None, None]}
    assert found["digest"] == table.digest
    assert "| - / - |" in table.rows[0].show(["x"])
