"""The dashboard for Grafana that is shipped: every query of it is Prometheus' language, and shows figures of ours."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from streamer.base.shipped import shipped_folder
from streamer.events import SourceRecord, WorkerRecord
from streamer.outputs import open_outputs
from tests.outputs.counterparts import Server, find_free_port, require, running, wait_until
from tests.outputs.records import DIGIT, START
from tests.outputs.test_metrics import GAP, STATS, fetch, is_ready, read_samples

BOARD = json.loads((shipped_folder("grafana") / "streamer.json").read_text())
RECORDS = (
    START,
    DIGIT,
    GAP,
    STATS,
    WorkerRecord(reason="died", restarts=1),
    SourceRecord(state="lost", source="mic"),
)


def list_queries() -> Iterator[str]:
    """As Grafana sends them, for all instances."""
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            yield re.sub(r"\$__(range|rate_interval)", "30s", target["expr"]).replace("$instance", ".*")


def test_every_query_is_one_to_promtool(tmp_path: Path) -> None:
    queries = list(list_queries())
    assert len(queries) >= 10
    assert not [query for query in queries if "$" in query]
    rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(queries)]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))  # which is YAML too
    words = [require("promtool", "prometheus"), "check", "rules", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(queries)} rules found" in done.stdout


def test_it_names_all_figures_that_there_are_and_no_others() -> None:
    port = find_free_port()
    [output] = open_outputs([f"metrics:{port}"])
    for record in RECORDS:
        output.put(record)
    wait_until(lambda: output.books.queued == 0)
    there = {name for name, *_ in read_samples(fetch(port)) if name.startswith("streamer_")}
    assert {name for query in list_queries() for name in re.findall(r"streamer_\w+", query)} == there
    assert output.finish()


def test_every_query_shows_something_to_prometheus(tmp_path: Path) -> None:
    port, own = find_free_port(), find_free_port()
    config = tmp_path / "prometheus.yml"
    job = {"job_name": "s", "scrape_interval": "50ms", "scrape_timeout": "50ms"}
    config.write_text(
        json.dumps({"scrape_configs": [{**job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]})
    )
    words = [
        require("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}/db",
    ]
    server = Server([*words, f"--web.listen-address=127.0.0.1:{own}"], port=own)

    def ask(query: str) -> list[Any]:
        address = f"http://127.0.0.1:{own}/api/v1/query?query={urllib.parse.quote(query)}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return [each["value"][1] for each in json.load(answer)["data"]["result"]]

    [output] = open_outputs([f"metrics:{port}"])
    with running(server):
        wait_until(lambda: is_ready(own))
        for record in RECORDS:
            output.put(record)
        wait_until(lambda: bool(ask("streamer_events_total")))
        for record in (*RECORDS, msgspec.structs.replace(DIGIT, label="7")):
            output.put(record)
        wait_until(lambda: all(ask(query) for query in list_queries()))
        wait_until(lambda: max(map(float, ask("sum(increase(streamer_events_total[30s]))"))) > 0)
    assert output.finish()


def test_panels_lie_beside_each_other_and_are_told_apart() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        x, y, width, height = (panel["gridPos"][key] for key in "xywh")
        cells = {(column, row) for column in range(x, x + width) for row in range(y, y + height)}
        assert x + width <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for key in ("id", "title"):
        assert len({panel[key] for panel in BOARD["panels"]}) == len(BOARD["panels"])
