"""How a folder of sources is built: what it says itself, and what that means for a build with a sanitizer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlfuzz.errors import TargetError

FILES = ("pyproject.toml", "setup.py", "setup.cfg")
"""One of these makes a folder something that pip builds; the last with a line of ours beside it."""

SHIM = b"from setuptools import setup\n\nsetup()\n"
"""setup.py of a folder that has setup.cfg alone: pip asks for it."""

LINE = 'from setuptools import Extension, setup; setup(name="NAME", ext_modules=[Extension("NAME", ["NAME.c"])])'
"""What to write where there is nothing."""


@dataclass(frozen=True, slots=True)
class BuildSystem:
    """settings: for pip's --config-settings, so that symbols stay and what is undefined may be: a runtime is preloaded.

    variables: of the environment of a build without a sanitizer. refusal: why there is none with one; "" where it is.
    """

    name: str
    settings: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""

    def options(self) -> list[str]:
        """For pip."""
        return [part for one in self.settings for part in ("--config-settings", one)]


SETUPTOOLS = BuildSystem("setuptools")
MESON = BuildSystem("meson-python", ("setup-args=-Db_lundef=false", "setup-args=-Dbuildtype=plain"))
SCIKIT = BuildSystem("scikit-build-core", ("cmake.build-type=None", "install.strip=false"))
MATURIN = BuildSystem(
    "maturin",
    variables={
        "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS": "true", "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS": "true",
        "CARGO_PROFILE_RELEASE_DEBUG": "1", "CARGO_PROFILE_RELEASE_STRIP": "none",
    },
    refusal=(
        "it is Rust, built by maturin: cargo has sanitizers in its nightly compiler alone, and they need the standard "
        "library built anew. What Rust checks itself (overflows, bounds, debug assertions) shows as a panic: "
        "mlfuzz harness build-native {package} --sanitizer assertions"
    ),
)  # fmt: skip

BACKENDS = {"mesonpy": MESON, "scikit_build_core.build": SCIKIT, "maturin": MATURIN}
"""Beginning of a backend's name -> what it is; any other is taken to heed CFLAGS, as setuptools does."""


def build_system(folder: Path) -> BuildSystem:
    """Of a folder of sources. Raises TargetError where nothing in it says how it is built, or what does is no TOML."""
    if not is_project(folder):
        looked = ", ".join(FILES)
        raise TargetError(
            f"{folder} says nowhere how it is built; looked for {looked}. For C sources that setuptools builds, "
            f"{folder / 'setup.py'} is enough: {LINE}"
        )
    pyproject = folder / FILES[0]
    if not pyproject.is_file():
        return SETUPTOOLS
    try:
        declared = tomllib.loads(pyproject.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(f"{pyproject}: {error}") from error
    section = declared.get("build-system")
    backend = str(section.get("build-backend", "")) if isinstance(section, dict) else ""
    return next((one for name, one in BACKENDS.items() if backend.startswith(name)), SETUPTOOLS)


def is_project(folder: Path) -> bool:
    """Whether something in it says how it is built."""
    return any((folder / name).is_file() for name in FILES)
