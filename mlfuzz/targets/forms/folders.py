"""Folders as transformers writes them: a model beside the tokenizer or processor that its inputs go through."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mlfuzz.errors import TargetLoadError
from mlfuzz.modality.base import Modality
from mlfuzz.targets.forms.files import present
from mlfuzz.targets.forms.packages import needed
from mlfuzz.targets.module import ModuleTarget


def huggingface(
    name: str, modality: Modality, folder: str | Path, *, max_tokens: int = 512, pickled: bool = False, **options: Any
) -> ModuleTarget:
    """A target of a folder that `save_pretrained` wrote; nothing is downloaded and no code of the folder is run.

    The class is the one that config.json names ("architectures"). Texts go through its tokenizer, cut at `max_tokens`,
    images and sounds through its processor, unless `preprocess` is given. Labels are its `id2label` where it
    classifies, unless given. pickled: take weights in a pickle (`pytorch_model.bin`) too. options: as of
    `ModuleTarget`. Raises TargetLoadError.
    """
    package = needed("transformers", extra="hf", form="a Hugging Face folder")
    folder = present(folder, "Hugging Face folder")
    model = _model(package, folder, pickled)
    if "preprocess" not in options:
        options["preprocess"] = _processing(package, folder, modality, model.config, max_tokens)
    if type(model).__name__.endswith("Classification"):
        named = model.config.id2label
        options.setdefault("labels", tuple(str(named[at]) for at in sorted(named)))
    return ModuleTarget(name, modality, model, **options)


class Tokenized:
    """Texts -> the arguments of a model, padded to the longest of a batch. tokenizer: of transformers."""

    def __init__(self, tokenizer: Any, longest: int) -> None:
        self.tokenizer, self.longest = tokenizer, longest

    def __call__(self, texts: tuple[str, ...]) -> dict[str, Tensor]:
        made = self.tokenizer(list(texts), padding=True, truncation=True, max_length=self.longest, return_tensors="pt")
        if not made["input_ids"].numel():  # only empty texts, of a tokenizer without marks of its own
            made["input_ids"] = torch.full((len(texts), 1), self.tokenizer.pad_token_id or 0)
            made["attention_mask"] = torch.zeros((len(texts), 1), dtype=torch.int64)
        return {key: value.long() for key, value in made.items()}


class Pictured:
    """Images (B, C, H, W) in [0, 1] -> the arguments of a model; grey ones as red, green and blue where it takes three
    channels. processor: of transformers."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.channels = len(getattr(processor, "image_mean", None) or ())

    def __call__(self, images: Tensor) -> dict[str, Any]:
        if images.shape[1] == 1 and self.channels > 1:
            images = images.expand(-1, self.channels, -1, -1)
        made = self.processor(
            images=list(images.cpu().numpy()), do_rescale=False, input_data_format="channels_first", return_tensors="pt"
        )
        return {key: value.to(images.device) for key, value in made.items() if isinstance(value, Tensor)}


class Heard:
    """Waveforms (B, C, T) and their lengths -> the arguments of a model; of several channels the mean. extractor: of
    transformers. rate: samples a second of what comes in."""

    def __init__(self, extractor: Any, rate: int) -> None:
        self.extractor, self.rate = extractor, rate

    def __call__(self, waves: Tensor, lengths: Tensor | None = None) -> dict[str, Any]:
        mono = waves.mean(1).cpu().numpy()
        ends = [mono.shape[1]] * len(mono) if lengths is None else lengths.tolist()
        made = self.extractor(
            [wave[:end] for wave, end in zip(mono, ends, strict=True)], sampling_rate=self.rate, padding=True,
            return_tensors="pt",
        )  # fmt: skip
        return {key: value.to(waves.device) for key, value in made.items() if isinstance(value, Tensor)}


def _model(package: Any, folder: Path, pickled: bool) -> Any:
    config = folder / "config.json"
    if not config.is_file():
        raise TargetLoadError(f"{folder} has no config.json; name the folder that save_pretrained wrote")
    try:
        architectures = json.loads(config.read_bytes()).get("architectures") or [""]
    except (ValueError, AttributeError) as error:
        raise TargetLoadError(f"{config} is no JSON object: {error}") from error
    kind = getattr(package, architectures[0], None) if architectures[0] else package.AutoModel
    if kind is None:
        raise TargetLoadError(
            f"{config} names the architecture {architectures[0]!r}, which transformers {package.__version__} does not "
            "have; make the model in Python and hand it over as mlfuzz.ModuleTarget"
        )
    if not pickled and not any(folder.glob("*.safetensors")):
        raise TargetLoadError(
            f"{folder} has no weights as .safetensors; a pickle (pytorch_model.bin) is read where you ask for it: "
            "mlfuzz.forms.huggingface(..., pickled=True)"
        )
    try:
        return kind.from_pretrained(folder, local_files_only=True, use_safetensors=None if pickled else True)
    except Exception as error:
        raise _unread(folder, "model", error) from error


def _processing(package: Any, folder: Path, modality: Modality, config: Any, longest: int) -> Callable[..., Any]:
    """What a modality goes through. Raises TargetLoadError where the folder does not bring it."""
    local = {"local_files_only": True}
    try:
        if modality.name == "text":
            most = getattr(config, "max_position_embeddings", longest)
            return Tokenized(package.AutoTokenizer.from_pretrained(folder, **local), min(longest, most))
        if modality.name == "image":
            return Pictured(package.AutoImageProcessor.from_pretrained(folder, use_fast=False, **local))
        if modality.name == "audio":
            return Heard(
                package.AutoFeatureExtractor.from_pretrained(folder, **local),
                getattr(modality, "sample_rate_hz", 16_000),
            )
    except Exception as error:
        raise _unread(folder, "processor", error) from error
    raise TargetLoadError(f"{folder}: say what inputs of modality {modality.name} go through: preprocess=...")


def _unread(folder: Path, what: str, error: Exception) -> TargetLoadError:
    text = (str(error).strip() or "no message").splitlines()[0][:300]
    return TargetLoadError(
        f"the {what} of {folder} cannot be loaded: {type(error).__name__}: {text}; make it in Python, and hand it over "
        "as mlfuzz.ModuleTarget(..., preprocess=...)"
    )
