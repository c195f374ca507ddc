#!/usr/bin/env python3
"""A model file from a stranger: what a scanner says of it against what a loader reaches, and two readers of one header.

A scanner that says "safe" of a file whose loading reaches a forbidden global is a finding, and so are two readers that
both take a file and read different things in it; the message names both opinions. Nothing is executed: the loader is
given a stand-in for each global, and writes down which it was asked for.

Your own scanner: put it in the place of `scan` (bytes -> whether it says safe), with picklescan for example

    from picklescan.scanner import scan_pickle_bytes
    def scan(data: bytes) -> bool:
        result = scan_pickle_bytes(io.BytesIO(data), "file.pkl")
        return not result.scan_err and not result.issues_count

Documented: nothing is raised; what the readers raise is an answer.
"""

import ast
import importlib
import importlib.util
import io
import json
import sys
from typing import Any

HARNESS = {
    "name": "model_files",
    "about": "a model file -> a scanner's word against a loader's; two readers of one header",
    "instrument": ["pickletools", "pickle", "zipfile", "numpy.lib._format_impl"],
    "preload": ["pickle", "pickletools", "zipfile", "numpy.lib.format"],
    "seeds": "corpus/seeds/code/model_files",
    "dictionary": "corpus/seeds/code/model_files.dict",
    "allowed": [],
    "seconds": 2.0,
    "mebibytes": 512,
    "length": 2048,
    "mutator": "auto",
}

if __name__ == "__main__":  # a plain atheris script; elsewhere the engine instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        for module in HARNESS["preload"]:
            importlib.import_module(module)

import pickle
import pickletools
import zipfile

FORBIDDEN = frozenset({
    "__builtin__", "_pickle", "bdb", "builtins", "code", "codeop", "commands", "ctypes", "functools", "importlib",
    "marshal", "nt", "operator", "os", "pdb", "pickle", "pkgutil", "posix", "pty", "runpy", "shutil", "socket",
    "subprocess", "sys", "timeit", "types", "webbrowser",
})  # fmt: skip
HARMLESS = frozenset({
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
    "slice", "str", "tuple",
})  # fmt: skip
"""Of the builtins."""

FURTHEST = 1 << 16
"""Place in a pickle's memo: a larger one only measures the allocator."""
MOST = 8
"""Pickles after one another in a file."""


class ScannerMisled(Exception):
    """The scanner says safe, and the loader reaches a forbidden global."""


class ReadersDisagree(Exception):
    """Two readers take the file and read different things in it."""


def forbidden(module: str, name: str) -> bool:
    inside = module.partition(".")[0] in FORBIDDEN
    return inside and not (module in ("builtins", "__builtin__") and name in HARMLESS)


def scan(data: bytes) -> bool:
    """The scanner: whether it says that a pickle is safe. This one takes no global that it cannot read off."""
    for _ in range(MOST):
        strings: list[str] = []
        end = 0
        for opcode, argument, at in pickletools.genops(data):
            end = at + 1
            module, _, name = str(argument).partition(" ")
            if opcode.name in ("GLOBAL", "INST") and forbidden(module, name):
                return False
            if opcode.name == "STACK_GLOBAL" and (len(strings) < 2 or forbidden(*strings[-2:])):
                return False
            if opcode.name.startswith("EXT"):
                return False
            if "UNICODE" in opcode.name:
                strings.append(str(argument))
            elif opcode.name not in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "FRAME"):
                strings.clear()
        data = data[end:]
        if not data:
            return True
    return False


class Anything:
    """Stands for whatever a pickle asks for: it can be called, built, filled, and does nothing."""

    def __new__(cls, *arguments: Any, **named: Any) -> "Anything":
        return object.__new__(cls)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **named: Any) -> "Anything":
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass

    def add(self, value: Any) -> None:
        pass


def reached(data: bytes) -> list[str]:
    """Forbidden globals that loading asks for, by the unpickler in C and by the one in Python, until either refuses.

    One that the latter alone asks for is marked.
    """
    found: dict[str, str] = {}

    def find(own: Any, module: str, name: str) -> type:
        if forbidden(module, name):
            python = isinstance(own, pickle._Unpickler)
            found.setdefault(f"{module}.{name}", " (in pickle._Unpickler alone)" if python else "")
        return Anything

    for base in (pickle.Unpickler, pickle._Unpickler):
        blocked = {"find_class": find, "persistent_load": lambda _, name: Anything()}
        loader = type("Loader", (base,), blocked)
        file = io.BytesIO(data)
        try:
            for _ in range(MOST):
                loader(file).load()
        except Exception:  # noqa: BLE001 - it has refused; what it was asked for before that counts
            continue
    return [name + mark for name, mark in sorted(found.items())]


def tame(data: bytes) -> bool:
    """Whether a pickle's memo stays small, as far as it can be read."""
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if "PUT" in opcode.name and int(argument or 0) > FURTHEST:
                return False
    except Exception:  # noqa: BLE001 - a loader hardly goes further
        return True
    return True


def says_safe(data: bytes) -> bool:
    """A scanner that fails has not said it."""
    try:
        return scan(data)
    except Exception:  # noqa: BLE001 - whatever a scanner raises
        return False


def pickled(data: bytes) -> None:
    if tame(data) and says_safe(data) and (names := reached(data)):
        raise ScannerMisled(f"the scanner says safe; the loader reaches {', '.join(names)}")


def archived(data: bytes) -> None:
    """A checkpoint: a scanner unpacks it with zipfile, the loader with torch's own reader, where torch is there."""
    safe, seen = True, []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for one in archive.infolist():
                content = archive.read(one)
                if one.filename.endswith(".pkl") or content.startswith(b"\x80"):
                    seen.append(content)
                    safe = safe and says_safe(content)
    except Exception:  # noqa: BLE001 - to refuse is an answer
        return
    for content in seen:
        pickled(content)
    loaded = _by_torch(data)
    if safe and loaded is not None and tame(loaded) and (names := reached(loaded)):
        raise ScannerMisled(f"zipfile shows a scanner nothing unsafe; torch's reader reaches {', '.join(names)}")


def _by_torch(data: bytes) -> bytes | None:
    if torch is None:
        return None
    try:
        record = torch._C.PyTorchFileReader(io.BytesIO(data)).get_record("data.pkl")
    except Exception:  # noqa: BLE001 - to refuse is an answer
        return None
    return bytes(record)


def array(data: bytes) -> None:
    """An .npy header, as numpy reads it and as its description has it (NEP 1)."""
    if numpy is None:
        return
    file = io.BytesIO(data)
    try:
        version = numpy.lib.format.read_magic(file)
        read = numpy.lib.format.read_array_header_1_0 if version == (1, 0) else numpy.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        wide = 4 if version != (1, 0) else 2
        size = int.from_bytes(data[8 : 8 + wide], "little")
        own = ast.literal_eval(data[8 + wide : 8 + wide + size].decode("latin-1").strip())
        theirs = (shape, fortran, dtype)
        ours = (
            own["shape"],
            own["fortran_order"],
            numpy.dtype(own["descr"] if isinstance(own["descr"], str) else dtype),
        )
    except Exception:  # noqa: BLE001 - to refuse is an answer
        return
    if theirs != ours:
        raise ReadersDisagree(f"numpy reads {theirs}, by its description it is {ours}")


def tensors(data: bytes) -> None:
    """A safetensors header, as the package reads it and as its description has it."""
    if safetensors is None:
        return
    try:
        theirs = {name: (one["dtype"], list(one["shape"]), bytes(one["data"])) for name, one in _theirs(data)}
    except Exception:  # noqa: BLE001 - to refuse is an answer
        return
    try:
        ours = _by_description(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReadersDisagree(f"safetensors takes {sorted(theirs)}; by its description: {error!r}") from None
    if theirs != ours:
        raise ReadersDisagree(f"safetensors reads {theirs}, by its description it is {ours}"[:500])


def _theirs(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    return safetensors.deserialize(data)


def _by_description(data: bytes) -> dict[str, tuple[str, list[int], bytes]]:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size], object_pairs_hook=_once)
    values = data[8 + size :]
    found = {}
    for name, one in header.items():
        if name != "__metadata__":
            start, stop = one["data_offsets"]
            found[name] = (one["dtype"], one["shape"], values[start:stop])
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def _optional(name: str) -> Any:
    return importlib.import_module(name) if importlib.util.find_spec(name) is not None else None


numpy, safetensors, torch = _optional("numpy"), _optional("safetensors"), _optional("torch")


def fuzz(data: bytes) -> None:
    if data.startswith(b"PK"):
        archived(data)
    elif data.startswith(b"\x93NUMPY"):
        array(data)
    elif data[8:9] == b"{":
        tensors(data)
    else:
        pickled(data)


if __name__ == "__main__":

    def TestOneInput(data: bytes) -> None:
        fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
