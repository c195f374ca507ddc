"""`mlfuzz harness`: the code around a model. `list` and `coverage` are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cyclopts import App

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.codefuzz.corpus.corpus_directory import WorkingCorpus
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness, Unusable
from mlfuzz.codefuzz.harness.sidecars import counted, is_archive
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN, MlfuzzError
from mlfuzz.report.numbers import percent
from mlfuzz.report.visible import visible
from mlfuzz.storage.names import folder_name
from mlfuzz.storage.workdir import Workdir, campaigns

app = App(
    name="harness", help="Fuzz the code around a model: decoders, loaders, preprocessing.", help_format="plaintext"
)
app.command("mlfuzz.cli.verbs.harness_new:new", name="new", help="Write a harness with seeds and a dictionary.")
app.command("mlfuzz.cli.verbs.harness_check:harness_check", name="check", help="Run a harness on its seeds.")
app.command("mlfuzz.cli.verbs.harness_run:harness_run", name="run", help="Fuzz with one or several harnesses.")
app.command("mlfuzz.cli.verbs.bisect:bisect", name="bisect", help="Run a finding against versions of a package.")
app.command(
    "mlfuzz.cli.verbs.build_native:build_native",
    name="build-native",
    help="Build a package with coverage and a sanitizer.",
)


@app.command(name="list")
def listed(*, context: Here) -> int:
    """List the harnesses of the project, and those that come with mlfuzz.

    Exit code 3 where a file under harnesses/ is none.
    """
    root = context.resolve().root
    every = discovery.listed(root)
    harnesses = [one for one in every if isinstance(one, Harness)]
    broken = [one for one in every if isinstance(one, Unusable)]
    context.terminal.emit(
        {
            "harnesses": [_record(one) for one in harnesses],
            "unusable": [{"path": str(one.path), "reason": one.reason} for one in broken],
        }
    )
    if not context.terminal.json:
        rows = [
            [one.name, "mlfuzz" if one.shipped else shown_path(one.path, root), ", ".join(one.declaration.instrument),
             _seeds(one), f"{one.declaration.seconds:g} s, {one.declaration.mebibytes} MiB", one.declaration.about]
            for one in harnesses
        ]  # fmt: skip
        context.terminal.table(("name", "from", "code under test", "seeds", "limits", "what it does"), rows)
        for one in broken:
            context.terminal.warn(f"{shown_path(one.path, root)}: {visible(one.reason)}")
    return EXIT_BROKEN if broken else EXIT_CLEAN


@app.command
def coverage(name: str, /, *, output: str = "", campaign: str = "", dir: str = "", context: Here) -> int:
    """Say which lines a harness reaches with its seeds and with what campaigns have found, and write the pages.

    Args:
        name: Of the harness, or its file.
        output: Folder for the HTML pages; by default .mlfuzz/coverage-NAME.
        campaign: Of this campaign only; by default all of them.
        dir: Where campaigns lie, instead of the configured folder.
    """
    from mlfuzz.codefuzz.engine.default_engine import engine
    from mlfuzz.codefuzz.harness.engine import Options

    found = context.resolve()
    harness = discovery.find(name, found.root)
    base = context.path(dir) if dir else found.state_dir
    folder = context.path(output) if output else base / f"coverage-{folder_name(harness.name)}"
    files = [*harness.seed_files(), *inputs_of(harness.name, base, campaign)]
    session = engine().prepare(harness.declaration, Options(project=str(found.root)))
    try:
        shares = _of_target(session.coverage(files, folder), harness.declaration.instrument)
    finally:
        session.close()
    context.terminal.emit({"harness": harness.name, "files": len(files), "coverage": dict(shares), "html": str(folder)})
    if not context.terminal.json:
        _tell(context, harness.name, dict(shares), len(files), folder)
    return EXIT_CLEAN if shares else EXIT_BROKEN


def _of_target(shares: Mapping[str, float], packages: Sequence[str]) -> dict[str, float]:
    """Those files that belong to what is tested; all, where none is told apart."""
    places = tuple(package.replace(".", "/") for package in packages)
    ours = {path: share for path, share in shares.items() if path.removesuffix(".py").startswith(places)}
    return ours or dict(shares)


def inputs_of(name: str, base: Path, campaign: str = "") -> list[Path]:
    """What campaigns have found for a harness: the files of its working corpora."""
    return [
        path
        for workdir in campaigns(base)
        if campaign in ("", workdir.name)
        for path in corpus_of(workdir, name).files()
    ]


def corpus_of(workdir: Workdir, name: str) -> WorkingCorpus:
    """The working corpus of a harness in a campaign; it may be empty."""
    return WorkingCorpus(workdir.working(f"corpus-{folder_name(name)}"))


def _tell(context: Context, name: str, shares: dict[str, float], files: int, folder: Path) -> None:
    terminal = context.terminal
    if not shares:
        terminal.result(f"{name}: no line of what is instrumented was reached by {files} inputs")
        return
    rows = sorted(shares.items(), key=lambda item: (item[1], item[0]))
    terminal.table(("reached", "file"), [[percent(share), path] for path, share in rows])
    index = folder / "index.html"
    terminal.result(
        (f"{files} inputs", "dim"), f"  {shown_path(index if index.exists() else folder, context.directory)}"
    )


def _record(one: Harness) -> dict[str, object]:
    declaration = one.declaration
    return {
        "name": one.name, "load": one.load, "shipped": one.shipped, "about": declaration.about,
        "instrument": list(declaration.instrument), "seeds": declaration.seeds, "blind": declaration.blind,
        "seconds": declaration.seconds, "mebibytes": declaration.mebibytes,
    }  # fmt: skip


def _seeds(one: Harness) -> str:
    place = one.project / one.declaration.seeds
    try:
        return str(counted(place) if one.declaration.seeds and is_archive(place) else len(one.seed_files()))
    except MlfuzzError:
        return "missing"
