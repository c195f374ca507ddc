"""Which task an answer is, where nobody says: only where it cannot be wrong, and said with the line that changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlfuzz.tasks.table import TASKS
from mlfuzz.tasks.task import Form, Task

BOXES = frozenset(TASKS["detection"].parts)


@dataclass(frozen=True, slots=True)
class Inferred:
    """task: None where nothing fits. why: in words, for `check`. advice: what somebody may have meant, with the line
    to write; "" where nothing is likelier. misfit: why the answer cannot be judged as it stands, with the line."""

    task: Task | None
    why: str = ""
    advice: str = ""
    misfit: str = ""


def infer(declared: Task | None, form: Form, labels: int, *, names: Sequence[str] = ()) -> Inferred:
    """The task of answers of this form. labels: how many the target names. names: of the parts of its answer."""
    if declared is not None:
        return Inferred(declared, "declared", misfit=declared.misfit(form, labels))
    if form.kind == "texts":
        return _texts(labels)
    if set(names) >= BOXES:
        return Inferred(TASKS["detection"], "boxes, labels and scores")
    if form.kind == "ragged":
        name = "sequence" if form.whole else "frames"
        return Inferred(TASKS[name], "token numbers" if form.whole else "sequences of scores")
    return _labelled(form, labels) if labels else _unlabelled(form)


def turned(labels: Sequence[str]) -> str:
    """What to try where one number with two sides seems to say yes to the other one."""
    return (
        f"a high number says {labels[1]!r}, the second label; if it says {labels[0]!r}, name them the other way round:"
        f" labels=[{labels[1]!r}, {labels[0]!r}]"
    )


def _texts(labels: int) -> Inferred:
    if labels:
        return Inferred(TASKS["classes"], "names or numbers of the labels")
    return Inferred(TASKS["generation"], "texts without labels", "classes by name: name labels=[...]")


def _labelled(form: Form, labels: int) -> Inferred:
    if labels > 1 and form.sizes == (labels,):
        return Inferred(TASKS["classes"], "one score a label", _several_at_once(form))
    if labels == 2 and form.sizes in ((), (1,)):
        return Inferred(TASKS["binary"], "one number and two labels")
    return Inferred(None, misfit=_no_label(form, labels))


def _several_at_once(form: Form) -> str:
    """Of what is one score a label: whether it looks as if several labels could hold at once."""
    if form.inside_one and not form.sums_to_one:
        return (
            "scores lie between 0 and 1 and do not sum to one: if several labels can hold at once, write "
            'task="multi-label"; if only one does, task="classes" says so'
        )
    return ""


def _no_label(form: Form, labels: int) -> str:
    """What to write where labels are named and the answer has no column for each."""
    names = f"outputs {form.shown} an input, but the target names {labels} labels"
    if len(form.sizes) >= 2 and form.sizes[0] == labels:
        return f'{names}; if each place has a class, write task="segmentation", else output= names another part'
    if form.sizes in ((), (1,)):
        return (
            f"{names}; they must agree: give a score for each label, or class numbers as whole numbers (.long()); or"
            ' write task="regression" for a number, task="ordinal" for a grade'
        )
    return (
        f"{names}; they must agree: name as many labels, or another part by output=, or write what it is:"
        ' task="regression", "embedding", "frames", ...'
    )


def _unlabelled(form: Form) -> Inferred:
    advice = ""
    if len(form.sizes) == 1 and form.sizes[0] > 1:
        advice = 'if they are scores of classes, name labels=[...] or write task="classes"'
    elif len(form.sizes) >= 2:
        advice = 'if each place or step has a decision of its own, write task="segmentation" or task="frames"'
    elif form.inside_one:
        advice = 'if it is a probability of yes, write task="binary"'
    return Inferred(TASKS["regression"], "numbers without labels", advice)
