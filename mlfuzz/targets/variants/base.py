"""Other forms of one target, run beside it on the same inputs: bf16, int8, compiled, an older checkpoint."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Protocol, TypeAlias, cast

import torch
from torch import Tensor, nn

from mlfuzz.batch import Rows
from mlfuzz.errors import TargetError, UnknownNameError
from mlfuzz.modality.base import Modality
from mlfuzz.observation import Observation, Output, Ragged
from mlfuzz.registry import Registry
from mlfuzz.targets.digest import SCHEME
from mlfuzz.targets.fixed_batch import in_batches
from mlfuzz.targets.given import GivenTarget
from mlfuzz.targets.modes import evaluated
from mlfuzz.targets.module import ModuleTarget
from mlfuzz.targets.outputs import detached

MAIN, BASE = "main", "base"
"""Outputs of a variant: its own; and what it is to be compared with, where that is not the target's main output."""


class Variant(Protocol):
    """Another form of a target: outputs only.

    name: as it was asked for. digest: of all that decides its answers beside the target's own digest. remedy: what to
    do where it cannot run.
    """

    name: str

    @property
    def digest(self) -> str: ...

    @property
    def remedy(self) -> str: ...

    def answer(self, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        """ "main" (B, ...), and "base" where it has one. seen: what the target itself said. Raises what it raises.

        Gradients flow where the caller has not switched them off.
        """


Factory = Callable[[Any, str], Variant]
"""(target, argument) -> variant; argument: what stands behind the colon of "threads:4", or ""."""

VARIANTS: Registry[Factory] = Registry(
    "variant",
    shipped=(
        "mlfuzz.targets.variants.numeric",
        "mlfuzz.targets.variants.compiled",
        "mlfuzz.targets.variants.batching",
        "mlfuzz.targets.variants.external",
        "mlfuzz.targets.variants.cost",
    ),
)


class Varied:
    """A target, and variants of it that see every batch too: outputs "bf16.main" stand beside "main".

    A variant that raises on a row where the target answers has not answered: its scores are NaN there.
    most: rows of a batch whose cost is measured alone, where that is asked for; None: all.
    """

    def __init__(self, target: Any, variants: Sequence[Variant]) -> None:
        self.target = target
        self.parts = tuple(variants)
        self.most: int | None = None
        self._answered: set[str] = set()

    @property
    def name(self) -> str:
        return str(self.target.name)

    @property
    def modality(self) -> Modality:
        modality: Modality = self.target.modality
        return modality

    @property
    def device(self) -> torch.device:
        device: torch.device = self.target.device
        return device

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.target.labels)

    @property
    def raises(self) -> tuple[type[BaseException], ...]:
        return tuple(self.target.raises)

    @property
    def digest(self) -> str:
        parts = [self.target.digest, *(f"{part.name}={part.digest}" for part in self.parts)]
        return SCHEME + hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def digest_before(self) -> str:
        """By the scheme of campaigns of before."""
        own = [getattr(part, "digest_before", part.digest) for part in self.parts]
        parts = [
            getattr(self.target, "digest_before", self.target.digest),
            *(f"{part.name}={digest}" for part, digest in zip(self.parts, own, strict=True)),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def run(self, rows: Rows) -> Observation:
        """One forward pass of the target and of each variant. Raises what the target raises."""
        size = getattr(self.target, "batch", 0)
        if size and len(rows) != size:
            return in_batches(self.run, rows, size)
        seen: Observation = self.target.run(rows)
        outputs = dict(seen.outputs)
        with torch.no_grad():
            for part in self.parts:
                outputs.update(named(part.name, detached(self._answer(part, rows, seen))))
        return Observation(outputs, seen.activations, seen.seconds, seen.peak_bytes)

    def outputs(self, rows: Rows) -> dict[str, Output]:
        """The same outputs with gradients towards the rows, where target and variants are torch modules."""
        if not isinstance(self.target, ModuleTarget):
            raise TargetError(f"target {self.name}: a function has no gradients; hand over the module itself")
        arguments, keywords = self.target.inputs(rows)
        result = self.target.call(*arguments, **keywords)
        outputs = self.target.answers.read(result, len(rows), self.device)
        seen = Observation(dict(outputs), torch.zeros((len(rows), 0), device=self.device))
        for part in self.parts:
            outputs.update(named(part.name, part.answer(rows, seen)))
        return outputs

    def __getattr__(self, name: str) -> Any:
        if name == "target":  # not there yet: a copy is being made
            raise AttributeError(name)
        return getattr(self.target, name)

    def _answer(self, part: Variant, rows: Rows, seen: Observation) -> Mapping[str, Output]:
        some = getattr(part, "some", None)
        if some is not None:
            return cast(
                Mapping[str, Output], part.answer(rows, seen) if self.most is None else some(rows, seen, self.most)
            )
        try:
            answer = part.answer(rows, seen)
        except (TargetError, KeyboardInterrupt, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # noqa: BLE001  what the system under test raises is data
            return self._row_by_row(part, rows, seen, error)
        self._answered.add(part.name)
        return answer

    def _row_by_row(self, part: Variant, rows: Rows, seen: Observation, error: Exception) -> Mapping[str, Output]:
        """Raises TargetError where a variant that has never answered raises on every row: it cannot run at all."""
        rest = [_alone(part, rows.part(at, at + 1), _row(seen, at)) for at in range(len(rows))]
        good = next((one for one in rest if one is not None), None)
        if good is not None:
            self._answered.add(part.name)
        elif part.name not in self._answered:
            message = f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0][:300]}"
            raise TargetError(
                f"variant {part.name} of target {self.name} cannot run: {message}; {part.remedy}"
            ) from error
        like = dict(seen.outputs) if good is None else {MAIN: good[MAIN]}
        void = no_answer(like[MAIN])
        filled = [one if one is not None else {**(good or {}), MAIN: void} for one in rest]
        joined = [Observation(one, seen.activations[:1, :0]) for one in filled]
        return Observation.join(joined).outputs


AnyTarget: TypeAlias = GivenTarget | Varied
"""What a campaign runs."""


def varied(target: Any, names: Sequence[str]) -> Any:
    """The target with these variants beside it, and no others; the target itself where there are none.

    Variants are built once for a target, and kept on it. Raises UnknownNameError, TargetError with a remedy.
    """
    wanted = list(dict.fromkeys(names))
    target = itself(target)
    if not wanted:
        return target
    built: dict[str, Variant] = target.__dict__.setdefault("_built", {})
    for name in wanted:
        if name not in built:
            built[name] = build(target, name)
            built[name].name = name
    return Varied(target, [built[name] for name in wanted])


def itself(target: Any) -> Any:
    """The target without the variants beside it."""
    return target.target if isinstance(target, Varied) else target


def build(target: Any, name: str) -> Variant:
    """The variant of that name: the target's own, "bf16", "threads:4", or "module:attribute" of another target.

    Raises UnknownNameError, and what building it raises.
    """
    kind, _, argument = name.partition(":")
    if name in getattr(target, "variants", {}):
        return VARIANTS.get("own")(target, name)
    if kind in VARIANTS.names() and kind != "own":
        return VARIANTS.get(kind)(target, argument)
    if argument:
        return VARIANTS.get("checkpoint")(target, name)
    raise UnknownNameError("variant", name, [*getattr(target, "variants", {}), *nameable()])


def nameable() -> list[str]:
    """Names of variants that make sense without a colon; other targets, and meters of cost, are left out."""
    return [name for name in VARIANTS.names() if name not in ("own", "checkpoint") and not name.startswith("cost-")]


def module_of(target: Any, variant: str) -> ModuleTarget:
    """The target as one made of a torch module. Raises TargetError for a function."""
    if not isinstance(target, ModuleTarget):
        raise TargetError(
            f"variant {variant} needs a torch module, and target {target.name} is a function: hand the module over as "
            "mlfuzz.ModuleTarget, or name another target to compare with (module:attribute)"
        )
    return target


def bare_copy(target: ModuleTarget, variant: str) -> nn.Module:
    """A copy of the module, evaluating as the target does. Raises TargetError where it cannot be copied."""
    try:
        with torch.no_grad():  # else a copy of TorchScript has a history that leads back to the original
            copy = deepcopy(target.given)  # as it was handed over: not run faster
    except Exception as error:
        raise TargetError(
            f"variant {variant}: the module of target {target.name} cannot be copied ({type(error).__name__}: {error});"
            f' hand the other form over yourself: ModuleTarget(..., variants={{"{variant}": module}})'
        ) from error
    if not target.train_mode:
        evaluated(copy)
    for parameter in copy.parameters():  # TorchScript has no requires_grad_()
        parameter.requires_grad_(False)
    return copy


def plain(result: Any, batch: int, target: Any) -> Output:
    """The main output of what a module gave, in float32 where it was in half precision."""
    main = target.answers.read(result, batch, target.device)[MAIN]
    if isinstance(main, Ragged):
        return Ragged(main.values.float() if main.values.is_floating_point() else main.values, main.lengths)
    return main.float() if isinstance(main, Tensor) else main


def named(variant: str, answer: Mapping[str, Output]) -> dict[str, Output]:
    """ "main" -> "bf16.main"."""
    return {f"{variant}.{key}": output for key, output in answer.items()}


def no_answer(like: Output) -> Output:
    """One row that says nothing, of the kind and shape of another's."""
    if isinstance(like, Tensor):
        return torch.full_like(like[:1], torch.nan)
    if isinstance(like, Ragged):
        return Ragged(like.values[:1] * 0, like.lengths[:1] * 0)
    return ("(no answer)",)


def quiet(function: Callable[[], Any]) -> Any:
    """Call it with libraries' warnings switched off: what it is used for is known to be deprecated or experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function()


def _alone(part: Variant, rows: Rows, seen: Observation) -> Mapping[str, Output] | None:
    try:
        return part.answer(rows, seen)
    except (TargetError, KeyboardInterrupt, torch.OutOfMemoryError):
        raise
    except Exception:  # noqa: BLE001  what the system under test raises is data
        return None


def _row(seen: Observation, at: int) -> Observation:
    index = torch.tensor([at])
    return seen.take(index.numpy())
