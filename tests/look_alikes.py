"""Pairs of targets that look alike and answer differently: `PAIRS[name](0)` against `PAIRS[name](1)`.

Run as a program it prints the digest of each, for comparison between processes.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
import functools
import operator
import random
import re
import sys
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from mlfuzz.modality.image import Image
from mlfuzz.modality.text import Text
from mlfuzz.targets.callable import CallableTarget, per_item
from mlfuzz.targets.module import ModuleTarget

IMAGE = Image(size=(4, 4))
PAIRS: dict[str, Callable[[int], Any]] = {}
SLOW = frozenset(
    {f"{form}, {what}" for form in ("script", "frozen script", "trace") for what in ("weights", "activation")}
    | {"script inside", "dynamically quantised linear", "dynamically quantised LSTM"}
    | {f"{way}: script function" for way in ("preprocess", "function")}
)
"""Those of which one takes a tenth of a second."""


def net(seed: int = 0, *more: nn.Module) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 4), *more)


def module(model: nn.Module, **options: Any) -> ModuleTarget:
    return ModuleTarget("t", IMAGE, model, **options)


def pair(name: str) -> Callable[[Callable[[int], Any]], Callable[[int], Any]]:
    """Register what makes two targets."""

    def add(make: Callable[[int], Any]) -> Callable[[int], Any]:
        def target(which: int) -> Any:
            made = make(which)
            return module(made) if isinstance(made, nn.Module) else made

        PAIRS[name] = target
        return make

    return add


def weights(name: str, make: Callable[[int], nn.Module]) -> None:
    pair(name)(make)


class Holder(nn.Module):
    """Anything as a plain attribute."""

    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            setattr(self, name, value)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class Buffered(nn.Module):
    def __init__(self, value: Tensor, *, persistent: bool = True) -> None:
        super().__init__()
        self.register_buffer("table", value, persistent=persistent)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


weights("float32", net)
for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.complex64):
    weights(f"weights {dtype}", lambda which, dtype=dtype: net(which).to(dtype))  # type: ignore[misc]
for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.int8, torch.uint8, torch.int64, torch.bool):
    weights(f"buffer {dtype}", lambda which, dtype=dtype: Buffered(torch.tensor([1.0, which]).to(dtype)))  # type: ignore[misc]
weights("shape", lambda which: Buffered(torch.ones((2, 3) if which else (3, 2))))
weights("dtype of zeros", lambda which: Buffered(torch.zeros(2, dtype=torch.int32 if which else torch.float32)))
weights("non-persistent buffer", lambda which: Buffered(torch.tensor([float(which)]), persistent=False))
weights("sparse buffer", lambda which: Buffered(torch.tensor([[0.0, which + 1.0]]).to_sparse()))
weights(
    "quantised buffer", lambda which: Buffered(torch.quantize_per_tensor(torch.ones(2), 0.5 + which, 0, torch.qint8))
)


@pair("dynamically quantised linear")
def _(which: int) -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(net(which).eval(), {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-any-return]


@pair("dynamically quantised LSTM")
def _(which: int) -> nn.Module:
    torch.manual_seed(which)
    return torch.ao.quantization.quantize_dynamic(Holder(cell=nn.LSTM(4, 4)).eval(), {nn.LSTM}, dtype=torch.qint8)  # type: ignore[no-any-return]


class Extra(Holder):
    def get_extra_state(self) -> dict[str, Any]:
        return {"s": self.s}

    def set_extra_state(self, state: Any) -> None: ...


pair("extra state")(lambda which: Extra(s=which))
pair("plain number")(lambda which: Holder(scale=float(which)))
pair("plain tensor")(lambda which: Holder(table=torch.full((4,), float(which))))
pair("plain array")(lambda which: Holder(table=np.full(4, float(which))))
pair("array of objects")(lambda which: Holder(table=np.array([None, which], dtype=object)))
pair("list of tensors")(lambda which: Holder(tables=[torch.zeros(1), torch.tensor([float(which)])]))
pair("dictionary of tensors")(lambda which: Holder(tables={"a": torch.tensor([float(which)])}))
pair("order of a dictionary")(lambda which: Holder(names={"a": 1, "b": 2} if which else {"b": 2, "a": 1}))
pair("set of words")(lambda which: Holder(words={"one", "two", "three", str(which)}))
pair("frozen set of tuples")(lambda which: Holder(words=frozenset({("a", 1), ("b", which)})))
pair("text")(lambda which: Holder(mode=f"mode {which}"))
pair("negative zero")(lambda which: Holder(bias=-0.0 if which else 0.0))
pair("whole or true")(lambda which: Holder(bias=True if which else 1))
pair("list or tuple")(lambda which: Holder(sizes=[1, 2] if which else (1, 2)))
pair("pattern")(lambda which: Holder(pattern=re.compile("a" if which else "b")))
pair("range")(lambda which: Holder(steps=range(3 + which)))
pair("bytes")(lambda which: Holder(data=bytes([which])))
pair("deque")(lambda which: Holder(queue=collections.deque([1, which])))
pair("default dictionary")(lambda which: Holder(table=collections.defaultdict(float if which else int)))
pair("dtype attribute")(lambda which: Holder(kind=torch.float16 if which else torch.float32))
pair("seeded NumPy generator")(lambda which: Holder(rng=np.random.default_rng(which)))
pair("seeded torch generator")(lambda which: Holder(rng=torch.Generator().manual_seed(which)))
pair("activation, same weights")(lambda which: net(0, nn.Tanh() if which else nn.ReLU()))
pair("probability of dropout")(lambda which: net(0, nn.Dropout(0.5 if which else 0.1)))
pair("epsilon")(lambda which: net(0, nn.LayerNorm(4, eps=1e-3 if which else 1e-5)))
pair("approximation")(lambda which: net(0, nn.GELU(approximate="tanh" if which else "none")))
pair("stride")(lambda which: (torch.manual_seed(0), nn.Conv2d(1, 1, 1, stride=1 + which))[1])
pair("padding mode")(
    lambda which: (torch.manual_seed(0), nn.Conv2d(1, 1, 3, padding=1, padding_mode="zeros" if which else "circular"))[
        1
    ]
)
pair("up-sampling")(lambda which: nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest" if which else "bilinear")))
pair("order of layers")(lambda which: nn.Sequential(*[nn.Tanh(), nn.ReLU()][:: -1 if which else 1]))
pair("axis")(lambda which: nn.Sequential(nn.Softmax(dim=1 + which)))


class Kind(enum.Enum):
    FAST = 1
    SLOW = 2


@dataclasses.dataclass
class Config:
    width: int = 1
    names: tuple[str, ...] = ()


class Slotted:
    __slots__ = ("gain",)

    def __init__(self, gain: float) -> None:
        self.gain = gain


class Words(dict[str, int]):
    pass


pair("enumeration")(lambda which: Holder(kind=Kind.SLOW if which else Kind.FAST))
pair("configuration object")(lambda which: Holder(config=Config(which)))
pair("object with slots")(lambda which: Holder(part=Slotted(which)))
pair("dictionary of a class of its own")(lambda which: Holder(words=Words(a=which)))
pair("namespace")(lambda which: Holder(args=types.SimpleNamespace(lr=which)))


class Circle:
    def __init__(self, number: int) -> None:
        self.me, self.number, self.lock = self, number, threading.Lock()


pair("object that holds itself")(lambda which: Holder(part=Circle(which)))


class Plus(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


class Minus(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - 1


class Ratio(nn.Module):
    ratio: ClassVar[float] = 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * self.ratio


pair("code of a part")(lambda which: net(0, Minus() if which else Plus()))
pair("attribute of a class")(lambda which: net(0, type("Ratio", (Ratio,), {"ratio": float(which)})()))


@pair("code of a class of one name")
def _(which: int) -> nn.Module:
    space: dict[str, Any] = {"nn": nn}
    exec(f"class Net(nn.Module):\n    def forward(self, x): return x.flatten(1) * {which}\n", space)
    return space["Net"]()  # type: ignore[no-any-return]


@pair("code of a base class")
def _(which: int) -> nn.Module:
    base = type("Base", (nn.Module,), {"forward": Minus.forward if which else Plus.forward})
    return type("Net", (base,), {})()  # type: ignore[no-any-return]


@pair("forward put in place later")
def _(which: int) -> nn.Module:
    model = net()
    forward = model.forward
    model.forward = lambda x: forward(x) * (1 + which)  # type: ignore[method-assign]
    return model


@pair("hook of the user's own")
def _(which: int) -> nn.Module:
    model = net()
    model.register_forward_hook(lambda part, given, answer: answer * (1 + which))
    return model


@pair("hook before")
def _(which: int) -> nn.Module:
    model = net()
    model.register_forward_pre_hook(lambda part, given: given[0] * (1 + which))
    return model


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


@pair("parametrisation")
def _(which: int) -> nn.Module:
    model = net()
    parametrize.register_parametrization(model[1], "weight", Scaled(1 + which), unsafe=True)
    return model


@pair("weight norm by parametrisation")
def _(which: int) -> nn.Module:
    model = net()
    parametrizations.weight_norm(model[1], dim=which)
    return model


pair("old weight norm")(lambda which: nn.Sequential(nn.utils.weight_norm(net()[1], dim=which)))  # type: ignore[arg-type]
pair("training mode")(lambda which: module(net(0, nn.Dropout()).train(bool(which)), train_mode=True))


class Lot(nn.Module):
    def __init__(self, which: int) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        for part in (self.a, self.b):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
        self.used = self.b if which else self.a
        self.used.weight.data[0] = 3.0
        if which:
            self.a, self.b = self.b, self.a

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x.flatten(1)[:, :2])  # type: ignore[no-any-return]


for form, make in {
    "script": torch.jit.script,
    "frozen script": lambda model: torch.jit.freeze(torch.jit.script(model)),
    "trace": lambda model: torch.jit.trace(model, torch.zeros(2, 1, 4, 4)),
    "graph": torch.fx.symbolic_trace,
    "parallel": nn.DataParallel,
}.items():
    pair(f"{form}, weights")(lambda which, make=make: make(net(which).eval()))  # type: ignore[misc]
    pair(f"{form}, activation")(lambda which, make=make: make(net(0, nn.Tanh() if which else nn.ReLU()).eval()))  # type: ignore[misc]
pair("script inside")(lambda which: Holder(part=torch.jit.script(net(which).eval())))

# What stands before the model


class Centre:
    def __init__(self, mean: float) -> None:
        self.mean = mean

    def __call__(self, x: Tensor) -> Tensor:
        return x - self.mean

    def twice(self, x: Tensor) -> Tensor:
        return x - self.mean * 2

    def other(self, x: Tensor) -> Tensor:
        return x - self.mean * 3


def closed(mean: Any) -> Callable[[Tensor], Tensor]:
    def centre(x: Tensor) -> Tensor:
        return x - mean

    return centre


def deep(mean: float) -> Callable[[Tensor], Tensor]:
    inner = closed(mean)
    return lambda x: inner(x)


def minus(x: Tensor, mean: float) -> Tensor:
    return x - mean


def with_default(value: float) -> Callable[[Tensor], Tensor]:
    return lambda x, value=value: x - value


def with_keyword(value: float) -> Callable[[Tensor], Tensor]:
    def centre(x: Tensor, *, by: float = value) -> Tensor:
        return x - by

    return centre


def decorated(value: float) -> Callable[[Tensor], Tensor]:
    inner = closed(value)

    @functools.wraps(inner)
    def outer(x: Tensor) -> Tensor:
        return inner(x)

    return outer


def with_attribute(value: float) -> Callable[[Tensor], Tensor]:
    def centre(x: Tensor) -> Tensor:
        return x - centre.mean  # type: ignore[attr-defined, no-any-return]

    centre.mean = value  # type: ignore[attr-defined]
    return centre


def from_text(text: str) -> Any:
    """The function `f` that the text defines, in a namespace of its own."""
    space: dict[str, Any] = {"__name__": "looked_up"}
    exec(text, space)
    return space["f"]


TWO = [lambda x: x * 2, lambda x: x * 3]

CALLABLES: dict[str, Callable[[int], Any]] = {
    "object": Centre,
    "bound method": lambda which: Centre(which).twice,
    "another method of one object": lambda which: Centre(1).other if which else Centre(1).twice,
    "closure": closed,
    "closure over a tensor": lambda which: closed(torch.tensor(float(which))),
    "closure over an array": lambda which: closed(np.float32(which)),
    "closure of a closure": deep,
    "partial": lambda which: functools.partial(minus, mean=which),
    "partial of a partial": lambda which: functools.partial(functools.partial(minus), mean=which),
    "default": with_default,
    "keyword default": with_keyword,
    "decorated": decorated,
    "attribute of a function": with_attribute,
    "lambda on the same line": lambda which: TWO[which],
    "constant": lambda which: from_text(f"def f(x): return x * {which}"),
    "operator": lambda which: from_text(f"def f(x): return x {'*' if which else '+'} 2"),
    "name of a method": lambda which: from_text(f"def f(x): return x.{'sin' if which else 'cos'}()"),
    "set of constants": lambda which: from_text(f"def f(x): return x if 'a' in {{'a', 'b', 'c{which}'}} else -x"),
    "global constant": lambda which: from_text(f"MEAN = {which}\ndef f(x): return x - MEAN"),
    "global table": lambda which: from_text(f"T = [None, {{'a': {which}}}]\ndef f(x): return x - T[1]['a']"),
    "global function": lambda which: from_text(f"def g(x): return x - {which}\ndef f(x): return g(x)"),
    "global of a global function": lambda which: from_text(
        f"M = {which}\ndef g(x): return x - M\ndef f(x): return g(x)"
    ),
    "global class": lambda which: from_text(
        f"class G:\n def go(self, x): return x - {which}\ndef f(x): return G().go(x)"
    ),
    "function inside": lambda which: from_text(f"def f(x):\n def g(y): return y - {which}\n return g(x)"),
    "cached": lambda which: functools.lru_cache(closed(which)),
    "item getter": operator.itemgetter,
    "no_grad around it": lambda which: torch.no_grad()(closed(which)),
    "script function": lambda which: torch.jit.script(torch_plus if which else torch_minus),
    "module": lambda which: net(which),
    "static method": lambda which: type("S", (), {"f": staticmethod(closed(which))}).f,  # type: ignore[attr-defined]
    "class method": lambda which: type("S", (), {"m": which, "f": classmethod(lambda kind, x: x - kind.m)}).f,  # type: ignore[attr-defined]
    "class": lambda which: type("S", (), {"__new__": lambda kind, x: x - which}),
}


def torch_plus(x: Tensor) -> Tensor:
    return x + 1


def torch_minus(x: Tensor) -> Tensor:
    return x - 1


for name, build in CALLABLES.items():
    pair(f"preprocess: {name}")(lambda which, build=build: module(net(), preprocess=build(which)))  # type: ignore[misc]
    pair(f"function: {name}")(lambda which, build=build: CallableTarget("t", IMAGE, build(which)))  # type: ignore[misc]

# What else decides the answer
pair("labels")(lambda which: module(net(), labels=["a", "b", "c", f"d{which}"]))
pair("size")(lambda which: ModuleTarget("t", Image(size=(4, 4 + which)), net()))
pair("range")(lambda which: ModuleTarget("t", Image(size=(4, 4), range=(0.0, 1.0 + which)), net()))
pair("arrays or tensors")(lambda which: CallableTarget("t", IMAGE, minus, numpy=bool(which)))
pair("version")(lambda which: CallableTarget("t", IMAGE, minus, version=str(which)))
pair("function of one input")(lambda which: CallableTarget("t", Text(), per_item(closed(which))))


def copies() -> dict[str, tuple[Any, Any]]:
    """Pairs that are the same although they look apart."""
    lazy = Holder(lock=threading.Lock(), logger=None)
    named = net()
    return {
        "a deep copy": (module(net()), module(copy.deepcopy(net()))),
        "another name": (ModuleTarget("a", IMAGE, net()), ModuleTarget("b", IMAGE, net())),
        "with gradients asked for or not": (module(named), module(copy.deepcopy(named).requires_grad_(False))),
        "in training mode or not": (module(net().train()), module(net().eval())),
        "locks": (module(lazy), module(Holder(lock=threading.Lock(), logger=None))),
        "other lines": (
            CallableTarget("t", IMAGE, from_text("def f(x): return x * 2")),
            CallableTarget("t", IMAGE, from_text("\n\n# a comment\ndef f(x):\n    return x * 2\n")),
        ),
        "order of attributes": (module(Holder(a=1, b=2)), module(Holder(b=2, a=1))),
        "another layout in memory": (
            module(Buffered(torch.arange(6.0).reshape(2, 3))),
            module(Buffered(torch.arange(6.0).reshape(2, 3).T.contiguous().T)),
        ),
    }


UNREADABLE: dict[str, Callable[[], Any]] = {
    "unseeded NumPy generator": lambda: module(Holder(rng=np.random.default_rng())),
    "Python's generator": lambda: module(Holder(rng=random.Random())),
    "generator function": lambda: module(Holder(items=(at for at in range(3)))),
    "file": lambda: module(Holder(file=sys.__stdin__)),
    "lazy layer": lambda: module(nn.Sequential(nn.Flatten(), nn.LazyLinear(3))),
    "meta tensor": lambda: CallableTarget("t", IMAGE, closed(torch.ones(2, device="meta"))),
    "what it reads": lambda: CallableTarget(
        "t", IMAGE, from_text("import numpy as np\ndef f(x): return np.load('m.npy')")
    ),
    "another program": lambda: CallableTarget(
        "t", IMAGE, from_text("import subprocess\ndef f(x): return subprocess.run(x)")
    ),
    "extra state that raises": lambda: module(Extra()),
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    import json

    found = {name: [make(0).digest, make(1).digest] for name, make in PAIRS.items()}
    found |= {name: [one.digest for one in both] for name, both in copies().items()}
    print(json.dumps(found))
