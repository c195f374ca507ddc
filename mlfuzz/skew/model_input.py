"""What a model is called with for the bytes of a file: by its own decoder and preprocessing; what must hold of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mlfuzz.errors import BadInputError, ConfigError
from mlfuzz.skew import pictures, sounds, texts
from mlfuzz.skew.difference import difference, parts
from mlfuzz.skew.failures import NotFinite, OtherShape, OtherType, OutOfRange, Skew, Unsteady

KINDS: Mapping[str, ModuleType] = {"image": pictures, "audio": sounds, "text": texts}

BLACK_BOXES = ("mlfuzz.targets.forms.commands", "mlfuzz.targets.forms.services")
"""Forms of targets that prepare their inputs where nobody sees it."""

Prepare = Callable[[Any], Any]
Check = Callable[["One"], None]


def of_target(
    load: str, *, project: Path | str = ".", decode: str = "", span: float = 1.0, refuses: Sequence[str] = ()
) -> ModelInput:
    """The path from bytes to model input of a target, "module:attribute" or "file.py:attribute".

    decode: "module:function", from the bytes of a file to one input as the target's preprocessing takes it in a batch:
    (C, H, W), (C, T) or a text; without it, mlfuzz's decoding of seeds. span: what the numbers of an input range over.
    refuses: exceptions by which the decoder says "no input", by name: "wave.Error".
    Raises TargetLoadError, ConfigError for a target that prepares its inputs where nobody sees it.
    """
    from mlfuzz.targets.load import load as loaded
    from mlfuzz.targets.load import load_attribute

    target = loaded(load, directory=Path(project))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # a process with more threads cannot be forked
    own = load_attribute(decode, directory=Path(project)) if decode else None
    return ModelInput(target, own, span, named_exceptions(refuses))


def named_exceptions(names: Sequence[str]) -> tuple[type[BaseException], ...]:
    """Of "OSError" or "wave.Error". Raises ConfigError for a name that is none."""
    found = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        kind = getattr(importlib.import_module(module or "builtins"), attribute, None)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ConfigError(f"{name} is no exception; remove it, or name it by its module: wave.Error")
        found.append(kind)
    return tuple(found)


class ModelInput:
    """target: loaded. decode: a function of bytes, or None for mlfuzz's own.

    kind: "image", "audio" or "text". refuses: exceptions that say "no input". prepared: whether the target has a
    preprocessing of its own.
    """

    def __init__(
        self, target: Any, decode: Callable[[bytes], Any] | None = None, span: float = 1.0,
        refuses: Sequence[type[BaseException]] = (),
    ) -> None:  # fmt: skip
        self.target, self.span, self._decode = target, span, decode
        self.refuses: tuple[type[BaseException], ...] = (BadInputError, *target.raises, *refuses)
        self.kind = str(target.modality.name)
        if self.kind not in KINDS:
            known = ", ".join(KINDS)
            raise ConfigError(f"target {target.name} takes {self.kind}; forms of one content are known of {known}")
        self._prepare, self.prepared = _preparing(target)

    @property
    def forms(self) -> Mapping[str, tuple[str, Any]]:
        """Ways to write one content: name -> words, and what gives the two files."""
        found: Mapping[str, tuple[str, Any]] = KINDS[self.kind].FORMS
        mixing = self.kind == "audio" and self.target.modality.channels != 1
        whole = {name: form for name, form in found.items() if not (mixing and name in ("swapped", "doubled"))}
        bare = self.kind == "text" and self._decode is None  # mlfuzz hands every character of a file over
        return {name: form for name, form in whole.items() if not (bare and name in ("bom", "utf16"))}

    def decoded(self, data: bytes) -> Any:
        """One input as the target is handed it in a batch. Raises BadInputError, and what the target's decoder does."""
        return self.target.modality.decode(data) if self._decode is None else self._decode(data)

    def __call__(self, data: bytes) -> Any:
        """What the model is called with for that file alone."""
        return self._prepare(self._rows(self.decoded(data)))

    def of(self, data: bytes) -> One:
        """What is written in that file, to be checked. Raises BadInputError for what is no input."""
        return One(self, data)

    def answer(self, data: bytes) -> str:
        """What the model says to a file: a label; "" where it cannot be asked."""
        return self.says(self.decoded(data))

    def says(self, payload: Any) -> str:
        """What the model says to one input, as a decoder gives it; "" where it cannot be asked."""
        try:
            seen = self.target.run(self._rows(payload))
            output = seen.outputs["main"]
            if isinstance(output, tuple):
                return str(output[0])[:80]
            outputs = np.asarray(seen.main.detach().cpu().float())[0]
        except Exception:  # noqa: BLE001 - whatever the model raises, it is the preprocessing that is looked at
            return ""
        if outputs.ndim != 1 or not np.isfinite(outputs).all():
            return ""
        labels = self.target.labels
        best = int(outputs.argmax())
        return str(labels[best]) if len(labels) == len(outputs) else str(best) if len(outputs) > 1 else ""

    def _rows(self, payload: Any) -> Any:
        from mlfuzz.batch import from_payloads

        modality = self.target.modality
        if not isinstance(payload, str):
            payload = _stored(payload, modality)
        return from_payloads([payload], modality, self.target.device)


class One:
    """What is written in one file. data: as it came. content: pixels, samples or the text, as mlfuzz reads them."""

    def __init__(self, path: ModelInput, data: bytes) -> None:
        self.path, self.data = path, data
        self.kind = KINDS[path.kind]
        self.content = self.kind.content(data)
        self.parts = parts(path(data))

    def in_turn(self, checks: Sequence[Check], most: int) -> Sequence[Check]:
        """So many of the checks, others for other contents: one that always fails does not hide the others."""
        first = self.kind.turn(self.content) % len(checks) if checks else 0
        return [*checks[first:], *checks[:first]][:most]

    def finite(self) -> None:
        """No NaN and no infinity."""
        for name, part in self.parts.items():
            if isinstance(part, str) or part.dtype.kind not in "fc" or np.isfinite(part).all():
                continue
            other = ~np.isfinite(part)
            place = [int(one) for one in np.unravel_index(int(other.argmax()), part.shape)]
            raise NotFinite(
                f"{name}{place or ''} is {part[tuple(place)]}; {int(other.sum()):,} of {part.size:,} values"
            )

    def shaped(self, shapes: Mapping[str, Sequence[int | None]]) -> None:
        """Each part has its shape; None: any."""
        if set(shapes) != set(self.parts):
            raise OtherShape(f"parts {', '.join(self.parts)} where {', '.join(shapes)} are due")
        for name, due in shapes.items():
            have = () if isinstance(part := self.parts[name], str) else part.shape
            fits = len(have) == len(due) and all(one in (None, size) for one, size in zip(due, have, strict=True))
            if not fits:
                raise OtherShape(f"{name} has shape {list(have)} where {list(due)} is due")

    def typed(self, types: Mapping[str, str]) -> None:
        """Each part is of its type."""
        for name, due in types.items():
            part = self.parts.get(name, "")
            have = "str" if isinstance(part, str) else str(part.dtype)
            if have != due:
                raise OtherType(f"{name} is of {have} where {due} is due")

    def within(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Numbers lie in their range, or beyond it by less than it is wide: seeds do not show its very ends."""
        for name, (low, high) in ranges.items():
            part = self.parts.get(name, "")
            if isinstance(part, str) or not part.size or part.dtype.kind not in "fiu":
                continue
            seen, room = part.astype(np.float64), max(high - low, 1e-6)
            for extreme, beyond in ((float(seen.max()), seen.max() - high), (float(seen.min()), low - seen.min())):
                if beyond > room:
                    at = int(seen.argmax() if extreme > high else seen.argmin())
                    place = [int(one) for one in np.unravel_index(at, seen.shape)]
                    raise OutOfRange(
                        f"{name}{place or ''} is {extreme:.6g} where natural inputs lie from {low:.6g} to {high:.6g}: "
                        f"{beyond / room * 100:.3g} % of the range beyond it"
                    )

    def steady(self, tolerance: float = 0.0) -> None:
        """The same bytes twice are the same input."""
        found = difference(self.parts, self.path(self.data), tolerance=tolerance, span=self.path.span)
        if found is not None:
            raise Unsteady(f"the same file twice: {found.words}")

    def same(self, form: str, tolerance: float = 0.0) -> None:
        """The content written in that form is the same input as written plainly.

        What a target refuses to read in that form (BadInputError, or what it declares in `raises`) is no difference.
        """
        words, write = self.path.forms[form]
        written, plain = write(self.content)
        try:
            due, got = self.path(plain), self.path(written)
        except self.path.refuses:
            return
        found = difference(due, got, tolerance=tolerance, span=self.path.span)
        if found is None:
            return
        before, after = self.path.answer(plain), self.path.answer(written)
        changes = f"; the answer changes from {before} to {after}" if before != after else ""
        failure = Skew if found.fits else OtherShape
        raise failure(f"{words}: {found.words}{changes}")


def _stored(payload: Any, modality: Any) -> Any:
    """What a decoder of the target's own gives, as an array of that modality."""
    from mlfuzz.modality.base import full_scale, stored_dtype

    array = payload.detach().cpu().numpy() if hasattr(payload, "detach") else np.asarray(payload)
    dtype = stored_dtype(modality)
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "f" and dtype.kind in "iu":
        if not np.isfinite(array).all():
            raise BadInputError("not finite", "the decoder gives NaN or infinity")
        low, high = getattr(modality, "range", (modality.low, modality.high))
        unit = (array - low) / (high - low) if (low, high) != (modality.low, modality.high) else array
        info = np.iinfo(dtype)
        return np.clip(np.rint(unit * full_scale(modality)), info.min, info.max).astype(dtype)
    if dtype.kind == "f" and array.dtype.kind == "u":
        return (array / 255).astype(dtype)
    return array.astype(dtype)


def _preparing(target: Any) -> tuple[Prepare, bool]:
    """From rows of one input to the model input, and whether the target prepares anything itself.

    Raises ConfigError for what prepares its inputs in another process.
    """
    if hasattr(target, "inputs"):
        return (lambda rows: _called(*target.inputs(rows))), getattr(target, "preprocess", None) is not None
    function = getattr(target, "function", None)
    if type(function).__module__ in BLACK_BOXES:
        raise ConfigError(
            f"target {target.name} prepares its inputs in another process, where nobody sees it; name the function "
            "that does, in Python: mlfuzz harness new NAME --compare module:function module:function"
        )
    preprocess = getattr(function, "preprocess", None)
    steps = _steps(function)
    if preprocess is None and steps is None:
        return (lambda rows: _handed(target, rows)), False

    def prepare(rows: Any) -> Any:
        handed = _handed(target, rows)
        given = preprocess(*handed) if preprocess is not None else _for_estimator(handed[0])
        return steps.transform(given) if steps is not None else given

    return prepare, True


def _steps(function: Any) -> Any:
    """Of a pipeline of scikit-learn, what comes before its last step."""
    estimator: Any = (getattr(function, "made_of", None) or (None,))[0]
    return estimator[:-1] if len(getattr(estimator, "steps", ())) > 1 else None


def _for_estimator(natural: Any) -> Any:
    return list(natural) if isinstance(natural, tuple) else natural.reshape(len(natural), -1)


def _called(arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
    return {**{str(number): one for number, one in enumerate(arguments)}, **keywords} if keywords else arguments


def _handed(target: Any, rows: Any) -> tuple[Any, ...]:
    """As the target's function is handed it."""
    from mlfuzz.targets.inputs import natural_inputs

    handed = natural_inputs(rows, target.modality, shield=True)
    if not getattr(target, "_numpy", False):
        return handed
    return tuple(one.cpu().numpy() if hasattr(one, "cpu") else one for one in handed)
