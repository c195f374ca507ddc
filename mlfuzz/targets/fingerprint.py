"""What an object is, as a hash that is the same in every process: its values, its code, and all that it is made of.

No address and no order of a set gets in. What cannot be read is told by its path, so that nobody takes it for read.
"""

from __future__ import annotations

import collections
import copyreg
import functools
import hashlib
import logging
import os
import random
import re
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from mlfuzz.targets.bytecode import ASKING, Reached, facts_of, reached, source_file
from mlfuzz.targets.owner import owner, owner_of_class, version_of
from mlfuzz.targets.programs import is_exported, program
from mlfuzz.targets.weights import bits_of

DEEPEST = 80
"""Objects inside one another: Python's own stack ends at about 1,000 calls, and one level takes up to five."""

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis)})
INERT = (
    logging.Logger, logging.LoggerAdapter, type(threading.Lock()), type(threading.RLock()), threading.local,
    threading.Event, threading.Condition, RemovableHandle, weakref.ref, weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
)  # fmt: skip
"""Kinds of objects that decide no answer, and whose insides are of one process."""

NOISE = frozenset({
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__firstlineno__",
    "__static_attributes__", "__abstractmethods__", "_abc_impl", "__parameters__", "__orig_bases__", "__annotate__",
    "__dataclass_fields__", "__dataclass_params__", "__annotate_func__", "__annotations_cache__", "__protocol_attrs__",
    "__slotnames__",
})  # fmt: skip
"""Attributes of classes that Python keeps for itself."""

MAKING = ("__init__", "__new__", "__post_init__")
"""What an object was made by is read off the object, so that what these reach for counts only where they are called."""

OWN_STATE = frozenset(vars(nn.Module())) | {"_compiled_call_impl", "__dict__"}
HOOKS = ("_forward_pre_hooks", "_forward_hooks")
UNSEEDED_BITS = 64
"""A seed of more bits than this was drawn by NumPy itself."""


class Fingerprint:
    """`add` what there is, then read `digest` and `unverified`."""

    def __init__(self) -> None:
        self.unverified: dict[str, None] = {}
        self._hash = hashlib.sha256()
        self._seen: dict[tuple[int, bool], int] = {}
        self._kept: list[Any] = []  # an address says who it is only as long as the object lives
        self._depth = 0

    @property
    def digest(self) -> str:
        """64 hex digits."""
        return self._hash.hexdigest()

    def add(self, value: Any, path: str, *, called: bool = True) -> None:
        """called: of a class, whether it is called by the code, and not only what an object is of."""
        kind = type(value)
        if kind in PLAIN:
            self._put(kind.__name__, _written(_here(value) if kind is str else value))
            return
        if (kind is list or kind is tuple or kind is dict) and _is_plain(value):
            self._put(kind.__name__, _written(value))
            return
        if any(isinstance(value, leaf) for leaf in LEAVES):
            self._leaf(value, path)
            return
        if (id(value), called) in self._seen:
            self._put("again", str(self._seen[id(value), called]).encode())
            return
        self._seen[id(value), called] = len(self._seen)
        self._kept.append(value)
        if self._depth >= DEEPEST:
            self._cannot(path, value, "nested too deep")
            return
        self._depth += 1
        try:
            self._whole(value, path, called=called)
        except (RecursionError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  attributes of others raise what they like
            self._cannot(path, value, type(error).__name__)
        finally:
            self._depth -= 1

    def _put(self, kind: str, *parts: bytes) -> None:
        for part in (kind.encode(), *parts):
            self._hash.update(len(part).to_bytes(8, "big"))
            self._hash.update(part)

    def _cannot(self, path: str, value: Any, why: str = "") -> None:
        kind = type(value)
        self._put("unread", f"{kind.__module__}.{kind.__qualname__}".encode())
        self.unverified[f"{path} ({kind.__name__}{': ' + why if why else ''})"] = None

    def _leaf(self, value: Any, path: str) -> None:
        kind = type(value)
        if isinstance(value, INERT):
            self._put("inert", kind.__qualname__.encode())
        elif isinstance(value, Enum):
            self._put("enum", kind.__qualname__.encode(), value.name.encode())
            if type(value.value) in PLAIN:
                self.add(value.value, path)
        elif isinstance(value, torch.device):
            self._put("device")  # moved to another one it is the same model
        elif isinstance(value, PurePath):
            self._put("path", _here(str(value)).encode(errors="surrogatepass"))
        elif isinstance(value, re.Pattern):
            self._put("pattern", repr((value.pattern, value.flags)).encode())
        elif isinstance(value, types.ModuleType):
            self._put("module", value.__name__.encode())
        elif isinstance(value, np.dtype):
            self._put("np.dtype", value.str.encode() if value.names is None else repr(value.descr).encode())
        elif isinstance(value, np.generic):
            self._put("np", value.dtype.str.encode(), value.tobytes())
        else:
            self._put(kind.__name__, repr(value).encode())

    def _whole(self, value: Any, path: str, *, called: bool) -> None:
        for kinds, way in WAYS:
            if isinstance(value, kinds):
                way(self, value, path)
                return
        if isinstance(value, type):
            self._class(value, path, called=called)
        else:
            self._object(value, path)

    # values

    def _tensor(self, value: Tensor, path: str) -> None:
        self._put("tensor", str(value.dtype).encode(), str(value.layout).encode())
        if torch.nn.parameter.is_lazy(value) or value.is_meta:
            self._cannot(path, value, "it holds no values yet")
            return
        inner = getattr(type(value), "__tensor_flatten__", None)
        if inner is not None and type(value) is not Tensor:
            names, context = value.__tensor_flatten__()  # type: ignore[attr-defined]
            for name in names:
                self.add(getattr(value, name), f"{path}.{name}")
            self.add(context, path)
            return
        if not value.is_nested:
            self._put("shape", repr(tuple(value.shape)).encode())
        self._put("bits", bits_of(value))

    def _array(self, value: np.ndarray[Any, Any], path: str) -> None:
        self._put("array", repr(value.shape).encode(), type(value).__name__.encode())
        self.add(value.dtype, path)
        if value.dtype.hasobject:
            self.add(value.tolist(), path)
        else:
            self._put("bits", np.ascontiguousarray(value).tobytes())
        if isinstance(value, np.ma.MaskedArray):
            self.add(np.ma.getmaskarray(value), path)

    def _random(self, value: Any, path: str) -> None:
        """One that draws its own seed is another in each process; a seeded one is what it was seeded with."""
        if isinstance(value, np.random.Generator | np.random.BitGenerator):
            bits = value.bit_generator if isinstance(value, np.random.Generator) else value
            entropy = getattr(bits.seed_seq, "entropy", None)
            if isinstance(entropy, int) and entropy.bit_length() > UNSEEDED_BITS:
                self._cannot(path, value, "drawn anew in each process")
            else:
                self.add(_of_arrays(bits.state), path)
        elif isinstance(value, torch.Generator):
            self._put("generator", str(value.initial_seed()).encode(), value.get_state().numpy().tobytes())
        else:  # whether it was seeded cannot be told from outside
            self._cannot(path, value, "drawn anew in each process")

    def _sequence(self, value: Iterable[Any], path: str) -> None:
        self._put(type(value).__qualname__)
        items = list(value)
        self._put("items", str(len(items)).encode())
        for at, item in enumerate(items):
            self.add(item, f"{path}[{at}]")
        self._subclassed(value, path)

    def _mapping(self, value: Mapping[Any, Any], path: str) -> None:
        self._put(type(value).__qualname__, str(len(value)).encode())
        for key, item in list(value.items()):
            self.add(key, path)
            self.add(item, f"{path}[{key!r}]" if type(key) in PLAIN else path)
        if isinstance(value, collections.defaultdict):
            self.add(value.default_factory, path)
        self._subclassed(value, path)

    def _set(self, value: Iterable[Any], path: str) -> None:
        parts = []
        for item in value:
            one = Fingerprint()
            one._depth = self._depth
            one.add(item, path)
            self.unverified |= one.unverified
            parts.append(one.digest.encode())
        self._put("set", *sorted(parts))

    def _subclassed(self, value: Any, path: str) -> None:
        """What a container of the user's own class has beside its items."""
        if owner_of_class(type(value)) == "user":
            self.add(type(value), path, called=False)
        if getattr(value, "__dict__", None):
            self._attributes(vars(value), path)

    # code

    def _function(self, value: types.FunctionType, path: str) -> None:
        self._called(value, path, follow=True)

    def _called(self, value: types.FunctionType, path: str, *, follow: bool) -> None:
        module = value.__globals__.get("__name__", "") or ""
        whose = owner(module, value.__code__.co_filename)
        if whose == "user":
            self._code(value.__code__, path)
        else:
            self._put("function", f"{module}.{value.__code__.co_qualname}".encode(), version_of(module).encode())
        self.add((value.__defaults__, value.__kwdefaults__), path)
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=False):
            self._put("cell", name.encode())
            if name != "__class__":  # of super(): whose method it is has been read
                self.add(_content(cell), f"{path}.{name}")
        own = {name: part for name, part in vars(value).items() if name != "__wrapped__" or whose == "user"}
        self._attributes({name: part for name, part in own.items() if not name.startswith("_torchdynamo")}, path)
        if whose == "user" and follow:
            self._globals(value.__globals__, reached(value.__code__), path)

    def _code(self, code: types.CodeType, path: str) -> None:
        self._put("code", _written(facts_of(code)))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, path)
            else:
                self.add(constant, path)

    def _globals(self, names: Mapping[str, Any], found: Reached, path: str) -> None:
        """What the code looks up outside itself, as far as it is the user's own."""
        for name in found.names:
            value = names.get(name, self)
            if value is self:
                continue
            self._put("global", name.encode())
            if isinstance(value, types.ModuleType):
                self._asked(value.__name__, path)
            self.add(value, name)
        for name, attribute in found.attributes:
            module = names.get(name)
            if not isinstance(module, types.ModuleType) or not hasattr(module, attribute):
                continue
            if owner(module.__name__, getattr(module, "__file__", None)) == "user":
                self._put("attribute", f"{name}.{attribute}".encode())
                self.add(getattr(module, attribute), f"{name}.{attribute}")
        for name in found.imports:
            self._asked(name, path)
            self._imported(name)
        for name in found.readers:
            self.unverified[f"{path} (what it reads by {name}())"] = None

    def _asked(self, module: str, path: str) -> None:
        if module.partition(".")[0] in ASKING:
            self.unverified[f"{path} (what it is told through {module})"] = None

    def _imported(self, module: str) -> None:
        """A module of the user's that a function imports itself: by its file, since it may not be imported yet."""
        file = source_file(module)
        if file and owner(module, file) == "user" and os.path.isfile(file):
            with open(file, "rb") as source:
                self._put("imported", hashlib.sha256(source.read()).digest())

    def _class(self, value: type, path: str, *, called: bool) -> None:
        for base in value.__mro__:
            whose = owner_of_class(base)
            if whose != "user":
                self._put(
                    "class", f"{base.__module__}.{base.__qualname__}".encode(), version_of(base.__module__).encode()
                )
                if whose == "library":
                    self._methods(base, path)
                continue
            self._put("class", base.__qualname__.encode())
            for name, part in sorted(vars(base).items()):
                if name in NOISE or (name.startswith("__") and isinstance(part, types.GetSetDescriptorType)):
                    continue
                self._put("member", name.encode())
                if isinstance(part, types.FunctionType):
                    self._called(part, f"{path}.{name}", follow=called or name not in MAKING)
                elif not isinstance(part, types.MemberDescriptorType):
                    self.add(part, f"{path}.{name}")

    def _methods(self, value: type, path: str) -> None:
        """The code of a library's class itself: two builds may say the same version."""
        for name, part in sorted(vars(value).items()):
            if isinstance(part, types.FunctionType):
                self._put("method", name.encode())
                self._code(part.__code__, path)

    def _method(self, value: types.MethodType, path: str) -> None:
        self._put("method")
        self.add(value.__func__, path)
        self.add(value.__self__, path, called=False)

    def _builtin(self, value: Any, path: str) -> None:
        owned = getattr(value, "__self__", None)
        self._put("builtin", *_named(value))
        if owned is not None and not isinstance(owned, types.ModuleType):
            self.add(owned, path)

    def _partial(self, value: functools.partial[Any], path: str) -> None:
        self._put("partial")
        self.add((value.func, value.args), path)
        self.add(value.keywords, path)
        self._attributes(vars(value), path)

    def _wrapped(self, value: Any, path: str) -> None:
        self._put(type(value).__qualname__)
        self.add(getattr(value, "__func__", None) or getattr(value, "__wrapped__", None), path)

    def _property(self, value: property, path: str) -> None:
        self._put("property")
        self.add((value.fget, value.fset), path)

    # torch

    def _module(self, value: nn.Module, path: str) -> None:
        if isinstance(value, torch.jit.ScriptModule) or is_exported(value):
            self._put("program", *program(value))
            if is_exported(value):
                self._state(value, path)
            return
        if isinstance(value, torch.fx.GraphModule):
            self._put("graph", value.code.encode())
            self.add([node.target for node in value.graph.nodes if node.op == "call_function"], path)
            self._state(value, path)
            return
        self.add(type(value), path, called=False)
        own = {name: part for name, part in vars(value).items() if name not in OWN_STATE}
        if owner_of_class(type(value)) == "core":
            self._put("training", str(value.training).encode())
            before = dict(self.unverified)
            if not type(value).__module__.startswith("torch._dynamo"):
                self._attributes(own, path)
            # Torch's own objects keep what cannot be read (a process group); what they learn stands in their state.
            self.unverified = {name: None for name in self.unverified if name in before or not name.startswith(path)}
        else:
            self._put("training", str(value.training).encode())
            self._attributes(own, path)
        for name in HOOKS:
            for hook in list(getattr(value, name, {}).values()):
                self._put(name)
                self.add(hook, f"{path} hook")
        if type(value).get_extra_state is not nn.Module.get_extra_state:
            self._put("extra")
            self.add(value.get_extra_state(), f"{path}.get_extra_state()")
        self._state(value, path)

    def _state(self, value: nn.Module, path: str) -> None:
        if isinstance(value, torch.fx.GraphModule):
            tensors = {
                name: part for name, part in vars(value).items() if isinstance(part, Tensor | torch.ScriptObject)
            }
            self._attributes(tensors, path)
        for kind in ("_parameters", "_buffers"):
            self._attributes(getattr(value, kind), path)
        for name, part in value._modules.items():
            self._put("part", name.encode())
            self.add(part, f"{path}.{name}", called=False)

    def _script_object(self, value: Any, path: str) -> None:
        self._put("script object")
        self.add(value.__getstate__(), path)

    def _script_function(self, value: Any, path: str) -> None:
        self._put("script function", *program(value))

    # anything else

    def _attributes(self, values: Mapping[str, Any], path: str) -> None:
        for name, part in sorted(values.items(), key=lambda item: str(item[0])):
            self._put("attribute", str(name).encode())
            self.add(part, f"{path}.{name}")

    def _object(self, value: Any, path: str) -> None:
        kind = type(value)
        self.add(kind, path, called=False)
        slots = [name for name in copyreg._slotnames(kind) if hasattr(value, name)]  # type: ignore[attr-defined]
        self._attributes(dict(getattr(value, "__dict__", {})) | {name: getattr(value, name) for name in slots}, path)
        if isinstance(value, BaseException):
            self.add(value.args, path)
        elif _is_closed(kind):
            try:
                reduced = value.__reduce_ex__(4)
            except Exception:  # noqa: BLE001  whatever it says, it cannot be read
                self._cannot(path, value)
                return
            if isinstance(reduced, str):
                self._put("name", reduced.encode())
                return
            call, *rest = reduced
            self._put("made by", *_named(call))
            self.add([list(part) if isinstance(part, types.GeneratorType) else part for part in rest], path)


LEAVES: tuple[Any, ...] = (
    *INERT, Enum, torch.device, torch.dtype, torch.layout, torch.memory_format, torch.Size, PurePath, re.Pattern,
    types.ModuleType, np.dtype, np.generic, range, slice, torch._ops.OpOverload, torch._ops.OpOverloadPacket,
)  # fmt: skip

WAYS: tuple[tuple[Any, Callable[[Fingerprint, Any, str], None]], ...] = (
    (Tensor, Fingerprint._tensor),
    (np.ndarray, Fingerprint._array),
    (nn.Module, Fingerprint._module),
    ((np.random.Generator, np.random.BitGenerator, np.random.RandomState, torch.Generator, random.Random),
     Fingerprint._random),
    (torch.jit.ScriptFunction, Fingerprint._script_function),
    (torch.ScriptObject, Fingerprint._script_object),
    (types.FunctionType, Fingerprint._function),
    (types.MethodType, Fingerprint._method),
    (functools.partial, Fingerprint._partial),
    ((functools._lru_cache_wrapper, staticmethod, classmethod), Fingerprint._wrapped),
    (property, Fingerprint._property),
    ((types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType, types.MethodDescriptorType,
      types.ClassMethodDescriptorType, np.ufunc), Fingerprint._builtin),
    ((list, tuple, collections.deque), Fingerprint._sequence),
    ((dict, types.MappingProxyType), Fingerprint._mapping),
    ((set, frozenset), Fingerprint._set),
)  # fmt: skip
"""How each kind is read, the first that fits."""


def _is_plain(value: Any) -> bool:
    """Whether its repr says all, and the same in every process."""
    if type(value) is dict:
        return all(type(key) in PLAIN for key in value) and all(type(part) in PLAIN for part in value.values())
    return all(type(part) in PLAIN for part in value)


def _written(value: Any) -> bytes:
    """Not by marshal, which writes down whether a string is interned."""
    try:
        return repr(value).encode(errors="surrogatepass")
    except ValueError:  # whole numbers of thousands of digits have no repr
        items = value.items() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
        return b",".join(hex(item).encode() if isinstance(item, int) else _written(item) for item in items)


def _here(text: str) -> str:
    """A path below the current folder without it: a project that was moved is the same one."""
    if not text.startswith(os.sep) or "\0" in text or len(text) > 4096:
        return text
    folder = os.getcwd()
    return os.path.relpath(text, folder) if text.startswith(folder + os.sep) else text


def _named(value: Any) -> tuple[bytes, bytes]:
    name = getattr(value, "__qualname__", None) or value.__name__
    return str(getattr(value, "__module__", "")).encode(), name.encode()


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _of_arrays(state: Any) -> Any:
    """A generator's state with arrays as lists."""
    if isinstance(state, Mapping):
        return {name: _of_arrays(part) for name, part in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def _is_closed(kind: type) -> bool:
    """Whether its objects keep something that is no attribute, as those written in C do (see object.__reduce_ex__)."""
    size = object.__basicsize__ + 8 * len(copyreg._slotnames(kind))  # type: ignore[attr-defined]
    size += 8 * (kind.__dictoffset__ > 0) + 8 * (kind.__weakrefoffset__ > 0)
    return kind.__basicsize__ > size or kind.__itemsize__ != 0
