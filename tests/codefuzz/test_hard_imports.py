"""Imports that do not end, that end the process, or that do what an import should not."""

from __future__ import annotations

import pytest
from faults.drawn import drawn

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.harness.discovery import at
from mlfuzz.codefuzz.harness.engine import Options
from mlfuzz.errors import TargetLoadError

SECONDS = 1.0

ENTRY = "\ndef TestOneInput(data):\n    if data == b'bad': raise KeyError('planted')\n"

ENDLESS = {
    "sleeps": "import time\ntime.sleep(600)",
    "computes": "while True: pass",
    "computes in C": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "waits for a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "waits for the network": "import socket\none = socket.socket()\n"
    "one.bind(('127.0.0.1', 0))\none.listen()\none.accept()",
    "waits for a pipe": "import os\nos.read(os.pipe()[0], 1)",
    "waits for a program": "import subprocess\nsubprocess.run(['sleep', '600'])",
    "waits for a thread": "import threading, time\n"
    "one = threading.Thread(target=time.sleep, args=(600,), daemon=True)\none.start()\none.join()",
    "reads itself anew": "import importlib, colorsys\nwhile True: importlib.reload(colorsys)",
    "swallows what interrupts it": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "prints without end": "while True: print('x' * 1000)",
    "in its main": f"{ENTRY}import atheris\nif __name__ == '__main__':\n    while True: pass",
    "in another module": "import slow_to_import",
}  # fmt: skip

ENDING = {
    "asks at the terminal": ("input('licence? ')", "EOFError"),
    "exits": ("import sys\nsys.exit('no licence')", "no licence"),
    "exits with a number": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "exits well": ("import sys\nsys.exit()", "SystemExit"),
    "leaves at once": ("import os\nos._exit(4)", "status 4"),
    "is killed": ("import os\nos.kill(os.getpid(), 9)", "signal 9"),
    "is interrupted": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "raises what nothing catches": ("class Ours(BaseException): pass\nraise Ours('why')", "Ours: why"),
    "needs an argument": (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('config')\nparser.parse_args()",
        "the following arguments are required: config",
    ),
}  # fmt: skip

ODD = {
    "prints a flood": "print('x' * (8 << 20))",
    "closes what it prints to": "import os, sys\nsys.stdout.close()\nos.close(2)",
    "reads all of its input": "import sys\nassert sys.stdin.read() == ''",
    "forks": "import os\nif os.fork() == 0:\n    pass",
    "forks, and the other sleeps": "import os, time\nif os.fork() == 0:\n    time.sleep(600)",
    "leaves a thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    "goes elsewhere": "import os\nos.chdir('/')",
    "changes the path": "import sys\nsys.path[:] = [one for one in sys.path if 'site-packages' not in one]",
    "takes its arguments": "import sys\nassert sys.argv == [__file__]",
}


def opened(tmp_path, text: str, **options):
    path = tmp_path / "form.py"
    path.write_text(text if "TestOneInput" in text else text + ENTRY)
    (tmp_path / "slow_to_import.py").write_text("def wait():\n    while True: pass\nwait()\n")
    more = Options(project=str(tmp_path), instrument=False, sandbox="none", **options)
    return AtherisEngine().prepare(at(path, tmp_path).declaration, more)


def require_stopped(kind: str, tmp_path) -> None:
    with pytest.raises(TargetLoadError) as caught:
        opened(tmp_path, ENDLESS[kind], start_seconds=SECONDS)
    words = str(caught.value)
    assert "its import has not ended after" in words
    assert "import_seconds = 2 under [harnesses.form] in mlfuzz.toml" in words
    assert "in wait" in words if kind == "in another module" else 'form.py", line' in words
    assert "forkserver" not in words


def require_told(kind: str, tmp_path) -> None:
    text, expected = ENDING[kind]
    with pytest.raises(TargetLoadError, match=expected):
        opened(tmp_path, text)


def require_survived(kind: str, tmp_path) -> None:
    with opened(tmp_path, ODD[kind]) as session:
        good, bad = (session.reproduce(data, times=1)[0] for data in (b"good", b"bad"))
    assert (good.kind, bad.type) == ("ok", "KeyError")


PROMISES = [(promise, kind) for promise, kinds in (
    (require_stopped, ENDLESS), (require_told, ENDING), (require_survived, ODD),
) for kind in kinds]  # fmt: skip
IN_CI = 6
"""Of them one commit tries."""


@pytest.mark.slow
@pytest.mark.parametrize(("promise", "kind"), drawn(PROMISES, IN_CI))
def test_an_import_drawn_by_the_commit_is_stopped_told_or_survived(promise, kind, tmp_path):
    promise(kind, tmp_path)


@pytest.mark.manual
@pytest.mark.parametrize(("promise", "kind"), PROMISES)
def test_every_import_is_stopped_told_or_survived(promise, kind, tmp_path):
    promise(kind, tmp_path)
