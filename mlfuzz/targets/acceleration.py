"""How a module is run faster at the price of its last bits: precision, memory format, compilation."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from mlfuzz.errors import ConfigError, TargetError, suggestion
from mlfuzz.targets.portions import compiled_parts

TF32, BF16, CHANNELS_LAST, COMPILE = "tf32", "bf16", "channels-last", "compile"
PRECISIONS = (TF32, BF16)
HALF = (torch.bfloat16, torch.float16)
IMAGE_DIMS = 4


@dataclass(frozen=True, slots=True)
class Acceleration:
    """precision: "tf32" (matrices and convolutions of a CUDA GPU), "bf16" (under torch's autocast), or "" for float32
    throughout. channels_last: pictures (B, C, H, W) are laid out with their channels last. compile: torch.compile.

    Raises ConfigError for another precision.
    """

    precision: str = ""
    channels_last: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.precision and self.precision not in PRECISIONS:
            raise ConfigError(
                f"precision={self.precision!r} is none; known: {', '.join(PRECISIONS)}"
                f"{suggestion(self.precision, PRECISIONS)}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of what is on."""
        switches = ((CHANNELS_LAST, self.channels_last), (COMPILE, self.compile))
        return (*([self.precision] if self.precision else []), *(name for name, on in switches if on))

    def only(self, name: str) -> Acceleration:
        """With that one alone, of those that are on; "" for none."""
        return Acceleration(self.precision if self.precision == name else "", name == CHANNELS_LAST, name == COMPILE)

    def with_declared(self, given: Mapping[str, str]) -> Acceleration:
        """With what a configuration declares in place of it."""
        return replace(
            self,
            precision=given.get("precision") or self.precision,
            channels_last=self.channels_last or CHANNELS_LAST in given,
            compile=self.compile or COMPILE in given,
        )


def written(name: str) -> str:
    """An option as the configuration has it."""
    return f'precision = "{name}"' if name in PRECISIONS else f"{name} = true"


class Accelerator:
    """Calls a module as its options say; `only` some of them for a while."""

    def __init__(self, target: str, options: Acceleration) -> None:
        self.target, self.options = target, options
        self.now = options
        self._inputs_seen = False

    def fitted(self, model: nn.Module) -> nn.Module:
        """What is called in place of the module. Raises ConfigError where it cannot be compiled."""
        if not self.options.compile:
            return model
        if isinstance(model, torch.jit.ScriptModule):
            raise ConfigError(
                f"target {self.target} is TorchScript, which torch.compile does not take: leave compile out, or hand "
                "over the module that it was made of"
            )
        if compiled_parts(model):
            raise ConfigError(f"target {self.target} is compiled already: leave compile out")
        compiled: nn.Module = torch.compile(model)  # type: ignore[assignment]
        return compiled

    @contextmanager
    def restricted(self, options: Acceleration) -> Iterator[None]:
        """These options alone for a while, which are some of its own."""
        self.now, before = options, self.now
        try:
            yield
        finally:
            self.now = before

    def call(
        self, model: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any], device: torch.device
    ) -> Any:
        """The module's answer, in float32 where it was in half precision.

        Raises what the module raises, and TargetError where an option cannot be had.
        """
        if not self.options.names:
            return model(*arguments, **keywords)
        if self.now.channels_last:
            arguments, keywords = self._laid_out(arguments, dict(keywords))
        with ExitStack() as stack:
            for context in self._contexts(device):
                stack.enter_context(context)
            result = (
                _compiling(self.target, lambda: model(*arguments, **keywords))
                if self.now.compile
                else model(*arguments, **keywords)
            )
        return tree_map(_widened, result) if self.now.precision == BF16 else result

    def _contexts(self, device: torch.device) -> Iterator[AbstractContextManager[Any]]:
        if self.now.precision == BF16:
            yield torch.autocast(device.type, dtype=torch.bfloat16)
        if self.now.precision == TF32 and device.type == "cuda":
            yield _tf32()
        if self.options.compile and not self.now.compile:
            yield torch.compiler.set_stance("force_eager")

    def _laid_out(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if not self._inputs_seen:
            if not any(_is_pictures(value) for value in (*arguments, *keywords.values())):
                raise TargetError(
                    f"target {self.target}: channels-last is for modules that are handed pictures (B, C, H, W), and "
                    "this one is not: leave it out"
                )
            self._inputs_seen = True
        return tuple(map(_last, arguments)), {key: _last(value) for key, value in keywords.items()}


def idle(options: Acceleration, device: torch.device) -> str:
    """What to say of options that change nothing on that device; "" where all do something."""
    if options.precision == TF32 and device.type != "cuda":
        return f'precision = "{TF32}" is for CUDA GPUs and left off on {device.type}: answers are in float32 there'
    return ""


def _compiling(target: str, call: Callable[[], Any]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the compiler, about what it could do better
            return call()
    except Exception as error:
        if not _of_compiler(error):
            raise
        message = (str(error).strip() or "no message").splitlines()[0][:300]
        raise TargetError(
            f"target {target} cannot be compiled: {type(error).__name__}: {message}; torch.compile needs a C++ "
            "compiler on the path (apt install g++; on a GPU triton as well), and a module whose code it can "
            "read; or leave compile out"
        ) from error


def _of_compiler(error: Exception) -> bool:
    dynamo = sys.modules.get("torch._dynamo.exc")
    return dynamo is not None and isinstance(error, dynamo.TorchDynamoException)


def _is_pictures(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == IMAGE_DIMS and value.is_floating_point()


def _last(value: Any) -> Any:
    return value.contiguous(memory_format=torch.channels_last) if _is_pictures(value) else value


def _widened(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.dtype in HALF else value


@contextmanager
def _tf32() -> Iterator[None]:
    places: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = True
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.allow_tf32 = value
