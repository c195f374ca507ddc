"""The lines that make a target of a model file: what `mlfuzz init --from` writes and docs/targets.md shows."""

from __future__ import annotations

from mlfuzz.model_files import FORMS

HEAD = '''"""What mlfuzz fuzzes: `mlfuzz check {name}` proves that it can be."""

'''

LABELS = """    labels = ("cat", "dog")  # in the order of the outputs; () where it does not classify
"""

PATH = """    path = Path(__file__).parent / {file!r}
"""

BODIES = {
    "exported": ("from pathlib import Path\n\nimport mlfuzz\n", PATH + LABELS,
                 'mlfuzz.forms.exported("{name}", kind, path, labels=labels)'),
    "torchscript": ("from pathlib import Path\n\nimport mlfuzz\n", PATH + LABELS,
                    'mlfuzz.forms.torchscript("{name}", kind, path, labels=labels)'),
    "pickle": ("from pathlib import Path\n\nimport mlfuzz\nimport torch\n"
               "from my_model import Net  # the model's class\n",
               PATH + LABELS + "    model = Net()\n    model.load_state_dict(torch.load(path, weights_only=True))\n",
               'mlfuzz.ModuleTarget("{name}", kind, model, labels=labels)'),
    "safetensors": ("from pathlib import Path\n\nimport mlfuzz\nfrom my_model import Net  # the model's class\n",
                    PATH + LABELS,
                    'mlfuzz.forms.safetensors("{name}", kind, path, Net(), labels=labels)'),
    "onnx": ("from pathlib import Path\n\nimport mlfuzz\n", PATH + LABELS,
             'mlfuzz.forms.onnx("{name}", kind, path, labels=labels)'),
    "huggingface": ("from pathlib import Path\n\nimport mlfuzz\n", PATH,
                    'mlfuzz.forms.huggingface("{name}", kind, path)'),
    "timm": ("from pathlib import Path\n\nimport mlfuzz\n", PATH + LABELS,
             'mlfuzz.forms.timm("{name}", kind, "resnet18", path, labels=labels)'),
    "sklearn": ("from pathlib import Path\n\nimport joblib\nimport mlfuzz\n",
                PATH + "    estimator = joblib.load(path)  # runs whatever the file holds: only one that you made\n",
                'mlfuzz.forms.sklearn("{name}", kind, estimator)'),
    "tflite": ("from pathlib import Path\n\nimport mlfuzz\n", PATH + LABELS,
               'mlfuzz.forms.tflite("{name}", kind, path, labels=labels)'),
    "callable": ("import mlfuzz\nfrom my_model import predict  # a batch -> scores (B, classes), or B labels\n",
                 LABELS,
                 'mlfuzz.CallableTarget("{name}", kind, predict, labels=labels, numpy=True)'),
    "item": ("import mlfuzz\nfrom my_model import predict  # one input -> scores, or the name of a label\n", LABELS,
             'mlfuzz.CallableTarget("{name}", kind, mlfuzz.per_item(predict), labels=labels, numpy=True)'),
    "command": ("import sys\nfrom pathlib import Path\n\nimport mlfuzz\n",
                PATH + "    program = [sys.executable, path]  # a line of JSON in, a line of JSON out\n" + LABELS,
                'mlfuzz.forms.command("{name}", kind, program, labels=labels)'),
    "http": ("import mlfuzz\n", LABELS,
             'mlfuzz.forms.http("{name}", kind, {file!r}, labels=labels)'),
}  # fmt: skip
"""Of each form: imports, the lines of the function, what it gives back."""

STARTERS = {
    "exported": "model.pt2", "torchscript": "model.pt", "pickle": "model.pth", "safetensors": "model.safetensors",
    "onnx": "model.onnx", "huggingface": "model", "timm": "model.safetensors", "sklearn": "model.joblib",
    "tflite": "model.tflite", "callable": "", "item": "", "command": "serve.py", "http": "http://127.0.0.1:8000/predict",
}  # fmt: skip
"""The file that is named where a form was asked for by its name."""

assert set(BODIES) == set(STARTERS) == set(FORMS)


def text_of(form: str, name: str, modality: str, file: str = "") -> str:
    """The text of a target's file. modality: as Python, "mlfuzz.Text()". file: as the target's own folder sees it."""
    imports, lines, given = BODIES[form]
    filled = {"name": name, "file": file or STARTERS[form]}
    body = f"{imports}\n\ndef {name}():\n    kind = {modality}\n{lines}    return {given}\n"
    body = body.replace("{name}", name).replace("{file!r}", _quoted(filled["file"]))
    return HEAD.format(**filled) + body


def _quoted(text: str) -> str:
    """As ruff and black write it."""
    return f'"{text}"' if '"' not in text and "\\" not in text and text.isprintable() else repr(text)
