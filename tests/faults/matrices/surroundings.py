"""Verbs where home, temporary folder, user, limits, locale, clock or Python itself are not as usual."""

from __future__ import annotations

import os
import re
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from faults.guest import FOLDER, VERBS, Surroundings, arguments, make, run

PROMISE = "In strange surroundings a command works, or says in a line what it needs and ends with 2 or 3."

HOMELESS: dict[str, str | None] = {"HOME": None, "XDG_STATE_HOME": None, "XDG_CACHE_HOME": None}
SCRIPT = (str(Path(sys.executable).with_name("mlfuzz")),)
RUN = ("status", "findings list", "report", "replay", "check", "fuzz", "harness run")

SHADOWS = (
    "random", "types", "queue", "statistics", "inspect", "logging", "code", "json", "secrets", "numpy", "torch", "rich",
    "msgspec", "mlfuzz", "tempfile", "select", "enum", "tests",
)  # fmt: skip
SITES = {
    "prints": "print('hello from the site')\n",
    "warns": "import warnings\nwarnings.warn('of the site')\n",
    "clock steps back": (
        "import time\n_real, _calls = time.time, [0]\n\n\ndef backwards():\n    _calls[0] += 1\n"
        "    return _real() - 3600.0 * (_calls[0] % 7)\n\n\ntime.time = backwards\n"
    ),
    "no fork": (
        "import os\n\n\ndef fork():\n    raise BlockingIOError(11, 'Resource temporarily unavailable')\n\n\n"
        "os.fork = fork\n"
    ),
}


@dataclass(frozen=True)
class Kind:
    """One kind of surroundings. prepare: of the project's folder. needs: says what it needs, in place of working."""

    around: Surroundings
    prepare: Callable[[Path], None] = lambda folder: None
    needs: str = ""


def limit(which: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(which, (most, most))


def as_user(number: int) -> Surroundings:
    """Without root's rights but those to read, which this interpreter lies behind."""
    caps = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return Surroundings(through=("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", *caps))


def site(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(text)

    return write


def shadows(folder: Path) -> None:
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(f"raise RuntimeError('{name} of the current folder')\n")


def for_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)


def read_only_home(folder: Path) -> None:
    for_all(folder)
    (folder / "home").mkdir(mode=0o555)


def gone() -> None:
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")


PLAIN: dict[str, Kind] = {
    "no home": Kind(Surroundings(HOMELESS)),
    "home is missing": Kind(Surroundings({**HOMELESS, "HOME": f"{FOLDER}/not/there"})),
    "home is a file": Kind(Surroundings({**HOMELESS, "HOME": "/dev/null"})),
    "TMPDIR is missing": Kind(Surroundings({"TMPDIR": "/nowhere"})),
    "python -I": Kind(Surroundings(python=("-I",))),
    "python -O": Kind(Surroundings(python=("-O",))),
    "python -OO": Kind(Surroundings({"PYTHONOPTIMIZE": "2"})),
    "python -W error": Kind(Surroundings({"PYTHONWARNINGS": "error"})),
    "python -X dev": Kind(Surroundings({"PYTHONDEVMODE": "1"})),
    "python -s -E": Kind(Surroundings(python=("-s", "-E"))),
    "safe path": Kind(Surroundings({"PYTHONSAFEPATH": "1"})),
    "hash seed": Kind(Surroundings({"PYTHONHASHSEED": "7"})),
    "odd PYTHONPATH": Kind(Surroundings({"PYTHONPATH": "::/nowhere:.:/dev/null"})),
    "umask 077": Kind(Surroundings(before=lambda: os.umask(0o077) and None)),
    "umask 0": Kind(Surroundings(before=lambda: os.umask(0) and None)),
    "64 files": Kind(Surroundings(before=limit(resource.RLIMIT_NOFILE, 64))),
    "20 files": Kind(Surroundings(before=limit(resource.RLIMIT_NOFILE, 20)), needs="ulimit -n"),
    "small stack": Kind(Surroundings(before=limit(resource.RLIMIT_STACK, 512 << 10))),
    "no core": Kind(Surroundings(before=limit(resource.RLIMIT_CORE, 0))),
    "500 MB": Kind(Surroundings(before=limit(resource.RLIMIT_AS, 500 << 20)), needs="memory|died"),
    "current folder gone": Kind(Surroundings(before=gone), needs="-C"),
    "German commas": Kind(Surroundings({"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"})),
    "no such locale": Kind(Surroundings({"LC_ALL": "xx_YY.KOI8", "LANG": "zz"})),
    "strange time zone": Kind(Surroundings({"TZ": "<+99>-99:59:59"})),
    "shadowing modules": Kind(Surroundings(program=SCRIPT), shadows),
    "shadowing modules, -m": Kind(Surroundings({"PYTHONSAFEPATH": "1"}), shadows),
    "proxy and CI": Kind(Surroundings({"CI": "1", "http_proxy": "http://127.0.0.1:9", "GITHUB_ACTIONS": "true"})),
    **{f"site {name}": Kind(Surroundings({"PYTHONPATH": "site"}), site(text)) for name, text in SITES.items()},
}
PLAIN["site no fork"] = replace(PLAIN["site no fork"], needs="fork|process")
AS_ROOT: dict[str, Kind] = {
    "nobody": Kind(as_user(65534), for_all),
    "user without an entry": Kind(replace(as_user(54321), variables=HOMELESS), for_all),
    "read-only home": Kind(replace(as_user(65534), variables={**HOMELESS, "HOME": "home"}), read_only_home),
    "nobody, folder of root": Kind(as_user(65534), needs="Permission|permission|written|locked|begun"),
}
"""A process of root's alone can become somebody else."""

KINDS = {**PLAIN, **(AS_ROOT if os.getuid() == 0 and shutil.which("setpriv") else {})}


def cases() -> list[str]:
    # torch itself calls terminate where it cannot load its library, in the process of a check too.
    return [f"{kind}: {verb}" for kind in KINDS for verb in RUN if (kind, verb) != ("500 MB", "check")]


def broken(case: str, folder: Path) -> str:
    name, _, verb = case.partition(": ")
    kind = KINDS[name]
    identity = make(folder)
    kind.prepare(folder)
    ended = run(folder, arguments(verb, identity), kind.around)
    if ended.traceback:
        return ended.traceback
    if ended.code in VERBS[verb][1]:
        return ""
    explained = kind.needs and ended.code in (2, 3) and re.search(kind.needs, ended.err + ended.out)
    return "" if explained else f"exit {ended.code}: {(ended.err or ended.out)[-500:]}"
