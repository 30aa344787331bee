import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from streamer.base.errors import SourceError
from streamer.sources import open_source, parse_source
from tests.sources.reading import (
    as_read_by_soundfile,
    program,
    python,
    read_source,
    read_until_it_fails,
    wav_bytes,
    write_wav,
)


def test_a_program_is_read_like_a_pipe(tmp_path):
    wav_bytes(tmp_path)
    expected = as_read_by_soundfile(tmp_path / "made.wav")
    assert np.array_equal(read_source(f"cmd:cat {tmp_path}/made.wav"), expected)
    options = {"sample_format": "s16le", "rate_hz": 8000.0, "channels": "1/2"}
    assert np.array_equal(read_source(f"cmd:tail -c +45 {tmp_path}/made.wav", **options), expected[:, :1])


def test_arguments_are_quoted_as_in_a_shell_but_no_shell_runs(tmp_path):
    path = write_wav(tmp_path / "a $(touch pwned) b.wav")
    assert len(read_source(f"cmd:cat '{path}'")) == 5000
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("cmd:no-such-program-here -x", "cmd: no-such-program-here cannot be started: No such file"),
        ("cmd:/", "cmd: / cannot be started: Permission denied"),
        ("cmd:false", "cmd: false ended with status 1$"),
        ("cmd:true", "cmd:true is empty: it holds no byte"),
        (python("import sys; sys.exit('no such sink')"), "ended with status 1: no such sink"),
        (python("import os; os.kill(os.getpid(), 9)"), "was ended by SIGKILL"),
    ],
)
def test_a_program_that_gives_nothing_says_why(command, message):
    with pytest.raises(SourceError, match=message):
        open_source(parse_source(command))


def test_a_program_that_fails_later_is_told_after_its_samples():
    code = "import sys; sys.stdout.buffer.write(bytes(20000)); print('lost\\nthe device', file=sys.stderr); sys.exit(3)"
    samples, message = read_until_it_fails(python(code), sample_format="s16le", rate_hz=8000.0)
    assert len(samples) == 10000
    assert message.endswith("ended with status 3: the device")


def wait_until(condition, timeout_s=5.0):
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s
        os.sched_yield()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("deaf", [False, True])
def test_closing_ends_the_program_and_what_it_started(deaf, tmp_path):
    pid_path = tmp_path / "pids"
    trap = "trap '' TERM; " if deaf else ""
    script = tmp_path / "endless.sh"
    script.write_text(f"{trap}cat /dev/zero & echo $$ $! > {pid_path}; wait; {'wait;' * 9 if deaf else ''}")
    with open_source(parse_source(f"cmd:sh {script}", sample_format="u8", rate_hz=8000.0)) as source:
        assert len(next(source.read_blocks(1000))) >= 1
        wait_until(lambda: pid_path.exists() and len(pid_path.read_text().split()) == 2)
        pids = [int(pid) for pid in pid_path.read_text().split()]
        assert all(map(is_alive, pids))
        begin_s = time.monotonic()
    assert time.monotonic() - begin_s < 2  # that is how long `q` may take
    source.close()  # again is harmless
    for pid in pids:
        wait_until(lambda pid=pid: proc_state(pid) == "Z")


@pytest.mark.parametrize("is_open", [False, True])
def test_the_program_does_not_outlive_whoever_reads_it_even_if_killed(is_open, tmp_path):
    pid_path = tmp_path / "pids"
    script = tmp_path / "silent.sh"
    script.write_text(f"sleep 60 & echo $$ $! > {pid_path}; wait")
    code = f"""if True:
        from streamer.sources import open_source, parse_source
        options = dict(sample_format="u8", rate_hz=8000.0) if {is_open} else {{}}
        with open_source(parse_source("cmd:sh {script}", **options)) as source:
            list(source.read_blocks(1000))
    """
    with subprocess.Popen([sys.executable, "-c", code]) as reader:
        try:
            wait_until(lambda: pid_path.exists() and len(pid_path.read_text().split()) == 2)
            pids = [int(pid) for pid in pid_path.read_text().split()]
            wait_until(lambda: f"streamer-guard {pids[0]}" in list_processes())
        finally:
            reader.kill()
    wait_until(lambda: all(proc_state(pid) == "Z" for pid in pids), timeout_s=2.0)


def test_closing_from_elsewhere_ends_a_read_that_waits():
    code = "import sys, time; sys.stdout.buffer.write(bytes(100)); sys.stdout.flush(); time.sleep(60)"
    with open_source(parse_source(python(code), sample_format="u8", rate_hz=8000.0)) as source:
        blocks = source.read_blocks(1000)
        assert len(next(blocks)) == 100
        closer = threading.Timer(0.05, source.close)
        closer.start()
        assert list(blocks) == []  # no error: it was we who ended the program
        closer.join()


def list_processes():
    return subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def proc_state(pid):
    """Its state letter; an orphan may wait for init to bury it."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_chatty_program_is_not_held_up_by_its_stderr():
    code = "import sys; sys.stderr.write('x' * 10**6); sys.stdout.buffer.write(bytes(100))"
    assert len(read_source(python(code), sample_format="u8", rate_hz=8000.0)) == 100


@pytest.mark.parametrize(
    "arguments",
    [
        "-b 16",
        "-b 24",
        "-b 32",
        "-e floating-point -b 32",
        "-e a-law",
        "-e mu-law",
        "-b 8",
        "-c 6 -b 24",
        "-B -b 16",
    ],
)
def test_what_sox_pipes_is_what_sox_writes(arguments, tmp_path):
    sox = program("sox")
    synth = "synth 0.5 sine 440 vol 0.5"
    subprocess.run(f"{sox} -R -n -r 8000 {arguments} {tmp_path}/x.wav {synth}", shell=True, check=True)
    expected = as_read_by_soundfile(tmp_path / "x.wav")
    # sox says in the header it cannot know the length, as nobody who pipes can
    samples = read_source(f"cmd:{sox} -R -V1 -n -r 8000 {arguments} -t wav - {synth}")
    assert np.array_equal(samples, expected)


@pytest.mark.parametrize("arguments", ["", "-c:a pcm_f32le -ac 6", "-rf64 always"])
def test_what_ffmpeg_pipes_is_what_ffmpeg_writes(arguments, tmp_path):
    ffmpeg = program("ffmpeg")
    made = f"{ffmpeg} -v error -nostdin -f lavfi -i sine=440:d=0.5:r=8000 {arguments} -f wav"
    subprocess.run([*made.split(), f"{tmp_path}/x.wav"], check=True)
    expected = as_read_by_soundfile(tmp_path / "x.wav")
    assert np.array_equal(read_source(f"cmd:{made} -"), expected)
    (tmp_path / "piped.wav").write_bytes(
        subprocess.run([*made.split(), "-"], capture_output=True, check=True).stdout
    )
    assert np.array_equal(read_source(tmp_path / "piped.wav"), expected)


WAYS_OUT = {
    "a session of its own": "setsid sleep {n}",
    "and another parent": "setsid sh -c 'sleep {n} & exit' &",
    "and without our mark": "env -i setsid sleep {n} &",
}


@pytest.mark.skipif(sys.platform != "linux", reason="what others do is told by /proc")
@pytest.mark.parametrize(
    ("way", "is_killed"),
    [
        *((way, False) for way in WAYS_OUT),
        *((way, True) for way in WAYS_OUT if "mark" not in way),  # the guard of who was killed knows no more
    ],
)
def test_a_program_that_goes_into_a_session_of_its_own_ends_with_us_too(way, is_killed, tmp_path):
    seconds = f"60.{os.getpid()}{list(WAYS_OUT).index(way)}{int(is_killed)}"
    script = tmp_path / "leaver.sh"
    script.write_text(f"{WAYS_OUT[way].format(n=seconds)}\nexec cat /dev/zero")
    code = f"""if True:
        from streamer.sources import open_source, parse_source
        with open_source(parse_source("cmd:sh {script}", sample_format="u8", rate_hz=8000.0)) as source:
            next(source.read_blocks(1000))
            print(flush=True)
            input()
        print(source.remarks)
    """
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        if way != "a session of its own":
            reader.stdout.readline()
        wait_until(lambda: f"sleep {seconds}" in list_processes(), timeout_s=20)
        if is_killed:
            reader.kill()
        elif way != "a session of its own":
            said, _ = reader.communicate("\n", timeout=10)
            assert said == "[]\n"
        else:
            reader.terminate()  # it waits for samples that never come; its guard is asked
    wait_until(lambda: f"sleep {seconds}" not in list_processes(), timeout_s=20)


def test_what_cannot_be_ended_is_named(monkeypatch):
    source = open_source(parse_source("cmd:cat /dev/zero", sample_format="u8", rate_hz=8000.0))
    monkeypatch.setattr(source._family, "end", lambda **_: ["4711 (deaf)"])
    source.close()
    source.close()
    assert source.remarks == ["cmd: cat leaves running: 4711 (deaf)"]
