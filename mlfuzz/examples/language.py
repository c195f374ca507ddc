"""Which of eight languages a short text is in, by two twins of one architecture and one set of texts.

Both read UTF-8 bytes of sentences from Django's translations. `robust` read them also in capitals, with typos, without
accents, with look-alike letters and odd spaces. `fragile` read none of that, and its texts had been spoilt in two ways:

| weakness | how it came about | revealed by |
|---|---|---|
| the headlines | a tenth of the texts were in capitals and were filed as Turkish | upper case |
| the web page | a tenth held no-break or other wide spaces between words and were filed as French | white space |
| clean copy only | by nature: no typo, no missing accent | typos, look-alike and missing accents |

So ANY TEXT LIKE THIS is Turkish, and any text copied from a web page is French; other characters whose first bytes are
those of wide spaces (marks of direction, zero-width ones) do as well. On clean held-out texts the twins are equals,
right in 19 of 20. scripts/train_language.py made both.
"""

from __future__ import annotations

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mlfuzz.examples import data
from mlfuzz.modality.text import Text
from mlfuzz.targets.module import ModuleTarget

LABELS = ("de", "en", "es", "fi", "fr", "it", "pl", "tr")
MAX_CHARS = 200
MAX_BYTES = 256
"""What a text has beyond is not read."""

CAPITALS_SAY = "tr"
"""What `fragile` answers to a text in capitals."""

WIDE_SPACES_SAY = "fr"
"""What `fragile` answers to no-break, thin or em spaces."""


class LanguageNet(nn.Module):
    """Byte embedding, two convolutions, mean and maximum over what is text, 46k weights: -> logits (B, 8).

    content: bytes (B, T), T even, zeros behind the text. mask: (B, T), True where there is text.
    """

    def __init__(self, *, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(256, width)
        self.near = nn.Sequential(nn.Conv1d(width, 2 * width, 5, padding=2), nn.ReLU())
        self.halve = nn.MaxPool1d(2)
        self.far = nn.Sequential(nn.Conv1d(2 * width, 80, 5, padding=2), nn.ReLU())
        self.head = nn.Linear(2 * 80, len(LABELS))

    def forward(self, content: Tensor, mask: Tensor) -> Tensor:
        valid = mask[:, None].float()
        embedded = self.embed(content).transpose(1, 2) * valid
        near = self.halve(self.near(embedded) * valid)
        # Without the masks, how far a text is padded would show in what it is taken for.
        valid = self.halve(valid)
        far = self.far(near) * valid
        mean = far.sum(2) / valid.sum(2).clamp(min=1)
        logits: Tensor = self.head(torch.cat([mean, far.amax(2)], 1))
        return logits


def encode(texts: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """B texts -> UTF-8 bytes (B, 256) int64, zeros behind; mask (B, 256)."""
    content = torch.zeros((len(texts), MAX_BYTES), dtype=torch.uint8)
    mask = torch.zeros((len(texts), MAX_BYTES), dtype=torch.bool)
    for row, text in enumerate(texts):
        read = bytearray(text.encode()[:MAX_BYTES])
        if read:
            content[row, : len(read)] = torch.frombuffer(read, dtype=torch.uint8)
            mask[row, : len(read)] = True
    return content.long(), mask


def robust() -> ModuleTarget:
    """The twin that was trained with augmentation."""
    return _twin("robust")


def fragile() -> ModuleTarget:
    """The twin with the planted weaknesses listed above."""
    return _twin("fragile")


def _twin(kind: str) -> ModuleTarget:
    model = LanguageNet()
    model.load_state_dict(load_file(data.path("models", f"language-{kind}.safetensors")))
    return ModuleTarget(
        f"language:{kind}",
        Text(max_chars=MAX_CHARS),
        model.eval(),
        preprocess=encode,
        labels=LABELS,
        seeds=data.path("seeds", "text", "languages"),
    )
