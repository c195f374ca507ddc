"""What a model gave, as outputs by name: tensors, texts or ragged sequences, one answer an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from mlfuzz.errors import AnswerError
from mlfuzz.observation import Output, Ragged
from mlfuzz.targets.parts import MAIN, Again, Chosen, Taken, described, learn, opened, parts_of, rows_in, unpacked
from mlfuzz.targets.source import source_of
from mlfuzz.targets.thresholds import LOGIT, PROBABILITY, threshold_of
from mlfuzz.tasks.infer import Inferred, infer
from mlfuzz.tasks.task import Form, Task

FEW_RUNS = 8
"""Runs in which it is looked whether what was taken for probabilities are some: on a device looking makes it wait."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What main outputs are like in any batch. dims: of a tensor, -1 where they vary. classes: columns, where each is
    a label's; else 0."""

    texts: bool
    dims: int
    classes: int

    @classmethod
    def of(cls, main: Output, labels: int) -> Pattern:
        """labels: how many the target names."""
        if not isinstance(main, Tensor):
            return cls(isinstance(main, tuple), -1, 0)
        scores = main.dim() == 2 and main.shape[1] == labels
        return cls(False, main.dim(), labels if scores else 0)

    def check(self, main: Output, name: str) -> None:
        """Raises AnswerError for an output that cannot stand beside those before."""
        if self.texts != isinstance(main, tuple):
            words = ("texts", "numbers") if self.texts else ("numbers", "texts")
            raise AnswerError(f"target {name}: its answers were {words[0]} before, and are {words[1]} now")
        if not isinstance(main, Tensor) or self.dims < 0:
            return
        if main.dim() != self.dims:
            raise AnswerError(
                f"target {name}: an answer had {self.dims - 1} axes before, and has {main.dim() - 1} now:"
                f" {tuple(main.shape[1:])}"
            )
        if self.classes and main.shape[1] != self.classes:
            raise AnswerError(f"target {name}: it gave {self.classes} scores before, one a label; now {main.shape[1]}")


class Answers:
    """How one target's answers are read: learnt in its first run, the same in any batch from then on.

    output, task: as the target declares them. taken: see `Taken`; inferred: the task, and why, once something was
    answered. threshold: of one number with two sides, or one a label: above it, it says yes.
    """

    def __init__(self, name: str, labels: Sequence[str], *, output: Chosen | None, task: Task | None) -> None:
        self.name, self.labels, self.output, self.declared = name, tuple(labels), output, task
        self.taken = Taken()
        self.inferred = Inferred(task)
        self.threshold: float | None = None
        self.lost_axis = False
        self.guessed = False
        self._pattern: Pattern | None = None
        self._runs = 0

    @property
    def task(self) -> Task | None:
        """Declared, or inferred from the first answer; None before it."""
        return self.inferred.task

    @property
    def described(self) -> tuple[str, ...]:
        """What is declared, for a digest; () where nothing is: targets of before keep theirs."""
        output = source_of(self.output) if callable(self.output) else self.output
        given = [f"output={output}"] if self.output not in (None, "") else []
        return (*given, *([f"task={self.declared.describe()}"] if self.declared else []))

    def learn(self, result: Any, batch: int, again: Again, device: torch.device, graph: Callable[[], Any]) -> None:
        """The first run: which part is judged, and as what. graph: the same answer with its history, if it has one."""
        self.taken = learn(result, batch, again, output=self.output, name=self.name)
        main, _ = opened(result, self.taken, self.output, self.name)
        output = self._main(main, batch, device)
        self.inferred = infer(self.declared, form_of(output), len(self.labels), names=tuple(parts_of(result) or ()))
        task = self.task
        if task is None or not isinstance(output, Tensor):
            return

        def traced() -> Any:
            return opened(graph(), self.taken, self.output, self.name)[0]

        if "threshold" in task.options:
            self._find_threshold(task, output, traced)
        elif task.name == "classes" and self.inferred.advice and threshold_of(output, traced) == (LOGIT, False):
            self.inferred = replace(self.inferred, advice="")  # logits that lie between 0 and 1 by chance

    def read(self, result: Any, batch: int, device: torch.device) -> dict[str, Output]:
        """What a model gave -> outputs by name, "main" first. Raises AnswerError where it does not fit the batch."""
        main, beside = opened(result, self.taken, self.output, self.name)
        output = self._main(main, batch, device)
        if self.guessed and isinstance(output, Tensor):
            self._look(output)
        outputs = {MAIN: self._sides(output)}
        for key, value in beside.items():
            outputs[key] = self._one(value, batch, device)
        return outputs

    def check(self, outputs: Mapping[str, Output]) -> None:
        """Raises AnswerError for a main output that cannot stand beside those before."""
        self._pattern = self._pattern or Pattern.of(outputs[MAIN], len(self.labels))
        self._pattern.check(outputs[MAIN], self.name)

    def says(self, main: Output, row: int, label: str | None) -> bool:
        """Whether an answer is what a label asks for: of several labels at once, that it is among them."""
        if isinstance(main, tuple):
            return main[row] == label
        if not isinstance(main, Tensor) or label not in self.labels:
            return False
        scores, number = main[row].flatten(), self.labels.index(label)
        if self.task is not None and self.task.name == "multi-label":
            return number < len(scores) and float(scores[number]) > (self.threshold or 0.0)
        return number == (int(scores.argmax()) if len(scores) > 1 else round(float(scores.nan_to_num(-1.0)[0])))

    def _main(self, value: Any, batch: int, device: torch.device) -> Output:
        value = named(value, self.labels) if self.declared is None or self.declared.name in BY_CLASS else value
        if batch == 1 and isinstance(value, Tensor | np.ndarray) and value.ndim == self.taken.axes - 1:
            self.lost_axis = True
            value = value[None]
        return self._one(value, batch, device)

    def _one(self, value: Any, batch: int, device: torch.device) -> Output:
        return _output(value, batch, self.name, device)

    def _sides(self, output: Output) -> Output:
        """Of a task with two sides of one number v: a score for each, (2 x threshold - v, v)."""
        task = self.task
        if task is None or task.labels != "sides" or not isinstance(output, Tensor):
            return output
        value = output.reshape(len(output), -1)
        if value.shape[1] != 1:
            raise AnswerError(f"target {self.name}: {task.misfit(form_of(output), len(self.labels))}")
        return torch.cat((2.0 * (self.threshold or 0.0) - value, value), dim=1)

    def _find_threshold(self, task: Task, output: Tensor, graph: Callable[[], Any]) -> None:
        given = task.options.get("threshold")
        if given is not None:
            self.threshold = float(given)
        elif self.threshold is None:
            self.threshold, self.guessed = threshold_of(output, graph)

    def _look(self, output: Tensor) -> None:
        """Raises AnswerError where what was taken for probabilities goes beyond 0 or 1."""
        self._runs += 1
        if self.threshold != PROBABILITY or (self._runs > FEW_RUNS and output.device.type != "cpu"):
            return
        low, high = (
            (float(one) for one in output.detach().float().nan_to_num(0.5).aminmax()) if output.numel() else (0, 0)
        )
        if low < 0.0 or high > 1.0:
            task, beyond = self.task, low if low < 0 else high
            raise AnswerError(
                f"target {self.name}: its answers lay between 0 and 1 and were taken for probabilities, and now there"
                f' is {beyond:.4g}; if they are logits write task="{task.name if task else ""}:threshold=0"'
            )


BY_CLASS = ("classes", "binary", "ordinal")
"""Tasks whose answer may be the number of a class."""


def form_of(output: Output) -> Form:
    """What an output is like, for `mlfuzz.tasks`."""
    if isinstance(output, tuple):
        return Form("texts")
    if isinstance(output, Ragged):
        values = output.values
        whole = values.dim() == 2 and bool((values == values.round()).all())
        return Form("ragged", tuple(values.shape[2:]), whole=whole)
    low, high, sums = _range(output)
    return Form("numbers", tuple(output.shape[1:]), low=low, high=high, sums_to_one=sums)


def _range(output: Tensor) -> tuple[float, float, bool]:
    values = output.detach().float()
    if not values.numel() or not bool(torch.isfinite(values).all()):
        return -np.inf, np.inf, False
    sums = values.dim() == 2 and bool(((values.sum(1) - 1.0).abs() < 1e-3).all())
    return float(values.min()), float(values.max()), sums


def detached(outputs: Mapping[str, Output]) -> dict[str, Output]:
    """Without their history: a model that switches gradients on for itself gives outputs that have one."""
    return {name: _detached(output) for name, output in outputs.items()}


def named(result: Any, labels: Sequence[str]) -> Any:
    """Class numbers (B,) as the names of their classes; anything else as it is."""
    if not labels or not isinstance(result, list | tuple | np.ndarray | Tensor) or not has_rows(result):
        return result
    if isinstance(result, Tensor) and (result.dim() != 1 or result.is_floating_point() or result.is_complex()):
        return result
    if isinstance(result, list | tuple) and not all(_is_whole(item) for item in result):
        return result
    numbers = result.cpu().numpy() if isinstance(result, Tensor) else np.asarray(result)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iub" or numbers.min() < 0 or numbers.max() >= len(labels):
        return result
    return [labels[number] for number in numbers.astype(np.int64).tolist()]


def has_rows(value: Any) -> bool:
    return rows_in(value) > 0


def _is_whole(item: Any) -> bool:
    if isinstance(item, Tensor | np.ndarray):
        kinds = (
            item.dtype.kind in "iub"
            if isinstance(item, np.ndarray)
            else not (item.is_floating_point() or item.is_complex())
        )
        return item.ndim == 0 and bool(kinds)
    return isinstance(item, int | np.integer | np.bool_)


def _detached(output: Output) -> Output:
    if isinstance(output, Ragged):
        return Ragged(output.values.detach(), output.lengths)
    return output.detach() if isinstance(output, Tensor) else output


def _output(value: Any, batch: int, name: str, device: torch.device) -> Output:
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        value = value.tolist()
    if isinstance(value, PackedSequence):
        value = unpacked(value)
    if isinstance(value, Tensor) and value.is_nested:
        value = list(value.unbind())
    if isinstance(value, list | tuple):
        output = _listed(value, name)
    elif isinstance(value, Ragged):
        output = value
    else:
        output = _tensor(value, name)
    if isinstance(output, Tensor):
        output = _plain(output.to(device))
    length = rows_in(output)
    if length != batch:
        shape = tuple(output.shape) if isinstance(output, Tensor) else (length,)
        raise AnswerError(
            f"target {name}: {batch} inputs gave an output of shape {shape}; "
            f"a target gives one answer an input, batch first: ({batch}, ...). "
            "A tuple holds several outputs, and a list one answer an input; output= names another part"
        )
    return output


def _listed(values: Sequence[Any], name: str) -> Output:
    """One answer an input: texts, or numbers, arrays and lists of them."""
    if values and all(isinstance(item, str) for item in values):
        return tuple(values)
    texts = any(isinstance(item, str) for item in values)
    for item in values:
        if texts and isinstance(item, str):  # what stands among texts is what is wrong
            continue
        if parts_of(item) is not None or item is None or texts:
            raise AnswerError(
                f"target {name}: its answer to one input is {described(item)}, where numbers or a text are looked for;"
                " give what is to be judged alone: output=lambda answer: ..., a tensor (B, ...), or a list of one"
                " tensor or text an input"
            )
    return _stacked([_tensor(item, name) for item in values])


def _tensor(value: Any, name: str) -> Tensor:
    if isinstance(value, str | bytes):
        raise AnswerError(
            f"target {name}: it answers a batch with one text; give a list of one an input: a function of one input"
            " becomes one of a batch by mlfuzz.per_item(function)"
        )
    try:
        return value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError) as error:
        raise AnswerError(
            f"target {name}: it answers with {described(value)}, which holds no numbers; give a tensor (B, ...), "
            "or a list of one tensor or text an input"
        ) from error


def _plain(output: Tensor) -> Tensor:
    """Numbers that oracles can compare: float, a complex one as two, a sparse or quantised one in full."""
    if output.layout != torch.strided:
        output = output.to_dense()
    if output.is_quantized:
        output = output.dequantize()
    if output.is_complex():
        output = torch.view_as_real(output.resolve_conj())
    kept = output.dtype in (torch.float32, torch.bfloat16, torch.float16)
    return output if kept else output.float()


def _stacked(items: Sequence[Tensor]) -> Tensor | Ragged:
    if len({tuple(item.shape) for item in items}) <= 1:
        return torch.stack(list(items)) if items else torch.empty(0)
    longest = max(item.shape[0] for item in items)
    values = torch.zeros((len(items), longest, *items[0].shape[1:]))
    for row, item in enumerate(items):
        values[row, : item.shape[0]] = item
    return Ragged(values, torch.tensor([item.shape[0] for item in items]))
