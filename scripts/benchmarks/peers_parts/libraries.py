"""The libraries that others would use: a folder of their own, which nothing but this bench looks into.

They share torch, NumPy, SciPy and Pillow with the project's .venv, so that both sides run on the same build; they are
installed without what they ask for, since some would pull another torch.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import types
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".peers"
PINNED = Path(__file__).with_name("requirements.txt")
INSTALL = "scripts/bench peers --install"

NAMES = (
    "torchvision", "kornia", "albumentations", "audiomentations", "nlpaug", "foolbox", "adversarial-robustness-toolbox",
)  # fmt: skip


def install() -> int:
    """Download what is pinned into the folder; pip's exit code."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target", str(FOLDER)]
    return subprocess.call([*command, "--requirement", str(PINNED)])


def look_there() -> None:
    """Make the folder's packages importable, after the project's own."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for a newer version
    # The registry's wheel of torchvision is built for CUDA: its compiled operators do not load beside torch for the
    # CPU, and this module stops over that. The transforms are Python on torch and need none of them.
    name = "torchvision._meta_registrations"
    sys.modules.setdefault(name, types.ModuleType(name))


def missing(*modules: str) -> str:
    """A sentence where one of them cannot be imported; else nothing."""
    look_there()
    gone = []
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            gone.append(f"{module} ({error})")
    return f"not installed: {', '.join(gone)}; run: {INSTALL}" if gone else ""


def licences() -> list[dict[str, str]]:
    """Name, version and licence of each library, as its own metadata says."""
    found = []
    for name in NAMES:
        try:
            said = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        text = said.get("License-Expression") or (said.get("License") or "").splitlines()[:1]
        classes = [each.rpartition(" :: ")[2] for each in said.get_all("Classifier") or [] if "License ::" in each]
        stated = text if isinstance(text, str) else text[0] if text else ""
        found.append({"library": name, "version": said["Version"], "licence": stated or ", ".join(classes)})
    return found
