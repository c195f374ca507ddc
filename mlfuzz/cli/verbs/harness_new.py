"""`mlfuzz harness new`: a harness that runs as it is, its seeds and its dictionary; what is there is left alone."""

from __future__ import annotations

import os
import plistlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, cast

from cyclopts import Parameter

from mlfuzz.cli.resolve.context import Context, Here
from mlfuzz.cli.resolve.plan import shown_path
from mlfuzz.cli.verbs import format_seeds
from mlfuzz.cli.verbs.harness_formats import PATHS, STARTERS, dictionary
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.names import objection
from mlfuzz.errors import EXIT_CLEAN, UsageError
from mlfuzz.storage.durable import ANYBODY, create_exclusive, make_folder

Kind = Literal[
    "image", "audio", "text", "bytes",
    "json", "xml", "toml", "yaml", "zip", "png", "riff", "npy", "safetensors", "protobuf", "tar", "pdf", "gzip",
    "pickle", "scanner", "grammar",
]  # fmt: skip

GRAMMAR = "grammar"
SCANNER, SHIPPED_SCANNER = "scanner", "model_files"
"""A kind that is written as the harness is that comes with mlfuzz."""

TEMPLATE = '''#!/usr/bin/env python3
"""{about}. Put your own code in the place of {example}.

Documented: the exceptions under "allowed"; whatever else the code raises is a finding.
Run it with `mlfuzz harness run {name}`, or by itself with `python harnesses/{name}.py -max_total_time=60`.
"""

import contextlib
{imports}

HARNESS = {{
    "name": "{name}",
    "about": "{about}",
    "instrument": [{package}],  # packages whose coverage guides the fuzzer
    "preload": {preload},  # modules that are imported only once they are needed: imported beforehand they are seen
    "seeds": "corpus/seeds/code/{name}",
    "dictionary": "corpus/seeds/code/{name}.dict",
    "allowed": {allowed},  # exceptions that the code documents
    "seconds": 1.0,  # an input that takes longer is a finding,
    "mebibytes": 512,  # and so is one that takes more memory
    "length": {length},{mutator}{blind}
}}

if __name__ == "__main__":  # a plain atheris script; elsewhere mlfuzz instruments
    import atheris

    with atheris.instrument_imports(include=[*HARNESS["instrument"]]):
        import {module}  # noqa: F401
{use}

def fuzz(data: bytes) -> None:
{body}


if __name__ == "__main__":
    import sys

    def TestOneInput(data: bytes) -> None:
        with contextlib.suppress({suppress}):
            fuzz(data)

    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
'''

PARTS: Mapping[Kind, Mapping[str, str]] = {
    "image": {
        "what": "an image file -> PIL.Image.open", "example": "PIL", "package": "PIL", "module": "PIL.Image",
        "allowed": '["OSError", "PIL.Image.DecompressionBombError"]',
        "suppress": "OSError, Image.DecompressionBombError",
        "preload": '["PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin", "PIL.BmpImagePlugin"]',
        "imports": "import io", "use": "\nfrom PIL import Image\n", "length": "4096",
        "body": "    with Image.open(io.BytesIO(data)) as image:\n        image.convert(\"RGB\")",
    },
    "audio": {
        "what": "a WAV file -> wave.open", "example": "wave", "package": "wave", "module": "wave",
        "allowed": '["wave.Error", "EOFError"]', "suppress": "wave.Error, EOFError", "imports": "import io",
        "use": "\nimport wave\n", "length": "4096",
        "body": (
            "    with wave.open(io.BytesIO(data)) as file:\n        file.readframes(min(file.getnframes(), 1 << 20))"
        ),
    },
    "text": {
        "what": "a text -> tomllib.loads", "example": "tomllib", "package": "tomllib", "module": "tomllib",
        "allowed": '["ValueError", "RecursionError"]', "suppress": "ValueError, RecursionError", "imports": "",
        "use": "\nimport tomllib\n", "length": "1024",
        "body": "    tomllib.loads(data.decode(\"utf-8\", \"replace\"))",
    },
    "bytes": {
        "what": "bytes -> plistlib.loads", "example": "plistlib", "package": "plistlib", "module": "plistlib",
        "allowed": '["plistlib.InvalidFileException"]', "suppress": "plistlib.InvalidFileException", "imports": "",
        "use": "\nimport plistlib\n", "length": "1024",
        "body": "    plistlib.loads(data, fmt=plistlib.FMT_BINARY)",
    },
}  # fmt: skip


def new(
    name: str = "",
    /,
    *,
    kind: Annotated[Kind, Parameter(name="--for")] = "bytes",
    for_target: str = "",
    compare: Annotated[tuple[str, str] | None, Parameter(negative="")] = None,
    decode: str = "",
    context: Here,
) -> int:
    """Write harnesses/NAME.py with seeds and a dictionary in corpus/seeds/code/. It runs as it is.

    Args:
        name: Of the harness: letters, digits, underscores.
        kind: What it takes: image, audio, text, bytes; or a format, whose files are changed and made smaller by their
            parts: json, xml, toml, yaml, zip, png, riff, npy, safetensors, protobuf, tar, pdf, gzip, pickle; or
            scanner: what scans model files, against a loader; or grammar: a language that a grammar describes.
        for_target: Check what a target's own decoder and preprocessing make of a file: any name of a target.
        compare: Two functions of bytes that should give the same, module:function each: training and serving.
        decode: With --for-target, what reads a file in production: module:function.
    """
    if for_target or compare or decode:
        return preprocessing(context, name, kind, for_target=for_target, pair=compare, decode=decode)
    return _written(name, text_of, kind, context)


def preprocessing(
    context: Context, name: str, kind: Kind, *, for_target: str, pair: tuple[str, str] | None, decode: str
) -> int:
    """A harness of what comes before a model. Raises UsageError for what does not go together."""
    from mlfuzz.cli.verbs import harness_for_target

    if pair is not None:
        if decode or not name:
            raise UsageError("--compare names both functions itself: mlfuzz harness new NAME --compare a:b c:d")
        made = harness_for_target.compare(context, pair, name, kind, target=for_target)
    elif for_target:
        made = harness_for_target.for_target(context, for_target, name, decode=decode)
    else:
        raise UsageError("--decode is of a target: mlfuzz harness new --for-target NAME --decode module:function")
    for note in made.notes:
        context.terminal.say((note, "dim"))
    return _written(made.name, lambda _, __: made.text, cast(Kind, made.kind), context, seeds=made.seeds)


def _written(
    name: str, text: Callable[[str, Kind], str], kind: Kind, context: Context, *,
    seeds: Mapping[str, bytes] | None = None,
) -> int:  # fmt: skip
    root = context.resolve().root
    if why := objection(name, root, tested(kind) if seeds is None else ()):
        raise UsageError(f"{why}{f' --for {kind}' if 'write mlfuzz' in why and kind != 'bytes' else ''}")
    given = seeds_of(kind) if seeds is None else seeds
    files = {f"corpus/seeds/code/{name}/{seed}": data for seed, data in given.items()}
    files |= {f"corpus/seeds/code/{name}.dict": words_of(kind), f"harnesses/{name}.py": text(name, kind).encode()}
    if kind == GRAMMAR:
        files = {f"harnesses/{name}.lark": PATHS.encode(), **files}
    for there in (root / "harnesses" / f"{name}.py", root / "harnesses" / name):
        if os.path.lexists(there):
            shown = shown_path(there, context.directory)
            raise UsageError(f"{shown} is there already; write mlfuzz harness new {name}_2, or remove it")
    for path, data in files.items():  # the harness last: it says that all is there
        _write(root / path, data)
        context.terminal.say(("wrote ", "green"), shown_path(root / path, context.directory))
    context.terminal.emit({"harness": name, "files": sorted(files)})
    context.terminal.result(("  run      ", "dim"), f"mlfuzz harness run {name} --time 60s")
    return EXIT_CLEAN


def text_of(name: str, kind: Kind) -> str:
    """The harness's source."""
    if kind == SCANNER:
        return discovery.shipped(SHIPPED_SCANNER).path.read_text(encoding="utf-8").replace(SHIPPED_SCANNER, name)
    starter = STARTERS.get(kind)
    parts = PARTS[kind] if starter is None else starter.fields
    fields = {"preload": "[]", **parts, "mutator": "", "blind": ""}
    fields["package"] = f'"{parts["package"]}"' if parts["package"] else ""
    if kind == GRAMMAR:
        fields["mutator"] = f'\n    "grammar": "harnesses/{name}.lark",  # inputs are made and changed by it'
    elif starter is not None:
        fields["mutator"] = (
            f'\n    "mutator": "{starter.mutator}",  # files are changed part by part, with lengths right'
        )
    if "blind" in parts:
        fields["blind"] = '\n    "blind": True,  # native code gives no coverage'
    text = TEMPLATE.format(name=name, about=parts["what"], **{key: fields[key] for key in fields if key != "what"})
    return re.sub(r"\n{4,}", "\n\n\n", text.replace("import contextlib\n\n\nHARNESS", "import contextlib\n\nHARNESS"))


def seeds_of(kind: Kind) -> dict[str, bytes]:
    """Small inputs that the code takes, by file name."""
    if kind == SCANNER:
        return {path.name: path.read_bytes() for path in discovery.shipped(SHIPPED_SCANNER).seed_files()}
    if kind in STARTERS:
        return STARTERS[kind].seeds()
    if kind == "image":
        return format_seeds.png_files()
    if kind == "audio":
        return format_seeds.wav_files()
    if kind == "text":
        return {"table.toml": b'[a]\nb = [1, 2.5e3]\nc = "\\u00e9"\n', "date.toml": b"d = 2024-02-29T10:00:00Z\n"}
    tree = {"a": [1, 2.5, b"x"], "b": True}
    return {
        "flat.plist": plistlib.dumps("x", fmt=plistlib.FMT_BINARY),
        "tree.plist": plistlib.dumps(tree, fmt=plistlib.FMT_BINARY),
    }


def tested(kind: Kind) -> tuple[str, ...]:
    """Modules that a harness of this kind tests: its own name may not be theirs."""
    if kind == SCANNER:
        return ()
    fields = STARTERS[kind].fields if kind in STARTERS else PARTS[kind]
    return fields["module"], fields["package"]


def words_of(kind: Kind) -> bytes:
    """Its dictionary."""
    if kind == SCANNER:
        return Path(discovery.shipped(SHIPPED_SCANNER).declaration.dictionary).read_bytes()
    return dictionary(STARTERS[kind].words) if kind in STARTERS else _WORDS[kind]


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    create_exclusive(path, data, sync=False, mode=0o777 if path.suffix == ".py" else ANYBODY)


_WORDS: Mapping[Kind, bytes] = {
    "image": b'"IHDR"\n"IDAT"\n"PLTE"\n"tRNS"\n"acTL"\n"\\x89PNG\\x0d\\x0a"\n"GIF89a"\n"\\xff\\xd8\\xff"\n"BM"\n',
    "audio": b'"RIFF"\n"WAVE"\n"fmt "\n"data"\n"fact"\n"LIST"\n"\\xfe\\xff"\n',
    "text": b'"[["\n"]]"\n"true"\n"inf"\n"nan"\n"\\x22\\x22\\x22"\n"0x"\n"e+"\n"T00:00"\n"\\\\u"\n',
    "bytes": b'"bplist00"\n"\\x0f"\n"\\xff\\xff\\xff\\xff"\n"\\x00\\x00\\x00\\x00"\n',
}
