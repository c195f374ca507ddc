"""What a compiled module does, as far as it stands in no Python source: part of a target's digest."""

from __future__ import annotations

import hashlib
import io
import pickletools
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.fx import GraphModule
from torch.jit._script import RecursiveScriptModule

EXPORTED = "_StatefulGraphModule"
"""The class of `ExportedProgram.module()`; torch has no public name for it."""

MANGLED = re.compile(rb"[./]?___torch_mangle_\d+")
"""TorchScript numbers the classes of a process in the order in which it met them."""

CONSTANTS = re.compile(rb"(^ *\w+ : Final\[.*\n)+", re.MULTILINE)
"""A class's constants, which it writes down in any order."""

PLACES = re.compile(r"(\.debug_pkl|/version|/byteorder|serialization_id)$")
"""Parts of an archive that tell where its source stood and who wrote it, not what it does."""


def programs(model: nn.Module) -> Iterator[bytes]:
    """Digests of the TorchScript and the exported programs inside a module, the outermost alone; nothing of others.

    Of TorchScript: code, attributes and constants, where a frozen one keeps its weights. Raises what saving it raises.
    """
    if isinstance(model, RecursiveScriptModule) or is_exported(model):
        yield from program(model)
    else:
        for part in model.children():
            yield from programs(part)


def is_exported(model: nn.Module) -> bool:
    """Whether it is what `ExportedProgram.module()` gives."""
    return EXPORTED in (kind.__name__ for kind in type(model).__mro__)


def program(model: Any) -> Iterator[bytes]:
    """Digests of one program, TorchScript's (a function's too) or an exported one's code."""
    if is_exported(model):
        for part in model.modules():
            if isinstance(part, GraphModule):
                yield hashlib.sha256(part.code.encode()).digest()
    else:
        yield _archive(model)


def _archive(model: Any) -> bytes:
    data = io.BytesIO()
    torch.jit.save(model, data)
    parts = []
    with zipfile.ZipFile(data) as archive:
        for path in archive.namelist():
            name = path.partition("/")[2]
            if not PLACES.search(path):
                parts.append(hashlib.sha256(_bare(name.encode()) + b"\0" + _content(name, archive.read(path))).digest())
    return hashlib.sha256(b"".join(sorted(parts))).digest()


def _content(name: str, data: bytes) -> bytes:
    if name.startswith("code/"):
        return CONSTANTS.sub(lambda lines: b"".join(sorted(lines[0].splitlines(keepends=True))), _bare(data))
    if not name.endswith(".pkl"):
        return data
    # By its operations: in the bytes the length of a name stands before it.
    return b"\n".join(
        f"{code.name} ".encode() + _bare(repr(value).encode()) for code, value, _ in pickletools.genops(data)
    )


def _bare(text: bytes) -> bytes:
    return MANGLED.sub(b"", text)
