"""The unit of `streamer guide service` under a real systemd, with every kind of output, rotated, reloaded and killed.

    python -m tests.service [--keep FOLDER]

systemd runs as PID 1 of a container (Debian: systemd-container, logrotate, nats-server, mosquitto) on a copy of this
machine's files, in which nothing stays. Needs root. What the page says is done there: the package is installed, the
unit, the settings and the rotation are its own; only the source is made up, as there is no microphone. --keep: where
the installed package stays, for another time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "streamer/guide/service.md"
SOUND = "sim:dtmf:5550123@-12:60ms/60ms+loop+noise:-60"
STATE = Path("/var/lib/private/streamer")
BOOT_S, START_S, WAIT_S = 60, 180, 60
OUTPUTS = """
[[output]]
to = "/var/lib/streamer/events.jsonl"
[[output]]
to = "clips:/var/lib/streamer/clips"
budget = "20MB"
[[output]]
to = "exec:/bin/sh -c 'echo {label} >> /var/lib/streamer/programs'"
[[output]]
to = "http://127.0.0.1:8399/hook"
token_file = "/run/credentials/streamer.service/token"
[[output]]
to = "mqtt://127.0.0.1"
[[output]]
to = "nats://127.0.0.1"
[[output]]
to = "metrics:9464"
[[output]]
to = "syslog:"
[[output]]
to = "journald:"
[[output]]
to = "syslog://192.0.2.1"
"""
HOOK = """
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open("/result/hook", "a") as file:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            file.write(self.headers["Authorization"] + " " + body + "\\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", 8399), Hook).serve_forever()
"""


def read_block(kind: str) -> str:
    """Of the page, the first that is of this kind."""
    found = re.search(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, f"{PAGE} has no block of {kind}"
    return found[1]


# --- outside: the container ------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--mounted", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.inside:
        return judge()
    if words.mounted:
        boot(words.mounted, words.keep)
        return 0
    with TemporaryDirectory() as folder:
        again = [sys.executable, "-m", "tests.service", "--mounted", folder]
        kept = ["--keep", str(words.keep)] if words.keep else []
        fence = ["unshare", "--mount", "--propagation", "private"]
        subprocess.run([*fence, *again, *kept], cwd=REPOSITORY, check=True)
        said, failed = ((Path(folder) / name).read_text() for name in ("said", "verdict"))
        print(said)
        if int(failed):
            print((Path(folder) / "console").read_text())
        return int(failed)


def boot(folder: Path, kept: Path | None) -> None:
    """A container on a copy of /, with what the page says; until it switches itself off."""
    fs = folder / "fs"
    fs.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(fs))
    for name in ("up", "work", "root", "opt"):
        (fs / name).mkdir()
    root = fs / "root"
    mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={fs}/up,workdir={fs}/work", str(root))
    install(root, kept or fs / "opt")
    prepare(root)
    (folder / "verdict").write_text("1")
    (folder / "said").write_text("systemd did not come up\n")
    os.environ["SYSTEMD_LOG_LEVEL"] = "err"
    subprocess.run(
        [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot"),
            *("--link-journal=no", "--console=pipe", "--machine=streamer", "--directory", str(root)),
            *("--bind", f"{folder}:/result", "--bind", f"{kept or fs / 'opt'}:/opt/streamer"),
            *("--bind-ro", f"{REPOSITORY}:/repository"),
            "systemd.unit=judge.target",
        ],
        stdin=subprocess.DEVNULL,
        stdout=(folder / "console").open("w"),
        stderr=subprocess.STDOUT,
        timeout=BOOT_S + START_S + 4 * WAIT_S,
        check=False,
    )


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def install(root: Path, place: Path) -> None:
    """As the page has it, but that it is not from the net that the container has none of."""
    (root / "opt/streamer").mkdir(parents=True, exist_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    mount("--bind", str(place), str(root / "opt/streamer"))
    mount("--rbind", "/proc", str(root / "proc"))
    mount("--rbind", "/dev", str(root / "dev"))
    inside = ["chroot", str(root)]
    if not (place / "bin/streamer").exists():
        subprocess.run([*inside, "/usr/bin/python3", "-m", "venv", "/opt/streamer"], check=True)
    pip = [*inside, "/opt/streamer/bin/pip", "install", "-q", "--force-reinstall", "--no-deps"]
    whole = [*inside, "/opt/streamer/bin/pip", "install", "-q", f"{REPOSITORY}[metrics,nats,mqtt]"]
    subprocess.run(whole, check=True)
    subprocess.run([*pip, str(REPOSITORY)], check=True)
    for each in ("opt/streamer", "proc", "dev"):
        subprocess.run(["umount", "-R", "-l", str(root / each)], check=True)


def prepare(root: Path) -> None:
    """The unit, what is made up for it, and the judge, which is a unit too."""
    units = root / "etc/systemd/system"
    (units / "streamer.service").write_text(read_block("ini"))
    made_up = units / "streamer.service.d"
    made_up.mkdir()
    start = re.search(r"ExecStart=((?:.*\\\n)*.*)\n", read_block("ini"))
    assert start
    command = start[1].replace(" live mic ", f' live "{SOUND}" ')
    assert SOUND in command
    (made_up / "made-up.conf").write_text(
        f"[Service]\nExecStart=\nExecStart={command}\nLoadCredential=token:/etc/streamer.token\n"
    )
    (root / "etc/streamer.token").write_text("secret\n")
    (root / "etc/streamer.token").chmod(0o600)
    (root / "etc/streamer.toml").write_text(read_block("toml"))
    (root / "etc/logrotate.d/streamer").write_text(read_block("logrotate"))
    (root / "etc/hook.py").write_text(HOOK)
    services = {
        "hook": "/usr/bin/python3 /etc/hook.py",
        "broker": "/usr/sbin/mosquitto",
        "stream": "/usr/sbin/nats-server -js -sd /run/stream -a 127.0.0.1",
    }
    for name, words in services.items():
        (units / f"{name}.service").write_text(f"[Service]\nExecStart={words}\n")
    (units / "judge.service").write_text(
        "[Unit]\nAfter=hook.service broker.service stream.service\nSuccessAction=exit\nFailureAction=exit\n"
        "[Service]\nType=oneshot\n"
        "WorkingDirectory=/repository\nExecStart=/usr/bin/python3 -B -m tests.service --inside\n"
        "StandardOutput=file:/result/said\nStandardError=inherit\n"
    )
    wants = " ".join(f"{name}.service" for name in (*services, "judge"))
    (units / "judge.target").write_text(f"[Unit]\nRequires=basic.target\nAfter=basic.target\nWants={wants}\n")


# --- inside: what is asked of it ------------------------------------------------------------------------------


def judge() -> int:
    """Every step told on a line; how many failed."""
    failed = 0
    for step in STEPS:
        began_s = time.monotonic()
        try:
            said = step()
            is_good = True
        except Exception as error:  # whatever it is: the other steps are told too
            said, is_good = f"{type(error).__name__}: {error}", False
        failed += not is_good
        what = (step.__doc__ or "").partition("\n")[0]
        print(
            f"{'ok    ' if is_good else 'FAILED'} {time.monotonic() - began_s:6.1f} s  {what} {said or ''}",
            flush=True,
        )
    if failed:
        print(call("journalctl", "-u", "streamer", "-n", "60", "--no-pager", "-o", "cat"))
    Path("/result/verdict").write_text(str(failed))
    return 0


def call(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=START_S + 20)
    if done.returncode and words[0] != "systemctl":
        return done.stdout + done.stderr
    assert not done.returncode, f"{' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


def show(key: str) -> str:
    return call("systemctl", "show", "-P", key, "streamer").strip()


def wait_for(what: Callable[[], Any], limit_s: float = WAIT_S) -> Any:
    end_s = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < end_s, f"not within {limit_s:g} s"
        time.sleep(0.1)
    return found


def read_events(path: Path = STATE / "events.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def count(kind: str) -> int:
    return sum(line["type"] == kind for line in read_events())


def start() -> str:
    """It starts, and says itself that it is ready; its status is"""
    call("systemctl", "start", "streamer")
    assert show("ActiveState") == "active"
    wait_for(lambda: count("dtmf") > 10)
    return show("StatusText")


def take_outputs() -> str:
    """A reload takes over ten outputs, each of which gets what it is for:"""
    settings = Path("/etc/streamer.toml")
    settings.write_text(settings.read_text().partition("[[output]]")[0] + OUTPUTS)
    call("systemctl", "reload", "streamer")
    wait_for(lambda: [line for line in read_events() if line["type"] == "reload" and line["state"] == "done"])
    begun = count("dtmf")
    wait_for(lambda: count("dtmf") > begun + 60, 120)
    got: dict[str, int] = {
        "clips": len(wait_for(lambda: list((STATE / "clips").glob("*.wav")))),
        "programs": len((STATE / "programs").read_text().split()),
        "posts": Path("/result/hook").read_text().count("Bearer secret {"),
        "syslog": call("journalctl", "-t", "streamer", "--no-pager", "-o", "cat").count("dtmf"),
        "journal": len(call("journalctl", "STREAMER_TYPE=dtmf", "--no-pager", "-o", "cat").splitlines()),
    }
    read = call("/opt/streamer/bin/streamer", "history", "nats://127.0.0.1", "--json")
    got["stream"] = read.count('"type":"dtmf"')
    heard = subprocess.run(
        ["mosquitto_sub", "-t", "streamer/+/dtmf", "-C", "5", "-W", "20"],
        capture_output=True,
        text=True,
        check=True,
    )
    got["broker"] = len(heard.stdout.splitlines())
    fetched = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9464/metrics').read().decode())"
    got["metrics"] = call("/usr/bin/python3", "-c", fetched).count("streamer_events_total{")
    assert all(got.values()), got
    return " ".join(f"{name} {number}" for name, number in got.items())


def stay_within() -> str:
    """A machine that the unit does not name is not reached, which is told:"""
    stats = wait_for(
        lambda: [line for line in read_events() if line["type"] == "stats" and len(line["outputs"]) > 9]
    )
    books = {each["name"]: each for each in stats[-1]["outputs"]}
    lost = sum(each["lost"] for each in books.values() if each["name"] != "syslog://192.0.2.1")
    assert lost == 0, books
    return f"{books['syslog://192.0.2.1']}; the others lost none"


def rotate() -> str:
    """The log is rotated, and no event is missing between the two files:"""
    before = count("dtmf")
    call("logrotate", "--force", "/etc/logrotate.d/streamer")
    wait_for(lambda: count("dtmf") > 10)
    [old] = STATE.glob("events.jsonl.1*")
    text = subprocess.run(["zcat", "-f", str(old)], capture_output=True, text=True, check=True).stdout
    ids = [line["id"] for line in map(json.loads, text.splitlines()) if line.get("phase") == "end"]
    ids += [line["id"] for line in read_events() if line.get("phase") == "end"]
    assert ids == list(range(ids[0], ids[0] + len(ids))), "ids are not in a row"
    return f"{len(ids)} digits, {before} before"


def refuse() -> str:
    """A mistake in the settings changes nothing, and is told:"""
    settings = Path("/etc/streamer.toml")
    good = settings.read_text()
    settings.write_text(good + "\n[[output]]\nto = 'nonsense:'\n")
    call("systemctl", "reload", "streamer")
    told = wait_for(
        lambda: [line for line in read_events() if line["type"] == "reload" and line["state"] == "refused"]
    )
    settings.write_text(good)
    assert show("ActiveState") == "active"
    return str(told[-1]["message"])[:100]


def come_back_from_a_stop() -> str:
    """Stopped by a signal it says nothing; the watchdog ends it, and it is started again after"""
    return restart_after("SIGSTOP")


def come_back_from_a_kill() -> str:
    """Killed it is started again after"""
    return restart_after("SIGKILL")


def restart_after(name: str) -> str:
    before, began_s = show("MainPID"), time.monotonic()
    call("systemctl", "kill", "--kill-whom=main", "--signal", name, "streamer")
    wait_for(lambda: show("MainPID") not in ("0", before) and show("ActiveState") == "active")
    took_s = time.monotonic() - began_s
    begun = count("dtmf")
    wait_for(lambda: count("dtmf") > begun + 5)
    return f"{took_s:.1f} s, {show('NRestarts')} restarts so far"


def is_away() -> bool:
    """By the newest books, which are told every ten seconds."""
    stats = [line for line in read_events() if line["type"] == "stats"][-1]
    return any(each.get("away_s") is not None for each in stats["outputs"])


def stop() -> str:
    """Without the one that is away it ends with all that waits written, and nothing of it stays:"""
    settings = Path("/etc/streamer.toml")
    settings.write_text(settings.read_text().partition('[[output]]\nto = "syslog://')[0])
    call("systemctl", "reload", "streamer")
    wait_for(lambda: [line for line in read_events() if line["type"] == "stats"][-1:] and not is_away())
    began_s = time.monotonic()
    call("systemctl", "stop", "streamer")
    took_s = time.monotonic() - began_s
    last = read_events()[-1]
    assert (last["type"], show("Result")) == ("end", "success"), (last, show("Result"))
    left = call("ps", "-eo", "comm,args")
    assert "streamer live" not in left
    assert took_s < 5
    return f"{took_s:.1f} s"


def have_a_fence() -> str:
    """systemd-analyze security:"""
    said = call("systemd-analyze", "security", "--no-pager", "streamer.service").splitlines()[-1]
    return said.strip("→ ")


STEPS = [
    *(start, take_outputs, stay_within, rotate, refuse, come_back_from_a_stop, come_back_from_a_kill),
    *(stop, have_a_fence),
]

if __name__ == "__main__":
    if os.geteuid() or not all(map(shutil.which, ("systemd-nspawn", "unshare", "logrotate"))):
        sys.exit("needs root, and Debian's systemd-container and logrotate")
    sys.exit(main())
