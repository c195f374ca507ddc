"""Searches for inputs on which two forms of a model disagree: fp16, bf16 and int8 weights against float32.

    scripts/bench search                    # 40 seeds, both grids, white box and black box
    scripts/bench search --strict           # both forms must lead, as the oracle differ asks
    scripts/bench search --seeds 10 --only fp16

The subject: scikit-learn's digits, brought to 28 x 28 and to [-1, 1], and an MLP 784-200-100-10 (SGD .05, batch 100,
10,000 steps). An input may go 0.4 from its seed in any value of [-1, 1], 0.2 of full scale. One JSON line a case: seeds
on which a disagreement was found, evaluations to it (a gradient counts as two), and its severity: the float32 margin,
in logits, between the two classes that the two forms name.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import mlfuzz
from mlfuzz.batch import Indices, TensorRows
from mlfuzz.campaign.search.black_box import nearest
from mlfuzz.campaign.search.boundary import Problem, Seen, beyond, disagreement
from mlfuzz.campaign.search.differential import disagree
from mlfuzz.campaign.search.gradient import slope_of
from mlfuzz.campaign.search.projection import bounded
from mlfuzz.mutators.limits.limits import Limits
from mlfuzz.oracles.differential import Differ

REACH = 0.2
"""TensorFuzz's L-infinity of .4 on [-1, 1], as a share of the full scale."""

MOST = 2_000

STRICT_FLOOR = 5e-4
"""About 1e-4 of the logits' deviation: what differ counts from."""

BOXES = ("white", "black", "alone")
"""With gradients; by answers, with the other test pictures to draw towards; by answers from the one picture alone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--only", action="append", choices=sorted(FORMS))
    parser.add_argument("--strict", action="store_true", help="both forms must lead, as the oracle differ asks")
    parser.add_argument("--severe", action="store_true", help="spend all evaluations on severity, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, pictures, labels = subject()
    options = {"seeds": arguments.seeds, "strict": arguments.strict}
    for form in arguments.only or sorted(FORMS):
        for grid in ("float32", "uint8"):
            for box in BOXES:
                for seek in (True, *([False] if arguments.severe else [])):
                    print(json.dumps(case(model, pictures, labels, form, grid, box, seek=seek, **options)), flush=True)


def subject() -> tuple[nn.Module, NDArray[np.float32], Indices]:
    """The trained MLP; test pictures (450, 1, 28, 28) in [0, 1], and their labels."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    small = torch.from_numpy(digits.images.astype(np.float32) / 16)[:, None]
    pictures = nn.functional.interpolate(small, size=(28, 28), mode="bilinear", align_corners=False)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(labels)))
    train, test = order[:1347], order[1347:]
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    inputs, answers = pictures[train] * 2 - 1, labels[train]
    for _ in range(10_000):
        picked = torch.randint(0, len(train), (100,))
        loss = nn.functional.cross_entropy(model(inputs[picked]), answers[picked])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval(), pictures[test].numpy(), labels[test].numpy()


def fp16(model: nn.Module) -> Callable[[Tensor], Tensor]:
    other = copy.deepcopy(model).half()
    return lambda inputs: other(inputs.half()).float()


def bf16(model: nn.Module) -> Callable[[Tensor], Tensor]:
    other = copy.deepcopy(model).bfloat16()
    return lambda inputs: other(inputs.bfloat16()).float()


def int8(model: nn.Module) -> Callable[[Tensor], Tensor]:
    """Weights rounded to 8 bits, one scale a row of each matrix; the rest in float32."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for layer in other:
            if isinstance(layer, nn.Linear):
                scale = layer.weight.abs().amax(1, keepdim=True) / 127
                layer.weight.copy_((layer.weight / scale).round() * scale)
    return other


FORMS = {"fp16": fp16, "bf16": bf16, "int8": int8}


def case(
    model: nn.Module, pictures: NDArray[np.float32], labels: Indices, form: str, grid: str, box: str, *,
    seeds: int, seek: bool, strict: bool,
) -> dict[str, object]:  # fmt: skip
    modality = mlfuzz.Image(size=(28, 28), grid=grid, range=(-1.0, 1.0))  # type: ignore[arg-type]
    target = mlfuzz.ModuleTarget("bench:mlp", modality, model, labels=range(10))
    other = FORMS[form](model)
    everything = TensorRows(torch.from_numpy(pictures), modality).project()
    answers = target.run(everything).main.argmax(1).numpy()
    right = np.flatnonzero(answers == labels)
    rows = everything.take(right[:seeds])
    classes = torch.from_numpy(labels[right[:seeds]])

    def gap(tried: TensorRows, which: Indices) -> Seen:
        with torch.inference_mode():
            scores = target.run(tried).main
            others = other(tried.data * 2 - 1)
        hit = disagreement(scores, others)
        if strict:
            hit = Differ(of=form).gap({"main": scores, f"{form}.main": others}) - STRICT_FLOOR
        return Seen(beyond(scores, classes[which]), hit)

    bound = bounded(rows, Limits(linf=REACH))
    slope = slope_of(target, lambda seen, which: beyond(seen.main, classes[which])) if box == "white" else None
    near = nearest(rows, labels[right[:seeds]], everything.take(right), labels[right])
    started = time.process_time()
    walked = disagree(
        Problem(
            gap, bound, REACH, slope=slope,
            **({} if box == "alone" else {"others": everything.take(right), "near": near}),
        ),
        rows, rng=np.random.default_rng(1), most=MOST, seek=seek,
    )  # fmt: skip
    seconds = time.process_time() - started
    hit = walked.hit
    checked = gap(walked.found, np.arange(len(rows))).hit.numpy() > 0
    far = (walked.found.data - rows.data).abs().flatten(1).amax(1).numpy()
    assert (checked == hit).all()
    assert far.max() <= REACH + 1e-6
    spent, severity = walked.spent[hit], walked.hits[hit]
    return {
        "case": " ".join([form, grid, box, *(["strict"] if strict else []), *([] if seek else ["severe"])]),
        "found": int(hit.sum()), "of": len(rows),
        "crossed": int(walked.crossed.sum()), "evaluations_median": float(np.median(spent)) if len(spent) else None,
        "evaluations_worst": int(walked.spent.max()),
        "severity_median": float(np.median(severity)) if len(severity) else None,
        "severity_worst": float(severity.max(initial=0.0)), "seconds": round(seconds, 2),
    }  # fmt: skip


if __name__ == "__main__":
    main()
