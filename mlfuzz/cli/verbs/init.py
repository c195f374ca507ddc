"""`mlfuzz init`: the few files a project needs, written once; what is there already is left as it is."""

from __future__ import annotations

import json
import keyword
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import mlfuzz
from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.targets import EXAMPLES, SUBJECTS, name_of
from mlfuzz.cli.verbs.hand_over import text_of
from mlfuzz.cli.verbs.harness_new import new
from mlfuzz.config.project import OWN, SHARED, find
from mlfuzz.errors import EXIT_CLEAN, UnknownNameError, UsageError
from mlfuzz.model_files import FORMS, form_of
from mlfuzz.report.visible import visible
from mlfuzz.storage.durable import create_exclusive, make_folder, write_atomic

TARGETS = "mlfuzz_targets.py"
TESTS = "tests/test_mlfuzz.py"

OWN_MODEL = '''"""What mlfuzz fuzzes: `mlfuzz check {name}` proves that it can be."""

{imports}


def prepare(x):
    """What comes before the model, as in production: it is fuzzed along. {handed}."""
    return x


def {name}():
    """The model with the kind of input it takes; named in {config}."""
    model = load_my_model()
    labels = ("cat", "dog")  # in the order of the model's outputs; leave it out where it does not classify
    kind = {kind}
    return mlfuzz.ModuleTarget("{name}", kind, model, preprocess=prepare, labels=labels)


def load_my_model():
    raise NotImplementedError("load your torch.nn.Module here: {targets}, load_my_model()")
'''

EXAMPLE = '''"""What mlfuzz fuzzes: a shipped example with planted weaknesses; put your own model in its place."""

from {module} import fragile


def {name}():
    """Named in {config}; with `robust` instead of `fragile`, `mlfuzz replay` says what is mended."""
    target = fragile()
    target.name = "{name}"
    return target
'''

TEST = """import mlfuzz.testing

# A test for each finding that `mlfuzz findings promote` keeps.
test_{name} = mlfuzz.testing.regressions("{name}")
"""

TABLE = """[{prefix}targets.{name}]
use = "{file}:{name}"
{seeds}
[{prefix}fuzz]
time = "10m"
"""

SEEDS = """seeds = "corpus/seeds/{name}"    # natural inputs; a sub-folder is a label
"""

ATTRIBUTES = "corpus/** -text"
IGNORED = ".mlfuzz/"
CODE = "code"
IMAGE = "image"


def init(
    name: str = "model",
    /,
    *,
    kind: str = "",
    example: str = "",
    source: Annotated[str, Parameter(name="--from")] = "",
    context: Here,
) -> int:
    """Write what a project needs: the configuration, a target, a test, and two lines for git.

    Nothing that is there is changed; what was left alone is said.

    Args:
        name: What the target is called, as a Python name.
        kind: What your model takes: image, audio, text, or what mlfuzz list modalities has; image by default.
        example: image, audio or text: begin with a shipped model instead of your own; code: with a harness.
        source: What your model is handed over as: its file (.pt2, .pt, .onnx, .safetensors, .tflite, ...), a Hugging
            Face folder, the http:// address of a service, or the name of a form: callable, item, command, http, ...
    """
    if source and name == "model":
        name = name_of(source)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"{name!a} is no Python name; the target's function is called so: mlfuzz init digits")
    if example == CODE:
        return _code(context, name if name != "model" else "my_parser")
    if example and example not in SUBJECTS:
        raise UnknownNameError("example", example, SUBJECTS)
    if example and source:
        raise UsageError("--example brings its own model; leave out one of --example and --from")
    root = context.directory
    prefix, config = _table_prefix(root)
    file = TARGETS
    where = f"{config}, [{prefix}targets.{name}]"
    if example:
        target = EXAMPLE.format(module=f"{EXAMPLES}.{SUBJECTS[example]}", name=name, config=where)
    elif source:
        target = _handed_over(context, name, kind, source)
        file = TARGETS if not (root / TARGETS).exists() else f"{name}_target.py"
    else:
        target = OWN_MODEL.format(name=name, config=where, targets=TARGETS, **_taking(context, kind or IMAGE))
    _write(context, root / file, target)
    seeds = "" if example else SEEDS.format(name=name)
    _configure(
        context, root, config, TABLE.format(prefix=prefix, file=file.removesuffix(".py"), name=name, seeds=seeds)
    )
    _write(context, root / TESTS, TEST.format(name=name))
    _line(context, root / ".gitattributes", ATTRIBUTES, "regressions keep their bytes")
    _line(context, root / ".gitignore", IGNORED, "campaigns stay out of version control")
    if source:
        context.terminal.say("next: put inputs into ", (f"corpus/seeds/{name}", "bold"), f", see to what {file} says")
    elif not example:
        context.terminal.say("next: load your model in ", (TARGETS, "bold"), f", put inputs into corpus/seeds/{name}")
    context.terminal.say("  check    ", (f"mlfuzz check {name}", "bold"))
    context.terminal.say("  fuzz     ", (f"mlfuzz fuzz {name} --time 30s", "bold"))
    return EXIT_CLEAN


def _handed_over(context: Context, name: str, kind: str, source: str) -> str:
    """The text of a target of that file, folder, address or form. Raises UnknownNameError, UsageError."""
    path = context.path(source)
    form = source if source in FORMS else form_of(source, path)
    if not form:
        there = "; it is there, and nothing that can be handed over by its name" if path.exists() else ""
        raise UsageError(f"--from {source!a} is no model file and no form{there}; known: {', '.join(FORMS)}")
    if source in FORMS:
        file = ""
    elif form == "http":
        file = source
    elif not path.exists():
        raise UsageError(f"--from {source!a}: {path} is not there")
    else:
        file = os.path.relpath(path, context.directory) if path.is_relative_to(context.directory) else str(path)
    return text_of(form, name, _taking(context, kind or _kind_of(form, path))["kind"], file)


def _kind_of(form: str, path: Path) -> str:
    """What a model takes, where its folder says so; else images."""
    if form != "huggingface" or not path.is_dir():
        return IMAGE
    with suppress(OSError, ValueError, AttributeError):
        said = json.loads((path / "preprocessor_config.json").read_bytes())
        return "audio" if said.get("feature_extractor_type") and not said.get("image_processor_type") else IMAGE
    return "text" if any(path.glob("tokenizer*")) or any(path.glob("vocab*")) else IMAGE


def _taking(context: Context, kind: str) -> dict[str, str]:
    """The lines of a target that takes inputs of a modality. Raises UnknownNameError."""
    from mlfuzz.modality.base import MODALITIES
    from mlfuzz.modality.parts import parts_of

    if kind not in MODALITIES.names() and find(context.directory) is not None:
        context.resolve()  # its plugins may bring it
    modality = MODALITIES.get(kind)
    module = "mlfuzz" if getattr(mlfuzz, modality.__name__, None) is modality else modality.__module__
    parts, imports = parts_of(modality), sorted({"mlfuzz", module})
    return {
        "imports": "\n".join(f"import {each}" for each in imports),
        "handed": parts.handed,
        "kind": f"{module}.{modality.__name__}({parts.starter})",
    }


def _code(context: Context, name: str) -> int:
    """A harness with seeds, in place of a target; pytest needs no test file for what it finds."""
    root = context.directory
    if find(root) is None:
        _write(context, root / OWN, "# what mlfuzz is told; all has defaults: mlfuzz config show\n")
    new(name, kind="text", context=context)
    _line(context, root / ".gitattributes", ATTRIBUTES, "regressions keep their bytes")
    _line(context, root / ".gitignore", IGNORED, "campaigns stay out of version control")
    return EXIT_CLEAN


def _table_prefix(root: Path) -> tuple[str, str]:
    """How the tables are called, and the file they stand in: pyproject.toml where there is one."""
    return ("tool.mlfuzz.", SHARED) if (root / SHARED).is_file() and not (root / OWN).is_file() else ("", OWN)


def _configure(context: Context, root: Path, config: str, table: str) -> None:
    found = find(root)
    if found is not None and found.root == root.resolve():
        context.terminal.say("kept     ", config, ": it configures mlfuzz already; add\n\n", table)
        context.terminal.emit({"file": config, "done": "kept", "to_add": table})
    elif (root / config).is_file():
        _append(root / config, "\n" + table)
        context.terminal.say("added to ", config)
        context.terminal.emit({"file": config, "done": "added", "added": table})
    else:
        _write(context, root / config, table)


def _write(context: Context, path: Path, text: str) -> None:
    shown = visible(str(path.relative_to(context.directory)))
    make_folder(path.parent)
    if create_exclusive(path, text.encode(), sync=False):
        context.terminal.say("wrote    ", shown)
        context.terminal.emit({"file": shown, "done": "wrote"})
    else:
        context.terminal.say("kept     ", shown, ": it is there already")
        context.terminal.emit({"file": shown, "done": "kept"})


def _line(context: Context, path: Path, line: str, why: str) -> None:
    """One line at the end of a file, unless it is there."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    if re.search(rf"^{re.escape(line)}\s*$", text, re.MULTILINE):
        return
    _append(path, line + "\n")
    context.terminal.say("added to ", f"{path.name}: {line}", (f"  ({why})", "dim"))
    context.terminal.emit({"file": path.name, "done": "added", "added": line})


def _append(path: Path, text: str) -> None:
    """Bytes as they are: a file with other line ends keeps them."""
    before = path.read_bytes() if path.is_file() else b""
    write_atomic(path, before + (b"" if not before or before.endswith(b"\n") else b"\n") + text.encode(), sync=False)
