"""Lines and branches that a corpus reaches, by coverage.py, as pages.

Measured in a process of its own where nothing is instrumented: `line_trace` is what happens there.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.forkserver.client import ALONE, ForkServerClient
from mlfuzz.codefuzz.runtime.line_trace import Arcs
from mlfuzz.errors import TargetError, WorkerLostError
from mlfuzz.storage.durable import make_folder, remove

PATIENCE_SECONDS = 600.0


def missing() -> str:
    """ "" where coverage.py is installed, else the remedy."""
    if importlib.util.find_spec("coverage") is None:
        return "line coverage needs coverage.py: pip install 'mlfuzz[code]'"
    return ""


def measured(link: ForkServerClient, payloads: Sequence[bytes]) -> Arcs:
    """What these inputs reach together, imports included. They must neither kill the process nor hang."""
    slot = link.fork(ALONE, {"name": "cover"})
    try:
        for payload in payloads:
            slot.answer({"run": 1}, payload)
            if not link.wait(lambda: bool(slot.inbox) or slot.death is not None, PATIENCE_SECONDS) or not slot.inbox:
                raise WorkerLostError(f"the worker that measures lines has ended:\n{slot.ring.text(2000)}")
            slot.inbox.popleft()
        slot.answer({"end": 1})
        link.wait(lambda: bool(slot.inbox) or slot.death is not None, PATIENCE_SECONDS)
        if not slot.inbox:
            raise WorkerLostError(f"the worker that measures lines has not told them:\n{slot.ring.text(2000)}")
        arcs: Arcs = slot.inbox.popleft()[0]["arcs"]
        return arcs
    finally:
        link.end(slot)


def pages(arcs: Arcs, html: Path, *, title: str, folders: Sequence[str]) -> dict[str, float]:
    """Write the pages; the share of lines and branches reached, per file as the import path names it."""
    if why := missing():
        raise TargetError(why)
    coverage = importlib.import_module("coverage")
    make_folder(html)
    data_file = html / ".coverage"
    remove(data_file)
    measure: Any = coverage.Coverage(data_file=str(data_file), branch=True, config_file=False)
    data = measure.get_data()
    data.add_arcs({file: [(one, two) for one, two in pairs] for file, pairs in arcs.items() if os.path.isfile(file)})
    if not arcs:
        return {}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        measure.html_report(directory=str(html), title=title, ignore_errors=True)
        report = html / "coverage.json"
        measure.json_report(outfile=str(report), ignore_errors=True)
    data.close(force=True)
    remove(data_file)
    files = json.loads(report.read_bytes())["files"]
    shares = {file: entry["summary"]["percent_covered"] / 100 for file, entry in files.items()}
    return {_named(os.path.abspath(file), folders): share for file, share in shares.items()}


def _named(file: str, folders: Sequence[str]) -> str:
    for folder in sorted(folders, key=len, reverse=True):
        if folder and file.startswith(folder.rstrip(os.sep) + os.sep):
            return file[len(folder.rstrip(os.sep)) + 1 :]
    return file
