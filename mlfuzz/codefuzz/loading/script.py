"""What a plain atheris file instruments only when it is run as a script.

The harness is imported, so its `if __name__ == "__main__":` does not run, nor does the `main()` that it calls. There
`atheris.instrument_all()` stands in most files: what instruments is done, and nothing else of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

GUARDS = ("__name__ == '__main__'", "'__main__' == __name__")


def instrument(path: str, module: ModuleType, atheris: Any) -> list[str]:
    """Do what the script would instrument, in the module's namespace; words on what could not be done.

    Nothing where the file has a declaration: that says all there is to say. Also where inputs run without atheris: what
    a block in `main()` imports must be there.
    """
    if hasattr(module, "HARNESS"):
        return []
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    seeker = _Seeker(tree, module.__dict__, atheris)
    failed = []
    for statement in seeker.seek(_guarded(tree)):
        code = compile(ast.fix_missing_locations(ast.Module([statement], [])), path, "exec")
        try:
            exec(code, module.__dict__)
        except Exception as error:  # noqa: BLE001 - whatever the harness's own line raises is told
            failed.append(
                f"line {statement.lineno} instruments only when the file is run as a script, and fails here "
                f"({type(error).__name__}: {error}); move it to the top of the file"
            )
    return failed


def _guarded(tree: ast.Module) -> list[ast.stmt]:
    guards = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) in GUARDS]
    return [one for guard in guards for one in guard.body]


class _Seeker(ast.NodeVisitor):
    """Goes through what would run, in order, and into the file's own functions that are called."""

    def __init__(self, tree: ast.Module, names: dict[str, Any], atheris: Any) -> None:
        self._functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._names, self._atheris = names, atheris
        self._found: list[ast.stmt] = []

    def seek(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        for one in statements:
            self.visit(one)
        return self._found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """It is defined, and does not run."""

    def visit_Import(self, node: ast.Import) -> None:
        for one in node.names:
            if one.name == "atheris":
                self._names.setdefault(one.asname or one.name, self._atheris)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for one in node.names if node.module == "atheris" else ():
            if hasattr(self._atheris, one.name):
                self._names.setdefault(one.asname or one.name, getattr(self._atheris, one.name))

    def visit_With(self, node: ast.With) -> None:
        items = [one for one in node.items if self._calls(one.context_expr, ["instrument_imports"])]
        if items:
            body = [one for one in _inside(node) if isinstance(one, (ast.Import, ast.ImportFrom))]
            self._found.append(ast.copy_location(ast.With(items, [*body, ast.Pass()]), node))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if self._calls(node, ["instrument_all", "instrument_func", "enabled_hooks.add"]):
            self._found.append(ast.copy_location(ast.Expr(node), node))
        elif isinstance(node.func, ast.Name) and (function := self._functions.pop(node.func.id, None)):
            self.seek(function.body)

    def _calls(self, node: ast.expr, names: Iterable[str]) -> bool:
        """Whether it calls one of atheris' functions, under whatever name the file knows it by."""
        return isinstance(node, ast.Call) and any(self._is(node.func, name) for name in names)

    def _is(self, node: ast.expr, name: str) -> bool:
        owner, _, last = name.rpartition(".")
        if isinstance(node, ast.Name):
            return node.id in self._names and self._names[node.id] is getattr(self._atheris, name, self)
        if not isinstance(node, ast.Attribute) or node.attr != last:
            return False
        if owner:
            return self._is(node.value, owner)
        return isinstance(node.value, ast.Name) and self._names.get(node.value.id) is self._atheris


def _inside(node: ast.With) -> Iterator[ast.AST]:
    for one in node.body:
        yield from ast.walk(one)
