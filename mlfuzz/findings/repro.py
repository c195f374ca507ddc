"""A script of a few lines that shows a finding to someone who has never heard of mlfuzz, as far as that can be."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from mlfuzz.errors import MlfuzzError
from mlfuzz.findings.finding import Finding
from mlfuzz.modality.parts import Reading, parts_of

DOUBTS = {
    "candidate": "seen once, in a batch of the campaign, and not yet run alone; mlfuzz findings confirm does that",
    "flaky": "run alone it did not fail each time",
}
"""What a script says of a finding that may not fail when it is run by itself."""

HALVES = {"bf16": "bfloat16", "fp16": "half"}
"""Variants that plain torch makes in a word."""

COSTS = {"latency": "cost-seconds", "memory": "cost-bytes"}
"""Oracle -> what measures the input alone."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def repro_script(finding: Finding) -> str:
    """At most 20 lines of Python, to be put beside the finding's files and run from the project's folder.

    A code-side finding's bytes go to its harness. A model's input goes to the plain model where the record names it:
    evidence["repro"] = {"module": "pkg.mod", "model": "net", "preprocess": "prepare"}; else the script needs mlfuzz,
    and says so in its first line. Two forms of a model are both asked: half precision in plain torch, others by mlfuzz.
    Everything from the record is written as a literal: nothing in it can run.
    """
    plain = _plain_parts(finding)
    reading = _reading(finding) if plain else None
    if finding.side == "code":
        lines = _harness(finding)
    elif plain and reading and (_in_half(finding, reading) or not (finding.load and forms(finding))):
        lines = _model(finding, plain, reading)
    else:
        lines = _target(finding)
    return "\n".join([*lines, *_report(finding)]) + "\n"


def forms(finding: Finding) -> list[str]:
    """The variants beside the target that a finding is about, and what measures its cost; [] for most findings."""
    oracle = finding.oracle
    part, of = str(oracle.get("part", oracle.get("name", ""))), oracle.get("of")
    if part in ("differ", "majority") and of:
        return [str(one) for one in of] if isinstance(of, list | tuple) else [str(of)]
    return ["cost-operations"] if of == "operations" else [COSTS[part]] if part in COSTS else []


def _in_half(finding: Finding, reading: Reading) -> str:
    """The method of a tensor and a module that gives the other form; "" where plain torch has none."""
    named = forms(finding)
    return HALVES.get(named[0], "") if len(named) == 1 and reading.tensor else ""


def _report(finding: Finding) -> list[str]:
    if finding.side == "code":
        return []
    doubt = DOUBTS.get(finding.verdict, "")
    return [
        f"print('expected', {finding.expected[:200]!a}, '- seen by the campaign', {finding.observed[:200]!a})",
        *([f"print({f'not confirmed: {doubt}'!a})"] if doubt else []),
    ]


def _harness(finding: Finding) -> list[str]:
    where, _, function = finding.load.partition(":")
    if not function.startswith(":"):
        function = function if _DOTTED.fullmatch(function) else "TestOneInput"
    if finding.evidence.get("shipped"):
        give = f"getattr(harnesses.module({where!a}), {function!a})(data)"
        lines = [
            f"# {_comment(finding.kind)} {_comment(finding.observed)}: {_comment(where)} comes with mlfuzz.",
            "from pathlib import Path", "", "from mlfuzz import harnesses", "",
            f"data = Path(__file__).with_name({finding.input.file!a}).read_bytes()",
            f"{give}  # what was found: {_comment(finding.message or finding.observed)}",
        ]  # fmt: skip
        return lines
    if where.endswith(".py") and function.startswith(":"):
        return _property(finding)
    if where.endswith(".py") and function != "fuzz":
        return _script(finding, where, function)
    if where.endswith(".py"):
        give, module = f"runpy.run_path({where!a}, run_name='repro')[{function!a}](data)", "runpy"
    elif _DOTTED.fullmatch(where):
        give, module = f"getattr(importlib.import_module({where!a}), {function!a})(data)", "importlib"
    else:
        return _missing(finding)
    failure = f"{_comment(finding.kind)} {_comment(finding.observed)}"
    return [
        f"# {failure}: run from the project's folder; needs {_comment(where)} alone.",
        "# Plain Python, without mlfuzz's sandbox: what the input makes the code do is done.",
        f"import {module}",
        "import sys",
        "from pathlib import Path",
        "",
        "sys.path.insert(0, '.')",
        f"data = Path(__file__).with_name({finding.input.file!a}).read_bytes()",
        f"{give}  # what was found: {_comment(finding.message or finding.observed)}",
    ]


def _property(finding: Finding) -> list[str]:
    """A test of Hypothesis, by its public `fuzz_one_input`; mlfuzz fits it to classes and to cases."""
    failure = f"{_comment(finding.kind)} {_comment(finding.observed)}"
    return [
        f"# {failure}: run from the project's folder; needs mlfuzz and {_comment(finding.load.partition(':')[0])}.",
        "from pathlib import Path",
        "",
        "from mlfuzz import harnesses",
        "",
        f"data = Path(__file__).with_name({finding.input.file!a}).read_bytes()",
        f"test = harnesses.property_test({finding.load!a})",
        f"test(data)  # what was found: {_comment(finding.message or finding.observed)}",
    ]


def _script(finding: Finding, where: str, function: str) -> list[str]:
    """A plain atheris file, run as it is: what it hands to Setup gets the bytes where it calls Fuzz."""
    return [
        f"# {_comment(finding.kind)} {_comment(finding.observed)}: run from the project's folder; "
        f"needs {_comment(where)}, and atheris or mlfuzz.",
        "import importlib",
        "import runpy",
        "import sys",
        "from pathlib import Path",
        f"where = Path({where!a})",
        f"data = Path(__file__).with_name({finding.input.file!a}).read_bytes()",
        "sys.path[:0] = ['.', 'src', str(where.parent)]",
        "try:",
        "    atheris = importlib.import_module('atheris')",
        "except ImportError:  # what takes its place where nothing is fuzzed",
        "    atheris = importlib.import_module('mlfuzz.codefuzz.loading.atheris_shim').install()",
        "given = []",
        "atheris.Setup = lambda arguments, entry, **_: given.append(entry) or arguments",
        "atheris.Fuzz = lambda: sys.exit(given[-1](data))",
        "sys.argv = [str(where)]",
        "packaged = not where.is_absolute() and where.with_name('__init__.py').exists()",
        "run = runpy.run_module if packaged else runpy.run_path",
        "names = run('.'.join(where.with_suffix('').parts) if packaged else str(where), run_name='__main__')",
        f"(given or [names[{function!a}]])[-1](data)  # found: {_comment(finding.message or finding.observed)}",
    ]


def _model(finding: Finding, plain: Mapping[str, str], reading: Reading) -> list[str]:
    lines = [
        f"# {_comment(finding.sentence)}: run from the project's folder; needs torch and {plain['module']} alone.",
        "import importlib",
        "import sys",
        "from pathlib import Path",
        *reading.imports,
        "import torch",
        "",
        "sys.path.insert(0, '.')",
        f"module = importlib.import_module({plain['module']!a})",
        f"path = Path(__file__).with_name({finding.input.file!a})",
        *reading.lines,
    ]
    prepared = f"module.{plain['preprocess']}(x)" if plain.get("preprocess") else "x"
    lines += ["with torch.no_grad():", f"    print(module.{plain['model']}.eval()({prepared}))"]
    if half := _in_half(finding, reading):
        lines.append(f"    print({forms(finding)[0]!a}, module.{plain['model']}.{half}()({prepared}.{half}()).float())")
    elif forms(finding):
        lines.append(f"# The other side of it, {_comment(', '.join(forms(finding)))}, is run by mlfuzz replay alone.")
    return lines


def _reading(finding: Finding) -> Reading | None:
    """How the input's file is read without mlfuzz; None where its modality is not here, or does not say."""
    from mlfuzz.modality.base import rebuild  # numpy, which a supervisor does without

    try:
        modality = rebuild(finding.modality)
    except (MlfuzzError, KeyError, TypeError):  # of a plugin that is not installed, or damaged
        return None
    reading = parts_of(modality).reading
    return None if reading is None else reading(modality, finding.input.file)


def _target(finding: Finding) -> list[str]:
    if not finding.load:
        return _missing(finding)
    beside = forms(finding)
    return [
        f"# Needs mlfuzz: {_comment(finding.load)} is a mlfuzz target. Run from the project's folder.",
        "from pathlib import Path",
        "",
        "from mlfuzz.batch import from_payloads",
        "from mlfuzz.targets.load import load",
        *(["from mlfuzz.targets.variants.base import varied"] if beside else []),
        "",
        f"target = load({finding.load!a}, directory=Path.cwd())",
        *([f"target = varied(target, {beside!a})"] if beside else []),
        f"path = Path(__file__).with_name({finding.input.file!a})",
        "payload = target.modality.decode(path.read_bytes(), suffix=path.suffix)",
        "seen = target.run(from_payloads([payload], target.modality, target.device))",
        *(["for name, said in seen.outputs.items():", "    print(name, said)"] if beside else []),
        *([] if beside else ["print(seen.outputs['main'])"]),
    ]


def _missing(finding: Finding) -> list[str]:
    return [
        f"# The target {_comment(finding.target)} was an object of a running program: hand it the file yourself.",
        "from pathlib import Path",
        "",
        f"path = Path(__file__).with_name({finding.input.file!a})",
        "print(len(path.read_bytes()), 'bytes in', path)",
    ]


def _plain_parts(finding: Finding) -> dict[str, str] | None:
    recorded: Any = finding.evidence.get("repro")
    if not isinstance(recorded, dict) or not {"module", "model"} <= set(recorded):
        return None
    parts = {str(name): str(value) for name, value in recorded.items() if value}
    return parts if all(_is_dotted(value) for value in parts.values()) else None


def _is_dotted(name: str) -> bool:
    return bool(_DOTTED.fullmatch(name)) and not any(keyword.iskeyword(part) for part in name.split("."))


def _comment(text: str) -> str:
    """On one line, whatever it holds."""
    return ascii(text[:60])[1:-1]
