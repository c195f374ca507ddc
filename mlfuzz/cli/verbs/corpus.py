"""`mlfuzz corpus`: the inputs that campaigns have gathered. `list`, `stats` and `verify` are here."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from mlfuzz.cli.resolve.context import Here
from mlfuzz.cli.terminal.damage import tell_damage, worst
from mlfuzz.cli.verbs.shelves import base_of, only_shelf, session_for, shelves
from mlfuzz.errors import EXIT_BROKEN, EXIT_CLEAN
from mlfuzz.integrity.inspect import inspect
from mlfuzz.report.numbers import short
from mlfuzz.report.visible import visible
from mlfuzz.storage.derived import stored_stats
from mlfuzz.storage.workdir import Workdir, campaigns

app = App(name="corpus", help="Look after the inputs that campaigns have gathered.", help_format="plaintext")
app.command("mlfuzz.cli.verbs.corpus_cover:minimise", name="min", help="Keep the few inputs that reach what all reach.")
app.command(
    "mlfuzz.cli.verbs.corpus_cover:merge", name="merge", help="Take from other folders what reaches something new."
)
app.command("mlfuzz.cli.verbs.corpus_files:export", name="export", help="Copy a corpus to a folder or a zip.")
app.command("mlfuzz.cli.verbs.corpus_files:imported", name="import", help="Add inputs from a folder.")


@app.command(name="list")
def listed(*, dir: str = "", context: Here) -> int:
    """List the corpora of all campaigns: those of harnesses as files, those of models as entries of a journal.

    Args:
        dir: Where campaigns lie, instead of the configured folder.
    """
    base = base_of(context, dir)
    code = worst(EXIT_CLEAN, *(tell_damage(context.terminal, inspect(one), folder=dir) for one in campaigns(base)))
    rows: list[dict[str, Any]] = []
    for shelf in shelves(base):
        figures = shelf.corpus.figures()
        rows.append({"campaign": shelf.workdir.name, "of": shelf.harness, "side": "code", "inputs": figures.files,
                     "bytes": figures.bytes})  # fmt: skip
    for workdir in campaigns(base):
        entries = _entries(workdir)
        if entries is not None:
            rows.append({"campaign": workdir.name, "of": entries[0], "side": "model", "inputs": entries[1],
                         "bytes": workdir.used_bytes()})  # fmt: skip
    context.terminal.emit(rows)
    if not context.terminal.json:
        cells = [
            [str(row["campaign"]), str(row["of"]), str(row["side"]), f"{row['inputs']:,}", f"{short(row['bytes'])}B"]
            for row in rows
        ]
        if cells:
            context.terminal.table(("campaign", "of", "side", "inputs", "size"), cells)
        else:
            context.terminal.result(f"no corpora in {base}; mlfuzz harness run NAME makes one")
    return code


@app.command
def stats(
    harness: str,
    /,
    *,
    campaign: str = "",
    edges: Annotated[bool, Parameter(negative="")] = False,
    dir: str = "",
    context: Here,
) -> int:
    """Show the figures of a harness's corpus.

    Args:
        harness: Its name.
        campaign: Which one; may be left out where one only has a corpus of it.
        edges: Run the inputs, and count the edges that they reach.
        dir: Where campaigns lie, instead of the configured folder.
    """
    shelf = only_shelf(base_of(context, dir), harness, campaign)
    figures = shelf.corpus.figures()
    document: dict[str, object] = {
        "campaign": shelf.workdir.name, "harness": shelf.harness, "inputs": figures.files, "bytes": figures.bytes,
        "smallest": figures.smallest, "median": figures.median, "largest": figures.largest,
    }  # fmt: skip
    if edges:
        with session_for(context, shelf.harness) as session:
            reached = session.features(shelf.corpus.files())
        document["edges"] = len(frozenset().union(*reached.values())) if reached else 0
        document["failing"] = figures.files - len(reached)
    context.terminal.emit(document)
    if not context.terminal.json:
        for what, value in document.items():
            context.terminal.result((f"  {what:<10}", "dim"), f"{value:,}" if isinstance(value, int) else str(value))
    return EXIT_CLEAN


@app.command
def verify(
    harness: str = "",
    /,
    *,
    campaign: str = "",
    fix: Annotated[bool, Parameter(negative="")] = False,
    dir: str = "",
    context: Here,
) -> int:
    """Look whether each input of a harness still is what its name says. Exit code 3 where one is not.

    mlfuzz campaign verify looks at everything else that a campaign has kept, of a model or of harnesses.

    Args:
        harness: Its name; by default all.
        campaign: Of this campaign only.
        fix: Give those files the names of what is in them.
        dir: Where campaigns lie, instead of the configured folder.
    """
    chosen = [
        shelf
        for shelf in shelves(base_of(context, dir))
        if harness in ("", shelf.harness) and campaign in ("", shelf.workdir.name)
    ]
    if harness and not chosen:
        only_shelf(base_of(context, dir), harness, campaign)  # says what there is
    wrong = 0
    for shelf in chosen:
        bad = shelf.corpus.wrong()
        wrong += len(bad)
        for path in bad:
            context.terminal.result(("  ! ", "red"), f"{shelf.workdir.name} {shelf.harness}: {visible(path.name)}")
        if fix and bad:
            shelf.corpus.rename()
    inputs = sum(len(shelf.corpus) for shelf in chosen)
    done = "renamed" if fix else "not what their names say"
    context.terminal.emit({"inputs": inputs, "wrong": wrong, "fixed": fix})
    context.terminal.result(f"{inputs:,} inputs in {len(chosen)} corpora; {wrong} {done}" if wrong else
                            f"{inputs:,} inputs in {len(chosen)} corpora, all as their names say")  # fmt: skip
    return EXIT_BROKEN if wrong and not fix else EXIT_CLEAN


def _entries(workdir: Workdir) -> tuple[str, int] | None:
    """Target and entries of a model's campaign."""
    stats = stored_stats(workdir)
    if stats is None or stats.target.get("side") == "code":
        return None
    return str(stats.target.get("name", "")), stats.entries
