"""Estimators of scikit-learn, or of what answers like them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlfuzz.errors import TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.forms.arrays import Preprocess
from mlfuzz.targets.source import source_of

WAYS = ("predict_proba", "decision_function", "predict")
"""What is asked for, the first that the estimator has."""


def sklearn(
    name: str,
    modality: Modality,
    estimator: Any,
    *,
    preprocess: Preprocess | None = None,
    way: str = "",
    **options: Any,
) -> CallableTarget:
    """A target of a fitted estimator or pipeline; options: as of `CallableTarget`.

    preprocess: natural inputs as NumPy arrays, or a tuple of texts, -> what the estimator takes; without one, texts are
    handed over as a list, and values laid in a row: (B, features). way: "predict_proba", "decision_function" (its
    margins as scores, two classes as two columns) or "predict"; without it the first that the estimator has. Labels are
    its `classes_` unless given. Raises TargetLoadError for what is no estimator.
    """
    asked = Estimator(estimator, preprocess, way)
    options.setdefault("labels", asked.classes if asked.way != "predict" or asked.classes else ())
    return CallableTarget(name, modality, asked, numpy=True, **options)


class Estimator:
    """A batched callable over an estimator: scores (B, classes), names of classes, or numbers."""

    def __init__(self, estimator: Any, preprocess: Preprocess | None, way: str) -> None:
        if isinstance(estimator, str | Path):
            raise TargetLoadError(
                f"{estimator} is a file: load it yourself, and hand over the estimator. Files of joblib and pickle run "
                "whatever they hold when they are loaded: joblib.load(path) only for files that you made"
            )
        known = [one for one in WAYS if hasattr(estimator, one)]
        if not known or (way and way not in known):
            wanted = f"no {way}" if way else f"none of {', '.join(WAYS)}"
            hint = f"; it has {', '.join(known)}" if known else ""
            raise TargetLoadError(f"{type(estimator).__name__} has {wanted}{hint}; hand over a fitted estimator")
        self.way = way or known[0]
        self.classes = tuple(str(one) for one in getattr(estimator, "classes_", ()))
        self.preprocess, self.made_of = preprocess, (estimator, preprocess)
        self._estimator = estimator

    @property
    def identity(self) -> str:
        """What was learnt, by its own printing and its arrays."""
        return f"{self.way}\n{source_of(self.preprocess)}\n{learnt(self._estimator)}"

    def __call__(self, *natural: Any) -> Any:
        given = self.preprocess(*natural) if self.preprocess is not None else _laid_out(natural[0])
        answer = getattr(self._estimator, self.way)(given)
        if self.way == "decision_function":
            return _scores(np.asarray(answer), len(self.classes))
        if self.way == "predict" and self.classes:
            return [str(one) for one in answer]
        return answer


def learnt(part: Any) -> str:
    """A digest of all that an estimator holds: parameters, arrays, and the estimators inside it."""
    import hashlib

    digest = hashlib.sha256()
    _add(part, digest.update, set())
    return digest.hexdigest()


def _add(part: Any, update: Any, seen: set[int]) -> None:
    if id(part) in seen:
        return
    if isinstance(part, np.ndarray):
        update(f"{part.dtype} {part.shape}".encode())
        update(part.tobytes() if part.dtype != object else repr(part.tolist()).encode())
        return
    if isinstance(part, str | bytes | int | float | bool | np.generic | type(None)):
        update(repr(part).encode())
        return
    seen.add(id(part))
    update(type(part).__qualname__.encode())
    if isinstance(part, dict):
        for key in sorted(part, key=repr):
            update(repr(key).encode())
            _add(part[key], update, seen)
    elif isinstance(part, list | tuple):
        for one in part:
            _add(one, update, seen)
    elif callable(part) and hasattr(part, "__qualname__"):
        update(source_of(part).encode())
    else:
        state = part.__getstate__() if hasattr(part, "__getstate__") else vars(part)
        _add(
            state if isinstance(state, dict | list | tuple) else vars(part) if hasattr(part, "__dict__") else (),
            update,
            seen,
        )


def _laid_out(natural: Any) -> Any:
    return natural.reshape(len(natural), -1) if isinstance(natural, np.ndarray) else list(natural)


def _scores(margins: NDArray[Any], classes: int) -> NDArray[Any]:
    """Margins as scores: of two classes one number, the second's, becomes two columns."""
    return np.stack([-margins / 2, margins / 2], axis=1) if margins.ndim == 1 and classes == 2 else margins
