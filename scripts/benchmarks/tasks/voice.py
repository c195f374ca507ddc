"""JaVAD's middle network for voice activity on 28 clips of 1.92 s, as the example has them; its sisters judge.

voice: is there speech in the clip? Judges are the package's two other networks, the tiny and the precise one, which
have other layers, other spectrograms and other lengths of input. Both must see the seed's label; on the seeds they do
for 27 and 28 of 28. All three come in one package, and may be wrong together.
voice frames: where is it? Nobody judges frames, and rows say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import mlfuzz
from mlfuzz.batch import Rows, TensorRows, from_payloads
from mlfuzz.corpus.seeds import load_seeds
from mlfuzz.examples import voice_activity
from tasks.judge import Judge, Vote, natural_radius
from tasks.task import Setup, Task
from tasks.twins import LIMITS

FRAMES = 192
"""Of a clip, 10 ms each."""

JUDGES = {"tiny": (3, 1), "precise": (1, 2)}
"""Name -> (pieces a clip is cut into, times it is played): 0.64 s, and 3.84 s, are what they take at once."""

BATCH = 20
EVALUATIONS, SHORT = 600, 200


class Heard(nn.Module):
    """Another of the package's networks on clips (B, 1, 30720) -> (B, 192), speech above 0.5."""

    def __init__(self, name: str) -> None:
        super().__init__()
        from javad import MODELINFO, from_pretrained, load_mel_filters

        about = MODELINFO[name]
        self.pieces, self.times = JUDGES[name]
        filters = torch.as_tensor(load_mel_filters(about["n_mels"]))
        self.network = voice_activity.VoiceActivity(
            from_pretrained(name), filters, about["threshold"], framewise=True
        ).eval()

    def forward(self, waves: Tensor) -> Tensor:
        cut = waves.repeat(1, 1, self.times).reshape(len(waves) * self.pieces, 1, -1)
        found: Tensor = self.network(cut)
        return found.reshape(len(waves), -1)[:, :FRAMES]

    def speech(self, waves: Tensor) -> NDArray[np.bool_]:
        """(B,) whether 0.3 s of a clip are speech, by the package's own rule."""
        with torch.inference_mode():
            return (self(waves).topk(voice_activity.SPEECH_FRAMES, 1).values[:, -1] > 0.5).numpy()  # type: ignore[no-any-return]

    def penultimate(self, waves: Tensor) -> NDArray[np.float32]:
        """(B, 320) what the precise one's last linear layer is handed."""
        last = [module for module in self.network.modules() if isinstance(module, nn.Linear)][-1]
        seen: list[Tensor] = []
        hook = last.register_forward_hook(lambda _, arguments, __: seen.append(arguments[0].detach()))
        try:
            with torch.inference_mode():
                self(waves)
        finally:
            hook.remove()
        return seen[-1].reshape(len(waves), -1).numpy().astype(np.float32)


@cache
def jury() -> Judge:
    """Both must see the label. Faults are clustered by the precise one's activations."""
    tiny, precise = Heard("tiny").eval(), Heard("precise").eval()
    target = voice_activity.balanced()
    assert target.seeds is not None
    seeds = load_seeds(target.seeds, target.modality, labels=target.labels).seeds
    rows = from_payloads([seed.payload for seed in seeds], target.modality, torch.device("cpu"))
    classes = np.asarray([target.labels.index(str(seed.label)) for seed in seeds], np.int64)

    def embed(rows: Rows) -> NDArray[np.float32]:
        return precise.penultimate(_waves(rows))

    names = ("JaVAD tiny", "JaVAD precise")
    return Judge((_vote(tiny), _vote(precise)), names, embed, natural_radius(embed(rows), classes))


def build(repeat: int, cache: Path, *, framewise: bool = False) -> Setup:
    """The seeds are the same in every repeat. Raises TargetLoadError where a package is missing."""
    make = voice_activity.frames if framewise else voice_activity.balanced
    target: mlfuzz.ModuleTarget = make()
    assert target.seeds is not None
    mutated = {"mutators": ["default"], "limits": LIMITS, "batch": BATCH}
    if framewise:
        return Setup(make, Path(target.seeds), {"oracles": [{"name": "frames"}], **mutated}, unjudged=True)
    return Setup(make, Path(target.seeds), {"oracles": ["nonfinite", "label"], **mutated}, jury())


def _vote(judge: Heard) -> Vote:
    def vote(rows: Rows, labels: Sequence[str]) -> NDArray[np.bool_]:
        wanted = np.asarray([label == voice_activity.LABELS[1] for label in labels])
        return judge.speech(_waves(rows)) == wanted  # type: ignore[no-any-return]

    return vote


def _waves(rows: Rows) -> Tensor:
    assert isinstance(rows, TensorRows)
    return rows.data


TASKS = (
    Task(
        "voice", build, evaluations=EVALUATIONS, short=SHORT, chief="faults",
        goal="more distinct kept faults than random",
    ),
    Task(
        "voice frames", partial(build, framewise=True), evaluations=EVALUATIONS, short=SHORT, chief="roots",
        goal="more seeds broken than random",
    ),
)  # fmt: skip
