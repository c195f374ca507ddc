"""What a function's code does and what it reaches for, whatever file and line it stands on."""

from __future__ import annotations

import dis
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

READERS = frozenset({
    "open", "load", "urlopen", "read_bytes", "read_text", "from_pretrained", "InferenceSession", "Interpreter",
    "load_model", "load_file", "safe_open", "load_state_dict_from_url", "Popen", "check_output", "hf_hub_download",
})  # fmt: skip
"""Calls by which code reads a file or starts a program while it runs: what comes back stands in no code."""

ASKING = frozenset(
    {"subprocess", "socket", "requests", "httpx", "urllib", "urllib3", "http", "aiohttp", "grpc", "ctypes"}
)
"""Modules by which code asks somebody else."""


@dataclass(slots=True)
class Reached:
    """Globals by name, attributes of modules (module, attribute), modules imported inside, and calls of `READERS`."""

    names: dict[str, None] = field(default_factory=dict)
    attributes: dict[tuple[str, str], None] = field(default_factory=dict)
    imports: dict[str, None] = field(default_factory=dict)
    readers: dict[str, None] = field(default_factory=dict)


def facts_of(code: CodeType) -> tuple[Any, ...]:
    """All that decides what it does, but its constants."""
    return (
        code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_code, code.co_names,
        code.co_varnames, code.co_freevars, code.co_cellvars, getattr(code, "co_exceptiontable", b""),
    )  # fmt: skip


def reached(code: CodeType) -> Reached:
    """In the order of the code, functions inside it included."""
    found = Reached()
    for part in _nested(code):
        last = ""
        for step in dis.get_instructions(part):
            name, operation = step.argval, step.opname
            if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
                found.names[name] = None
            elif operation in ("LOAD_ATTR", "LOAD_METHOD") and last:
                found.attributes[last, name] = None
            elif operation == "IMPORT_NAME":
                found.imports[name] = None
            if operation.startswith(("LOAD_", "IMPORT_")) and name in READERS:
                found.readers[name] = None
            last = name if operation in ("LOAD_GLOBAL", "LOAD_NAME") else ""
    return found


def source_file(module: str) -> str:
    """Where a module would be imported from, without importing it; "" where that cannot be told."""
    loaded = sys.modules.get(module)
    if isinstance(loaded, ModuleType):
        return getattr(loaded, "__file__", None) or ""
    try:
        found = importlib.util.find_spec(module) if "." not in module else None
    except (ImportError, ValueError, AttributeError):
        return ""
    return (found.origin or "") if found is not None else ""


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)
