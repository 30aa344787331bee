"""syslog by sockets of this machine and the network, and systemd's journal by a journald of our own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import msgspec
import pytest

from streamer.base.errors import SpecError
from streamer.events import ErrorRecord, ReloadRecord
from streamer.outputs import check_outputs, open_outputs, reaches_out
from tests.outputs.counterparts import has_sent, is_away, wait_until
from tests.outputs.records import DIGIT, END, START

JOURNALD = "/lib/systemd/systemd-journald"
TIMED = msgspec.structs.replace(DIGIT, time="2026-11-22T07:31:09.873000Z")
RFC5424 = re.compile(r"<(\d+)>1 (\S+) (\S+) streamer (\d+) (\S+) (\[.*?[^\\]\]) \ufeff(.*)")


@pytest.fixture
def journal() -> Iterator[str]:
    """The namespace of a journald that is ours alone."""
    if os.geteuid() or not Path(JOURNALD).exists() or not shutil.which("journalctl"):
        pytest.skip("needs root, and systemd's journald (Debian: systemd)")
    name = f"streamer-{token_hex(4)}"
    folder = Path(f"/run/systemd/journal.{name}")
    process = subprocess.Popen([JOURNALD, name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: (folder / "socket").exists() and (folder / "dev-log").exists())
        yield name
    finally:
        process.terminate()
        process.wait()
        for found in (
            folder,
            *Path("/var/log/journal").glob(f"*.{name}"),
            *Path("/run/log/journal").glob(f"*.{name}"),
        ):
            shutil.rmtree(found, ignore_errors=True)


def read_journal(name: str) -> list[dict[str, str]]:
    words = ["journalctl", f"--namespace={name}", "-o", "json", "--no-pager", "SYSLOG_IDENTIFIER=streamer"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_the_journal_has_fields_to_look_for(journal: str) -> None:
    [output] = open_outputs([f"journald:/run/systemd/journal.{journal}/socket#host=lab"])
    for record in (START, TIMED, ErrorRecord(message="a\nb"), END):
        output.put(record)
    assert output.finish(timeout_s=10)
    wait_until(lambda: len(read_journal(journal)) == 4)
    start, digit, error, end = read_journal(journal)
    assert start["MESSAGE"] == "listening to a,b.wav for nothing"
    assert (digit["STREAMER_TYPE"], digit["STREAMER_LABEL"], digit["PRIORITY"]) == ("dtmf", "5", "5")
    assert digit["MESSAGE"].startswith("dtmf   5 ")
    assert json.loads(digit["STREAMER_JSON"])["host"] == "lab"
    assert (error["MESSAGE"], error["PRIORITY"]) == ("a?b", "3")
    assert end["MESSAGE"] == "ended: eof, 1 events"


def test_this_machines_syslog_takes_a_line_a_record(journal: str) -> None:
    [output] = open_outputs([f"syslog:/run/systemd/journal.{journal}/dev-log?facility=local3&types=dtmf"])
    output.put(TIMED)
    assert output.finish(timeout_s=10)
    wait_until(lambda: len(read_journal(journal)) == 1)
    [digit] = read_journal(journal)
    assert (digit["SYSLOG_FACILITY"], digit["PRIORITY"], digit["_TRANSPORT"]) == ("19", "5", "syslog")
    assert digit["SYSLOG_PID"] == str(os.getpid())
    assert digit["MESSAGE"].startswith("dtmf   5 ")


def test_a_daemon_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    [output] = open_outputs([f"syslog:{path}"])
    output.put(TIMED)
    wait_until(is_away(output))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        wait_until(has_sent(output, 1))
        assert b"streamer[" in daemon.recv(2000)
        path.unlink()
    assert output.finish(timeout_s=10)


def test_over_the_network_a_record_is_a_message_of_rfc_5424() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        [output] = open_outputs([f"syslog://127.0.0.1:{daemon.getsockname()[1]}?host=my lab"])
        output.put(START)
        output.put(msgspec.structs.replace(TIMED, label='a"b]'))
        parsed = [RFC5424.fullmatch(daemon.recv(2000).decode()) for _ in range(2)]
        assert output.finish(timeout_s=10)
    assert parsed[1] is not None
    priority, when, host, pid, kind, data, message = parsed[1].groups()
    assert (priority, when, host, kind) == ("13", TIMED.time, "my_lab", "dtmf")
    assert pid == str(os.getpid())
    assert 'label="a\\"b\\]"' in data
    assert message.startswith('dtmf   a"b]')


def test_tcp_frames_are_counted_and_a_daemon_that_goes_gets_the_rest_when_it_is_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        [output] = open_outputs([f"syslog://127.0.0.1:{address[1]}?tcp=yes&types=dtmf"])
        taken, _ = server.accept()
        output.put(TIMED)
        with taken:
            size, _, rest = taken.recv(4000).partition(b" ")
            assert int(size) == len(rest)
    wait_until(has_sent(output, 1))
    output.put(TIMED)
    wait_until(is_away(output))
    with socket.create_server(address, reuse_port=False) as server:
        taken, _ = server.accept()
        with taken:
            assert taken.recv(4000).partition(b" ")[2] == rest
            wait_until(has_sent(output, 2))
            assert output.finish(timeout_s=10)


@pytest.mark.parametrize("options", ["", "#phase=begin"])
def test_a_log_has_a_line_for_what_people_want_to_know_and_says_it(tmp_path: Path, options: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        server.settimeout(10)
        [output] = open_outputs([f"syslog:{tmp_path}/log{options}"])
        alarm = msgspec.structs.replace(DIGIT, type="level", label="loud", duration_s=None, id=18)
        for event in (DIGIT, alarm):
            for phase in ("begin", "end"):
                output.put(msgspec.structs.replace(event, phase=phase))
        output.put(ReloadRecord(state="refused", message="what was in force stays: a.toml:3: no"))
        assert output.finish(timeout_s=10)
        lines = [server.recv(4000).decode().partition("]: ")[2] for _ in range(output.books.sent)]
    if options:  # asked for, it is told too
        assert [line.split()[0] for line in lines] == ["dtmf", "level", "reload"]
        return
    assert lines[0].startswith("dtmf   5 ")
    assert lines[1].startswith("level  loud")
    assert "begins" in lines[1]
    assert "begins" not in lines[2]
    assert lines[3] == "reload refused: what was in force stays: a.toml:3: no"


def test_what_is_wrong_with_a_log_is_told_at_once() -> None:
    for target in ("syslog:?facility=mail2", "syslog://", "journald:?tcp=yes"):
        with pytest.raises(SpecError):
            check_outputs([target])
    assert reaches_out("syslog://logs.example.org")
    assert not reaches_out("syslog:")
