"""Run in a fresh process: every verb on a hostile bundle, watched by an audit hook; the events as JSON lines.

python audited.py PROJECT, where each line of stdin is the arguments of one command as a JSON list.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

WATCHED = (
    "exec", "pickle.find_class", "marshal.loads", "os.system", "os.exec", "os.posix_spawn", "os.fork",
    "subprocess.Popen", "socket.", "ctypes.dlopen", "shutil.", "os.remove", "os.rename", "os.rmdir", "os.mkdir",
    "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "ftplib.", "urllib.",
    "webbrowser.", "import", "open",
)  # fmt: skip
CHANGING = (
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate",
    "shutil.",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

project = Path(sys.argv[1]).resolve()
installed = tuple(
    {str(Path(place).resolve()) for place in (*sys.path, sys.prefix, sys.base_prefix) if place and place != sys.argv[1]}
)
found: list[dict[str, Any]] = []
state = {"on": False, "verb": ""}


def is_ours(path: str) -> bool:
    """Whether a path is of the installation: what Python imports."""
    return os.path.realpath(path).startswith(installed) and not Path(path).resolve().is_relative_to(project)


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not state["on"] or not event.startswith(WATCHED):
        return
    state["on"] = False
    try:
        if strange := _strange(event, arguments):
            found.append({"verb": state["verb"], "event": event, "what": strange})
    finally:
        state["on"] = True


def _strange(event: str, arguments: tuple[Any, ...]) -> str:
    """What an event is about, where it is none of those that reading a record is allowed."""
    if event == "import":
        module, file, *_ = arguments
        return "" if not file or is_ours(str(file)) else f"{module} from {file}"
    if event == "exec":  # compiling alone is how harnesses are read: as a tree, see harness/declaration.py
        file = str(getattr(arguments[0], "co_filename", arguments[0]))
        made = file.startswith("<") and file.endswith(">")  # dataclasses, msgspec and jinja2 make theirs of templates
        return "" if made or not os.path.isabs(file) or is_ours(file) else f"{file}"
    if event == "marshal.loads":
        frame = sys._getframe(2)
        return "" if "importlib" in frame.f_code.co_filename else frame.f_code.co_filename
    if event == "ctypes.dlopen" and (arguments[0] is None or "/" not in str(arguments[0])):
        return ""  # the C library, and others that the system has
    if event == "open":
        path, mode, flags = arguments
        writing = (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITING)
        return str(path) if writing and not isinstance(path, int) and not _allowed(str(path)) else ""
    if event.startswith(CHANGING):
        paths = [str(one) for one in arguments if isinstance(one, str | Path)]
        return "" if all(map(_allowed, paths)) else f"{paths}"
    return ascii(arguments)[:300]


def _allowed(path: str) -> bool:
    """Below the project, where commands were given; for a while; nowhere."""
    whole = Path(os.path.realpath(path))
    mine = (project, Path(os.environ["TMPDIR"]).resolve())
    return str(whole) == os.devnull or any(whole.is_relative_to(place) for place in mine)


def main() -> None:
    from mlfuzz.cli.main import main as command

    os.chdir(project)
    sys.addaudithook(hook)
    for line in sys.stdin:
        arguments = json.loads(line)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            state["verb"], state["on"] = " ".join(arguments), True
            try:
                code = command(arguments)
            finally:
                state["on"] = False
        print(json.dumps({"verb": state["verb"], "code": code, "said": out.getvalue()[-300:]}))
    for one in found:
        print(json.dumps(one))


if __name__ == "__main__":
    main()
