"""Where a finding was made: versions and machine, no secrets, nothing heavy imported."""

from __future__ import annotations

import platform
import re
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = ("torch", "numpy", "faiss-cpu", "pillow", "soundfile", "atheris", "onnxruntime", "transformers")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


def environment(directory: Path | None = None) -> dict[str, str]:
    """Versions of mlfuzz, Python, the platform and what is installed of PACKAGES; the project's git commit.

    directory: the project's, else the current one. "cpu": torch's instruction set, where torch is imported already.
    Environment variables, host and user names are never in it: findings are shared.
    """
    found = {"mlfuzz": version("mlfuzz"), "python": platform.python_version(), "platform": _platform()}
    found |= {name: version(name) for name in PACKAGES}
    found |= {"cpu": _cpu_level(), "git": commit(directory or Path.cwd())}
    return {name: value for name, value in found.items() if value}


@cache
def version(package: str) -> str:
    """Of an installed distribution, "" where it is not installed. The package itself is not imported."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def commit(directory: Path) -> str:
    """The commit that is checked out there, "" where that cannot be told. git itself is not run."""
    with suppress(OSError, UnicodeDecodeError):
        for folder in (directory.resolve(), *directory.resolve().parents):
            if (folder / ".git").exists():
                return _head(folder / ".git")
    return ""


def _head(git: Path) -> str:
    if git.is_file():  # a worktree or submodule: "gitdir: /elsewhere"
        git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return _checked(head)
    name = head.removeprefix("ref:").strip()
    common = git
    if (git / "commondir").is_file():
        common = (git / (git / "commondir").read_text().strip()).resolve()
    if ".." in name.split("/") or name.startswith("/"):
        return ""
    for place in (git, common):
        if (place / name).is_file():
            return _checked((place / name).read_text().strip())
    packed = common / "packed-refs"
    for line in packed.read_text().splitlines() if packed.is_file() else ():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return _checked(commit)
    return ""


def _checked(text: str) -> str:
    return text if _COMMIT.fullmatch(text) else ""


def _platform() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _cpu_level() -> str:
    torch = sys.modules.get("torch")
    if torch is None:
        return ""
    with suppress(AttributeError):
        return str(torch.backends.cpu.get_cpu_capability())
    return ""
