#!/usr/bin/env python3
"""Writes the harnesses' seeds, corpus/seeds/code/<harness>/: a few small files each, the same ones every time.

    scripts/make_code_seeds.py [--into DIR] [harness ...]

The harness with the model behind it takes the model side's own seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from code_seeds import arrays, demonstration, models, own, pictures, sounds, texts

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 4096
"""Bytes: small seeds are fuzzed many times faster than large ones."""

SEEDS: dict[str, Callable[[], dict[str, bytes]]] = {
    made.__name__: made
    for made in (
        demonstration.demo_parser, pictures.image_pillow, sounds.audio_soundfile, sounds.wav_scipy,
        texts.text_tokenizer,
        arrays.npy_numpy, arrays.npz_numpy, arrays.checkpoint_torch, arrays.safetensors_load, arrays.onnx_load,
        models.model_files,
        texts.config_toml, texts.config_yaml, own.loaders_mlfuzz, own.records_mlfuzz,
        own.findings_mlfuzz, own.bundle_mlfuzz, own.config_mlfuzz, own.dictionary_mlfuzz, own.progress_mlfuzz,
        own.messages_mlfuzz,
    )
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("harness", nargs="*")
    parser.add_argument("--into", type=Path, default=ROOT / "corpus" / "seeds" / "code")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.harness) - set(SEEDS)):
        parser.error(f"no seeds are made for {', '.join(unknown)}")
    for harness in arguments.harness or SEEDS:
        folder = arguments.into / harness
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in SEEDS[harness]().items():
            if len(content) > LARGEST:
                raise SystemExit(f"{harness}/{name} has {len(content)} bytes; a seed has at most {LARGEST}")
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
