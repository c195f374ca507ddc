"""What a plain atheris file does only when it is run as a script.

The file is imported under a name of its own, so its `if __name__ == "__main__":` does not run by that. Afterwards it is
run as it stands, in the module's namespace: with the functions and classes that were imported and instrumented.
"""

from __future__ import annotations

import ast
import sys
from types import ModuleType

MAIN = "__main__"


def run_as_script(path: str, module: ModuleType) -> None:
    """Do what stands under `if __name__ == "__main__":`, in order. Whatever it raises goes on to the caller."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    guards = [node for node in tree.body if isinstance(node, ast.If) and _asks_name(node.test)]
    if not guards:
        return
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    # As in a script: what looks itself up there finds the file, and not the process that serves it.
    sys.modules[MAIN] = module
    module.__dict__["__name__"] = MAIN
    exec(compile(ast.Module([*futures, *guards], []), path, "exec", dont_inherit=True), module.__dict__)


def _asks_name(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))
