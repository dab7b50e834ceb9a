"""The figures under /metrics, read by Prometheus's own checker and scraped by a real Prometheus."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import free_port, running, wait_for

pytestmark = pytest.mark.server


def tool(name: str) -> str:
    """Path of a program of Debian's prometheus package."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {name} (package prometheus)")
        pytest.skip(f"{name} is not installed (package prometheus)")
    return found


def ask(port: int, query: str) -> list[dict[str, Any]]:
    """Ask Prometheus; nothing while it starts."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except OSError:
        return []


def test_prometheus_accepts_and_scrapes_the_figures(tmp_path: Path) -> None:
    promtool, prometheus = tool("promtool"), tool("prometheus")
    env = {"QS_COLLECT__HISTORY_DAYS": "0.2"}
    with running("demo", "--symbols=BTCUSDT", data_dir=tmp_path / "demo", env=env) as demo:
        wait_for(lambda: demo.get("/api/v1/status")["throughput"]["klines"] > 0, "the first live kline")
        with urllib.request.urlopen(f"{demo.url}/metrics", timeout=10) as answer:
            text = answer.read()
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)
        complaints = (checked.stdout + checked.stderr).decode()
        assert checked.returncode == 0, complaints

        port = free_port()
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            f"scrape_configs: [{{job_name: quantservice, static_configs: [{{targets: ['127.0.0.1:{demo.port}']}}]}}]\n"
        )
        options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}", f"--web.listen-address=127.0.0.1:{port}"]
        server = subprocess.Popen([prometheus, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            up = wait_for(lambda: [row for row in ask(port, "up") if row["value"][1] == "1"], "the first scrape")
            assert up[0]["metric"]["job"] == "quantservice"
            names = wait_for(lambda: ask(port, 'count({__name__=~"quantservice_.+|qs_.+"})'), "figures of ours")
            assert float(names[0]["value"][1]) > 20
        finally:
            server.terminate()
            server.wait(timeout=30)
