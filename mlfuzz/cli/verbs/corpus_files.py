"""`mlfuzz corpus export` and `import`: inputs as plain files."""

from __future__ import annotations

import io
import zipfile

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.verbs.shelves import base_of, corpus_for, files_in, only_shelf
from mlfuzz.codefuzz.corpus.corpus_directory import read_input
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.errors import EXIT_CLEAN
from mlfuzz.findings.bundle import require_empty
from mlfuzz.storage.durable import make_folder, new_folder, write_atomic

_EPOCH = (1980, 1, 1, 0, 0, 0)


def export(harness: str, output: str, /, *, campaign: str = "", dir: str = "", context: Here) -> int:
    """Copy a harness's corpus to a folder, or to a zip as OSS-Fuzz takes it.

    Args:
        harness: Its name.
        output: A new or empty folder, or a file that ends in .zip.
        campaign: Which one; may be left out where one only has a corpus of it.
        dir: Where campaigns lie, instead of the configured folder.
    """
    shelf = only_shelf(base_of(context, dir), harness, campaign)
    target, files = context.path(output), shelf.corpus.files()
    if target.suffix == ".zip":
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.writestr(zipfile.ZipInfo(path.name, _EPOCH), read_input(path), zipfile.ZIP_DEFLATED)
        make_folder(target.parent)
        write_atomic(target, content.getvalue())
    else:
        require_empty(target)
        with new_folder(target) as part:
            for path in files:
                write_atomic(part / path.name, read_input(path), sync=False)
    context.terminal.emit({"harness": shelf.harness, "inputs": len(files), "output": str(target)})
    context.terminal.result(f"{len(files):,} inputs of {shelf.harness} in {shown_path(target, context.directory)}")
    return EXIT_CLEAN


def imported(folder: str, /, *, harness: str, campaign: str = "", dir: str = "", context: Here) -> int:
    """Add inputs from a folder to a harness's corpus; those that fail are found when it is fuzzed.

    Args:
        folder: A file or a folder of inputs.
        harness: That they are for.
        campaign: Which one takes them; by default the only one there is, or one that is called like the harness.
        dir: Where campaigns lie, instead of the configured folder.
    """
    declaration = discovery.find(harness, context.resolve().root).declaration
    files = files_in(context.path(folder))
    fitting = [path for path in files if path.stat().st_size <= declaration.length]
    workdir, corpus = corpus_for(base_of(context, dir), declaration.name, campaign)
    added = corpus.adopt(fitting)
    figures = {"offered": len(files), "added": added, "too_large": len(files) - len(fitting)}
    context.terminal.emit({"campaign": workdir.name, "harness": declaration.name, **figures})
    large = (
        f"; {figures['too_large']} larger than {declaration.length:,} bytes left out" if figures["too_large"] else ""
    )
    context.terminal.result(f"{declaration.name}: {added:,} of {len(files):,} inputs were new{large}")
    return EXIT_CLEAN
