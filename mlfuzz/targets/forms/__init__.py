"""Models that are handed over as a file, a folder, a command or an address: each form a function that gives a target.

`mlfuzz.forms.onnx("digits", mlfuzz.Image(size=(28, 28)), "digits.onnx", labels=DIGITS)`. What else a target takes
(labels, seeds, raises, oracles, task, output, variants, batch) each form takes too. Packages that a form needs are
imported when it is called; where one is missing it says which extra brings it. Nothing reads a pickle unless it is
asked for by name.

The functions behind them say who they are: `identity` is what their files hold and how they are asked, `made_of` the
objects of the user's own that stand in their way to an answer.

Read estimators.py first: it is the shortest. `mlfuzz` imports it for users, and nothing else does.
"""

from mlfuzz.targets.forms.commands import CommandDied, CommandError, CommandTimeout, command
from mlfuzz.targets.forms.estimators import sklearn
from mlfuzz.targets.forms.folders import huggingface
from mlfuzz.targets.forms.onnx_graphs import onnx
from mlfuzz.targets.forms.programs import exported, torchscript
from mlfuzz.targets.forms.services import ServiceError, ServiceRefused, ServiceTimeout, http
from mlfuzz.targets.forms.tflite_graphs import tflite
from mlfuzz.targets.forms.weight_files import safetensors, timm

__all__ = [
    "CommandDied",
    "CommandError",
    "CommandTimeout",
    "ServiceError",
    "ServiceRefused",
    "ServiceTimeout",
    "command",
    "exported",
    "http",
    "huggingface",
    "onnx",
    "safetensors",
    "sklearn",
    "tflite",
    "timm",
    "torchscript",
]
