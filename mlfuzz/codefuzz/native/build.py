"""Builds of packages, libsndfile and a project's own extensions with coverage and a sanitizer, each in its own folder.

What is built never gets near pip's cache or the environment that mlfuzz runs in: a harness sees it because the folder
comes first on its path, in a process that has the sanitizer's runtime preloaded. Without libFuzzer's view into native
code a harness of Pillow or soundfile is nearly blind; with it libsndfile shows 25 times as many edges.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native import build_system, toolchain
from mlfuzz.codefuzz.native.build_system import BuildSystem
from mlfuzz.codefuzz.native.debian_source import unpack_source
from mlfuzz.codefuzz.native.run_step import OnLine, run
from mlfuzz.codefuzz.native.sources import copied, is_folder, released, require_known
from mlfuzz.codefuzz.native.variants import ASSERTIONS, LANES, SANITIZERS, folder, keep
from mlfuzz.errors import TargetError, UnknownNameError
from mlfuzz.storage.durable import copy_file, make_folder, remove_folder, write_atomic

Builder = Callable[[str, Path, Path, toolchain.Clang, OnLine], str]

RECORD = "build.json"
SCM_VERSION = "SETUPTOOLS_SCM_PRETEND_VERSION"

MADE = ("site", "source", "built")
"""Folders of a build."""


class Build(msgspec.Struct, frozen=True):
    """What a build was made of, kept beside it. version: of the package; compiler: "clang-14"."""

    package: str
    version: str
    sanitizer: str
    compiler: str


def missing(package: str = "") -> list[str]:
    """What a build lacks here, each with its remedy; [] where it can be made."""
    lacks = toolchain.missing()
    if package in ("", "pillow") and not Path("/usr/include/zlib.h").exists():
        lacks.append(f"headers of zlib, for pillow: {toolchain.INSTALL} zlib1g-dev libjpeg-dev")
    if package in ("", "soundfile"):
        tools = [tool for tool in ("cmake", "ninja") if shutil.which(tool) is None]
        if tools:
            lacks.append(f"{' and '.join(tools)}, for soundfile: {toolchain.INSTALL} cmake ninja-build")
        if shutil.which("apt-get") is None:
            lacks.append("apt-get, for soundfile: libsndfile's sources are Debian's")
    return lacks


def build(package: str, sanitizer: str, directory: Path, on_line: OnLine) -> Lane:
    """Build a package with "address" or "undefined", or with its own "assertions", below `directory`; -> the lane.

    package: a name of BUILDERS; the folder of a Python package with native code, which is copied and built by pip; the
    name of a package that is installed, or name==version, whose sources pip brings. on_line: is given each line that
    the build prints. Raises UnknownNameError; TargetError for what is missing, for what cannot be built so, and for a
    build that fails.
    """
    if sanitizer not in LANES:
        raise UnknownNameError("sanitizer", sanitizer, LANES)
    if sanitizer == ASSERTIONS and package in BUILDERS:
        raise TargetError(f"{package} is built with a sanitizer: address or undefined")
    place = folder(directory.resolve(), package, sanitizer)
    if is_folder(package):
        plan(Path(package), sanitizer, package)  # before anything is made or missed
    elif package not in BUILDERS:
        require_known(package)
    clang = toolchain.clang()
    if sanitizer != ASSERTIONS and (clang is None or missing(package)):
        raise TargetError(f"{package} cannot be built here; missing: " + "; ".join(missing(package)))
    for name in MADE:  # of an earlier build
        remove_folder(place / name)
    site = place / "site"
    make_folder(site)
    if package in BUILDERS:
        assert clang is not None
        version = BUILDERS[package](sanitizer, place, site, clang, on_line)
    else:
        bring = (
            copied(package, place / "source") if is_folder(package) else released(package, place / "source", on_line)
        )
        version = build_project(bring, package, sanitizer, site, on_line)
    compiler = f"clang-{clang.version}" if clang is not None else ""
    record = Build(package, version, sanitizer, compiler)
    write_atomic(place / RECORD, msgspec.json.format(msgspec.json.encode(record)) + b"\n", sync=False)
    lane = built_lane(sanitizer, [site])
    keep(lane, place)
    return lane


def is_project(package: str) -> bool:
    """Whether it is a folder that pip can build, given as a path: a bare name is a package's."""
    return is_folder(package) and build_system.is_project(Path(package))


def plan(source: Path, sanitizer: str, package: str) -> BuildSystem:
    """How these sources are built. Raises TargetError where they cannot be, with that sanitizer or at all."""
    system = build_system.build_system(source)
    if system.refusal and sanitizer in SANITIZERS:
        why = system.refusal.format(package=shlex.quote(package))
        raise TargetError(f"{package} cannot be built with a sanitizer: {why}")
    return system


def build_project(source: Path, package: str, sanitizer: str, site: Path, on_line: OnLine) -> str:
    """Have pip build sources into `site`; the version. sanitizer: "" for a build as anybody makes it.

    Raises TargetError.
    """
    system = plan(source, sanitizer, package)
    clang = toolchain.clang()
    if sanitizer in SANITIZERS and clang is None:
        raise TargetError("; ".join(toolchain.missing()))
    variables = build_variables(sanitizer, clang) if sanitizer in SANITIZERS and clang is not None else {}
    if sanitizer == ASSERTIONS:
        variables = {**assertion_variables(), **system.variables}
    if not (source / "PKG-INFO").exists():  # a checkout without its history: tools that ask that for a version fail
        variables = {SCM_VERSION: os.environ.get(SCM_VERSION, "0"), **variables}
    settings = system.options() if sanitizer else []
    # --no-cache-dir: else a wheel with a sanitizer in it is what the next `pip install` takes from the cache.
    run(
        [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--target", str(site), *settings,
         str(source)],
        site.parent, variables, on_line,
    )  # fmt: skip
    if sanitizer and not any(site.rglob("*.so")):
        raise TargetError(f"{package} has no extension: there is nothing in it that a sanitizer could watch")
    return next((one.version for one in importlib.metadata.distributions(path=[str(site)])), "")


def built_lane(sanitizer: str, sites: Sequence[Path]) -> Lane:
    """The environment of what was built so; sites: folders that come first on the path."""
    if sanitizer in SANITIZERS:
        return runtime_lane(sanitizer, sites)
    return Lane(name=sanitizer or "plain", path=tuple(map(str, sites)))


def runtime_lane(sanitizer: str, sites: Sequence[Path] = ()) -> Lane:
    """The environment of code that was built with this sanitizer, by mlfuzz or by its owner.

    sites: folders that come first on the path. Raises TargetError where the runtime is missing.
    """
    library = toolchain.runtime(sanitizer)
    if library is None:
        raise TargetError("; ".join(toolchain.missing()))
    return Lane(
        name=sanitizer, path=tuple(map(str, sites)), preload=(str(library),), variables=toolchain.variables(sanitizer)
    )


def build_variables(sanitizer: str, clang: toolchain.Clang) -> dict[str, str]:
    """The environment of a build: compiler and flags. A shared library is linked without a runtime."""
    flags = toolchain.compiler_flags(sanitizer)
    return {
        "CC": clang.c, "CXX": clang.cxx, "CFLAGS": flags, "CXXFLAGS": flags, "LDSHARED": f"{clang.c} -shared",
        # Programs that a build runs while it checks what there is would end at Python's own leaks.
        "ASAN_OPTIONS": "detect_leaks=0",
    }  # fmt: skip


def assertion_variables() -> dict[str, str]:
    """The environment of a build that keeps the code's own assertions."""
    return dict.fromkeys(("CFLAGS", "CXXFLAGS"), toolchain.ASSERTIONS)


def _build_pillow(sanitizer: str, place: Path, site: Path, clang: toolchain.Clang, on_line: OnLine) -> str:
    version = importlib.metadata.version("pillow")
    without = [] if Path("/usr/include/jpeglib.h").exists() else ["--config-settings", "jpeg=disable"]
    # --no-cache-dir: else a wheel with a sanitizer in it is what the next `pip install pillow` takes from the cache.
    run(
        [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--no-binary", "pillow", "--target",
         str(site), *without, f"pillow=={version}"],
        place, build_variables(sanitizer, clang), on_line,
    )  # fmt: skip
    return version


def _build_soundfile(sanitizer: str, place: Path, site: Path, clang: toolchain.Clang, on_line: OnLine) -> str:
    source = unpack_source("libsndfile", place / "source", on_line)
    built = place / "built"
    environment = build_variables(sanitizer, clang)
    run(
        ["cmake", "-G", "Ninja", "-S", str(source), "-B", str(built), "-DBUILD_SHARED_LIBS=ON", "-DBUILD_PROGRAMS=OFF",
         "-DBUILD_EXAMPLES=OFF", "-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=None",
         "-DCMAKE_POLICY_VERSION_MINIMUM=3.5"],
        place, environment, on_line,
    )  # fmt: skip
    run(["ninja", "-C", str(built)], place, environment, on_line)
    library = next((path for path in built.rglob("libsndfile.so*") if not path.is_symlink()), None)
    if library is None:
        raise TargetError(f"the build of libsndfile left no library in {built}")
    _lay_out_soundfile(site, library)
    return source.name.removeprefix("libsndfile-")


def _lay_out_soundfile(site: Path, library: Path) -> None:
    """soundfile as it is installed, with this library in place of its own."""
    for name in ("soundfile.py", "_soundfile.py"):
        copy_file(_installed(name), site / name)
    data = site / "_soundfile_data"
    make_folder(data)
    installed = _installed("_soundfile_data/__init__.py")
    copy_file(installed, data / "__init__.py")
    theirs = next(path for path in installed.parent.iterdir() if path.suffix in (".so", ".dylib", ".dll"))
    copy_file(library, data / theirs.name)


def _installed(name: str) -> Path:
    files = importlib.metadata.files("soundfile") or []
    found = next((file for file in files if str(file) == name), None)
    if found is None:
        raise TargetError(f"{name} of soundfile is not where a wheel puts it; reinstall soundfile as a wheel")
    return Path(str(found.locate()))


BUILDERS: dict[str, Builder] = {"pillow": _build_pillow, "soundfile": _build_soundfile}
