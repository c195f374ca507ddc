"""The report in a real browser: it opens from a file, asks the network for nothing, and complains of nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import specimen

from mlfuzz.report import html
from mlfuzz.report.summary import summarise

NAMES = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip

pytestmark = pytest.mark.slow


class Visit(NamedTuple):
    """What a page did: its elements when it had loaded, what it said on the console, what it asked the network for."""

    dom: str
    console: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium; continuous integration installs it")
        pytest.skip("no Chromium here")
    return found


@pytest.fixture
def visit(browser, tmp_path):
    def visit(page: Path) -> Visit:
        log = tmp_path / "net.json"
        done = subprocess.run(
            [browser, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}",
             "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        return Visit(done.stdout, console, requested(log))

    return visit


def requested(log: Path) -> list[str]:
    """URLs that a page asked for over the network; the browser's own errands have no page as their initiator."""
    parameters = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    pages = [one for one in parameters if one.get("initiator", "not an origin") != "not an origin"]
    return sorted({one["url"] for one in pages if not one["url"].startswith(("file:", "data:", "blob:"))})


def test_the_visit_itself_would_see_a_request_and_a_complaint(visit, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        '<img src="http://127.0.0.1:9/pixel.png"><script>console.error("complaint"); nothing.here()</script>'
    )
    seen = visit(page)
    assert seen.requests == ["http://127.0.0.1:9/pixel.png"]
    assert any("complaint" in line for line in seen.console)
    assert any("nothing is not defined" in line for line in seen.console)


@pytest.mark.parametrize("clean", [False, True], ids=["faults", "clean"])
def test_the_report_opens_alone_and_in_peace(visit, tmp_path, clean):
    workdir = specimen.build(tmp_path / "campaigns", clean=clean)
    seen = visit(html.write(summarise(workdir), workdir.report))
    assert seen.requests == []
    assert seen.console == []
    assert seen.dom.rstrip().endswith("</html>")
    assert ("4 faults found" in seen.dom) != clean
    assert "<script" not in seen.dom


def test_a_script_that_got_in_would_not_run(visit, tmp_path):
    workdir = specimen.build(tmp_path / "campaigns")
    path = html.write(summarise(workdir), workdir.report)
    path.write_text(path.read_text().replace("</main>", "<script>document.title = 'taken'</script></main>"))
    seen = visit(path)
    assert "<title>taken" not in seen.dom
    assert any("Content Security Policy" in line for line in seen.console)
