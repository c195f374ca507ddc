"""`mlfuzz harness build-native`: a package with coverage and a sanitizer in its native code."""

from __future__ import annotations

import os
import shlex
from typing import Literal

import msgspec

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.codefuzz.native import variants
from mlfuzz.errors import EXIT_CLEAN
from mlfuzz.findings.trust import require_notes
from mlfuzz.report.visible import visible


def build_native(
    package: str,
    /,
    *,
    sanitizer: Literal["address", "undefined", "assertions"] = "address",
    dir: str = "",
    context: Here,
) -> int:
    """Build a package so that its native code gives coverage and a sanitizer watches it; minutes.

    `mlfuzz harness run NAME --lane address` then uses it. Nothing outside the campaigns' folder is changed.

    Args:
        package: The folder of a package of your own, ./mycodec; a package that is installed, or name==1.0: its sources
            are fetched by pip. Built by setuptools, meson-python, scikit-build-core; by maturin with assertions alone.
        sanitizer: address (memory errors), undefined (undefined behaviour), or assertions: none, but the checks that
            the code has itself.
        dir: Where campaigns lie, instead of the configured folder.
    """
    from mlfuzz.codefuzz.native.build import build

    if os.sep in package:  # a folder; names of packages have none
        package = str(context.path(package).resolve())
    found = context.resolve()
    base = context.path(dir) if dir else found.state_dir
    for folder in (found.root, base):  # before the minutes that it takes: what cannot be noted would not run
        require_notes(folder)
    natives = base / variants.NATIVE
    place = variants.folder(natives, package, sanitizer)
    terminal = context.terminal
    with_what = "its assertions" if sanitizer == variants.ASSERTIONS else f"the {sanitizer} sanitizer"
    terminal.say((f"building {visible(package)}", "bold"), f" with {with_what} in {place}")
    lane = build(package, sanitizer, natives, lambda line: terminal.say((visible(line, limit=200), "dim")))
    variants.note(lane, place, found.root)
    terminal.emit({"package": package, "sanitizer": sanitizer, "lane": msgspec.to_builtins(lane)})
    terminal.result(f"built {visible(package, limit=200)} in {shown_path(place, context.directory)}")
    there = f" --dir {shlex.quote(dir)}" if dir else ""
    terminal.result(("  use      ", "dim"), f"mlfuzz harness run NAME --lane {sanitizer}{there}")
    return EXIT_CLEAN
