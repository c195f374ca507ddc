"""What the training scripts share: one deterministic fit, and writing or checking its weights."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

NEAR = 0.02
"""Of accuracies on what was held out: between two kinds of processor, whose sums are rounded otherwise, a fit of 20
epochs ended more than one point apart; `demand` holds what each must reach at least."""

CORPUS = Path(__file__).resolve().parent.parent / "corpus"

Inputs = Tensor | tuple[Tensor, ...]
"""One argument of the model, or all of them, batch first."""

Draw = Callable[[torch.Generator, Tensor], tuple[Inputs, Tensor]]
"""(generator, row numbers (B,)) -> (inputs (B, ...), classes (B,)), augmented anew at each call."""


def deterministic() -> None:
    """One thread and no operator whose order of sums may change: the same machine gives the same bits."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def fit(
    build: Callable[[], nn.Module],
    draw: Draw,
    rows: int,
    *,
    epochs: int,
    batch: int,
    rate: float,
    seed: int,
    decay: float = 1e-4,
    smoothing: float = 0.0,
) -> nn.Module:
    """Train `build()` by AdamW under a one-cycle rate (peak `rate`); in evaluation mode when done."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = build().train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    steps = epochs * (rows // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
    for _ in range(epochs):
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - batch + 1, batch):
            inputs, classes = draw(generator, order[start : start + batch])
            optimiser.zero_grad()
            loss(model(*_arguments(inputs)), classes).backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def answers(model: nn.Module, inputs: Inputs, *, batch: int = 256) -> Tensor:
    """Probabilities (N, classes)."""
    parts = zip(*(argument.split(batch) for argument in _arguments(inputs)), strict=True)
    with torch.inference_mode():
        return torch.cat([model(*part).softmax(1) for part in parts])


def accuracy(model: nn.Module, inputs: Inputs, classes: Tensor) -> float:
    return float((answers(model, inputs).argmax(1) == classes).double().mean())


def certain(models: Sequence[nn.Module], inputs: Inputs, classes: Tensor, *, least: float = 0.8) -> Tensor:
    """(N,) bool: every model gives the right class at least this probability.

    An input on the brink makes no seed: anything would break it, which shows nothing.
    """
    right = [answers(model, inputs).gather(1, classes[:, None])[:, 0] for model in models]
    return torch.stack(right).amin(0) > least


def digest(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and values."""
    whole = hashlib.sha256()
    for name, value in sorted(weights.items()):
        whole.update(name.encode() + value.detach().contiguous().numpy().tobytes())
    return whole.hexdigest()


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="train again and compare, write nothing")
    return parser.parse_args()


class Keeper:
    """Writes weights and seeds, or with `check` compares them with what is there; `finish` ends the script."""

    def __init__(self, *, check: bool) -> None:
        self.check = check
        self.wrong: list[str] = []
        self._started = time.process_time()

    def weights(self, name: str, model: nn.Module, measure: Callable[[nn.Module], float]) -> None:
        """corpus/models/<name>.safetensors. Another machine gives other bits: then accuracies near each other do."""
        file = CORPUS / "models" / f"{name}.safetensors"
        state = {key: value.detach().contiguous() for key, value in model.state_dict().items()}
        if not self.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            save_file(state, file)
            print(f"wrote {file.name}: {file.stat().st_size} bytes, sha256 of the weights {digest(state)[:16]}")
            return
        kept = load_file(file)
        if digest(kept) == digest(state):
            print(f"{file.name}: the same to the bit")
            return
        trained = measure(model)
        model.load_state_dict(kept)
        shipped = measure(model)
        print(f"{file.name}: other bits; accuracy {trained:.4f} now, {shipped:.4f} as shipped")
        if abs(trained - shipped) > NEAR:
            self.wrong.append(f"{file.name}: accuracies differ by more than {100 * NEAR:.0f} points")

    def seeds(
        self, folder: Path, files: Mapping[str, bytes], *, fits: Callable[[str, bytes], bool] = lambda *_: False
    ) -> None:
        """Files under `folder`, by relative name; no other file stays there.

        fits: whether a shipped one is still read right. Another machine gives other bits: one input that is no longer
        certain moves all those behind it to other places.
        """
        there = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
        if self.check:
            kept = {name: file.read_bytes() for name, file in there.items()}
            changed = sorted(name for name in {*kept, *files} if kept.get(name) != files.get(name))
            lost = [name for name in changed if name in kept and not fits(name, kept[name])]
            if len(kept) != len(files):
                self.wrong.append(f"{folder.name}: {len(files)} seeds are found, and {len(kept)} are there")
            print(
                f"{folder.name}: {len(files)} seeds, {len(changed)} other than shipped, {len(lost)} of them read wrong"
            )
            if len(lost) > len(files) // 10:
                self.wrong.append(
                    f"{folder.name}: more than a tenth of the seeds are read wrong, for instance {lost[0]}"
                )
            return
        for name in set(there) - set(files):
            there[name].unlink()
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        print(f"wrote {len(files)} seeds, {sum(map(len, files.values()))} bytes, under {folder.relative_to(CORPUS)}")

    def demand(self, what: str, value: float, least: float) -> None:
        """A figure that the subject must reach."""
        print(f"{what}: {value:.2%} (at least {least:.1%})")
        if value < least:
            self.wrong.append(f"{what}: {value:.2%} < {least:.1%}")

    def finish(self) -> None:
        print(f"{time.process_time() - self._started:.1f} CPU-seconds")
        for line in self.wrong:
            print(f"WRONG: {line}", file=sys.stderr)
        sys.exit(1 if self.wrong else 0)


def _arguments(inputs: Inputs) -> tuple[Tensor, ...]:
    return (inputs,) if isinstance(inputs, Tensor) else inputs
