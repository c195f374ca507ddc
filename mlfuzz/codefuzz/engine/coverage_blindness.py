"""Whether coverage leads anywhere: what a harness calls that gives none, and the words for it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable

from mlfuzz.codefuzz.harness.declaration import Declaration
from mlfuzz.codefuzz.harness.engine import Prepared

SHOWN = 4


def unseen(called: Collection[str], instrumented: Collection[str]) -> tuple[str, ...]:
    """Packages that a harness calls without coverage, where its own file alone has given any.

    called: modules that ran. Where packages are instrumented, the inputs may not have come to them yet: then only what
    lies in those counts, their native code. The standard library's are no proof: they may serve a target that stands in
    the harness's own file.
    """
    packages = _foreign(instrumented)
    return tuple(one for one in _foreign(called) if one in packages or not packages)


def first_words(
    declaration: Declaration, called: Collection[str], instrumented: Collection[str], *, none: bool
) -> list[str]:
    """A word, where the first inputs have reached nothing but the harness's own file. none: nor that."""
    packages = unseen(called, instrumented) or tuple(() if instrumented else tops(called))
    if not packages:
        return ["the first inputs reach no instrumented code: fuzzing will be blind"] if none else []
    return [
        f"the first inputs reach no instrumented code but the harness's own, and call {', '.join(packages[:SHOWN])}: "
        f"fuzzing will be blind; {_remedy(declaration, packages, tops(instrumented), ())}"
    ]


def _foreign(names: Iterable[str]) -> list[str]:
    return [one for one in tops(names) if one not in sys.stdlib_module_names]


def tops(names: Iterable[str]) -> list[str]:
    """Top-level packages, each once, in order of name."""
    return sorted({name.partition(".")[0] for name in names})


def explanation(declaration: Declaration, prepared: Prepared | None, packages: Collection[str]) -> str:
    """What is instrumented, why it gives no coverage, and the line to write. packages: `unseen`, where it is known."""
    seen = tops([*declaration.instrument, *(prepared.instrumented if prepared else ())])
    native = [one for one in prepared.blind if not packages or tops([one])[0] in packages] if prepared else []
    start = f"instrumented: {', '.join(seen[:SHOWN])}" if seen else "nothing else is instrumented"
    start += f"; called without coverage: {', '.join([*packages][:SHOWN])}" if packages else ""
    start += f"; native code gives none: {', '.join(native[:SHOWN])}" if native else ""
    return f"{start}; {_remedy(declaration, packages, seen, tops(prepared.lazy) if prepared else ())}"


def _remedy(declaration: Declaration, packages: Collection[str], seen: Collection[str], late: Collection[str]) -> str:
    """The lines to write. seen: packages that are instrumented; what is called of them is native or late."""
    wanted = [one for one in packages if one not in seen or one in late]
    names = ", ".join(f'"{one}"' for one in wanted) or ("" if packages else '"PACKAGE"')
    key = "preload" if wanted and set(wanted) <= set(late) else "instrument"
    first = f'say "{key}": [{names}], '
    where = '"blind": True'
    if declaration.plain:
        first = f"import it at the top of the file under `with atheris.instrument_imports(include=[{names}]):`, "
        where = f"blind = true under [harnesses.{declaration.name}] in mlfuzz.toml"
    return f"{first if names else ''}build native code with coverage (mlfuzz harness build-native), or say {where}"
