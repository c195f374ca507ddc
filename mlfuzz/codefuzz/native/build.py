"""Builds of Pillow, libsndfile and a project's own extensions with coverage and a sanitizer, each in its own folder.

What is built never gets near pip's cache or the environment that mlfuzz runs in: a harness sees it because the folder
comes first on its path, in a process that has the sanitizer's runtime preloaded. Without libFuzzer's view into native
code a harness of Pillow or soundfile is nearly blind; with it libsndfile shows 25 times as many edges.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mlfuzz.codefuzz.harness.engine import Lane
from mlfuzz.codefuzz.native import toolchain
from mlfuzz.codefuzz.native.debian_source import unpack_source
from mlfuzz.codefuzz.native.run_step import OnLine, run
from mlfuzz.codefuzz.native.variants import PROJECT, SANITIZERS, folder, keep
from mlfuzz.errors import TargetError, UnknownNameError
from mlfuzz.storage.durable import copy_file, copy_folder, make_folder, remove_folder, write_atomic, writing

Builder = Callable[[str, Path, Path, toolchain.Clang, OnLine], str]

RECORD = "build.json"
MADE = ("site", "source", "built")
"""Folders of a build."""

LEFT_OUT = shutil.ignore_patterns("build", "dist", "*.so", "*.egg-info", "__pycache__", ".*", "venv")
"""Of a folder that is copied: what an earlier build has left has no sanitizer."""


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
    """Build "pillow", "soundfile" or a folder with "address" or "undefined" below `directory`; -> the lane for it.

    package: a name of BUILDERS, or the folder of a Python package with C or C++ extensions, which is copied and built
    by pip. on_line: is given each line that the build prints. Pillow is the version that is installed; libsndfile is
    Debian's, as its authors released it. Raises UnknownNameError; TargetError for what is missing, and for a build that
    fails.
    """
    if package not in BUILDERS and not is_project(package):
        raise UnknownNameError("package that can be built", package, BUILDERS)
    if sanitizer not in SANITIZERS:
        raise UnknownNameError("sanitizer", sanitizer, SANITIZERS)
    clang = toolchain.clang()
    if clang is None or missing(package):
        raise TargetError(f"{package} cannot be built here; missing: " + "; ".join(missing(package)))
    place = folder(directory.resolve(), package, sanitizer)
    for name in MADE:  # of an earlier build
        remove_folder(place / name)
    site = place / "site"
    make_folder(site)
    version = BUILDERS.get(package, _build_project(package))(sanitizer, place, site, clang, on_line)
    record = Build(package, version, sanitizer, f"clang-{clang.version}")
    write_atomic(place / RECORD, msgspec.json.format(msgspec.json.encode(record)) + b"\n", sync=False)
    lane = runtime_lane(sanitizer, [site])
    keep(lane, place)
    return lane


def is_project(package: str) -> bool:
    """Whether it is a folder that pip can build, given as a path: a bare name is a package's."""
    return os.sep in package and any((Path(package) / name).is_file() for name in PROJECT)


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


def _build_project(package: str) -> Builder:
    def build(sanitizer: str, place: Path, site: Path, clang: toolchain.Clang, on_line: OnLine) -> str:
        # A copy: pip builds a folder in its place, and would take objects that were compiled without a sanitizer.
        source = place / "source"
        with writing(source):
            copy_folder(Path(package), source, ignore=LEFT_OUT)
        run(
            [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-deps", "--target", str(site), str(source)],
            place,
            build_variables(sanitizer, clang),
            on_line,
        )
        if not any(site.rglob("*.so")):
            raise TargetError(f"{package} has no extension: there is nothing in it that a sanitizer could watch")
        return next((one.version for one in importlib.metadata.distributions(path=[str(site)])), "")

    return build


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
