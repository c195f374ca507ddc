"""The forms in which other people write harnesses, each with a bug that only coverage leads to.

Every form is a small project: the files, what `mlfuzz harness run` is given, and how its author runs it without mlfuzz.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codefuzz.atheris_forms import FORMS as INSTRUMENTING
from codefuzz.atheris_forms import HELPER, MAGIC, TARGET

RUNS = 1_500_000
"""Inputs within which the bug is found with coverage, by both; without it takes some 2 ** 32."""

SEED = b"zzzzzzzz"
NEARER = MAGIC[:-2] + SEED
"""For forms whose runs take a hundred times as long."""

BUG = "KeyError: 'planted'"

HEAD = "import sys\nimport atheris\nwith atheris.instrument_imports():\n    import acme\n"
GUARD = "\nif __name__ == '__main__':\n"
LAST = f"{GUARD}    atheris.Setup(sys.argv, {{entry}})\n    atheris.Fuzz()\n"


@dataclass(frozen=True)
class Form:
    """files: beside the target's. path: of the harness. command: arguments of Python that run it without mlfuzz.

    variables: of the environment; those of PLAIN_ begin so for Python alone. target: folder of the target's package.
    """

    files: Mapping[str, str | bytes]
    path: str = "harnesses/form.py"
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    seed: bytes = SEED

    def build(self, root: Path) -> Path:
        """The project; its harness."""
        every: dict[str, str | bytes] = {
            "mlfuzz.toml": "",
            f"{self.target}acme/__init__.py": "from acme.deep import parse\n",
        }
        every[f"{self.target}acme/deep.py"] = TARGET
        for name, content in {**every, **self.files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        (root / "seeds").mkdir(exist_ok=True)
        (root / "seeds" / "one").write_bytes(self.seed)
        return root / self.path

    def plainly(self) -> tuple[str, ...]:
        """Arguments of Python, without libFuzzer's."""
        return self.command or (self.path,)


def one(text: str, path: str = "harnesses/form.py", **more: object) -> Form:
    """A form of one file."""
    others = more.pop("files", {})
    return Form({path: text, **others}, path, **more)  # type: ignore[arg-type, dict-item]


def entry(text: str, name: str, head: str = HEAD, seed: bytes = SEED) -> Form:
    """A form of which only the function that takes inputs is its own."""
    return one(f"{head}{text}{LAST.format(entry=name)}", seed=seed)


def zipped(files: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


ENTRIES = {
    "another name": entry("def fuzz_one_input(data):\n    acme.parse(data)\n", "fuzz_one_input"),
    "named as those with a literal": entry("def fuzz(data):\n    acme.parse(data)\n", "fuzz"),
    "a bound method": entry("class Runner:\n    def run(self, data):\n        acme.parse(data)\n", "Runner().run"),
    "a class method": entry(
        "class Runner:\n    @classmethod\n    def run(cls, data):\n        acme.parse(data)\n", "Runner.run"
    ),
    "a static method": entry(
        "class Runner:\n    @staticmethod\n    def run(data):\n        acme.parse(data)\n", "Runner.run"
    ),
    "an object that can be called": entry(
        "class Runner:\n    def __call__(self, data):\n        acme.parse(data)\n", "Runner()"
    ),
    "a class that is made with the input": entry(
        "class Runner:\n    def __init__(self, data):\n        acme.parse(data)\n", "lambda data: Runner(data) and None"
    ),
    "a lambda": entry("", "lambda data: acme.parse(data) and None"),
    "a partial": entry(
        "import functools\ndef run(strict, data):\n    acme.parse(data)\n", "functools.partial(run, True)"
    ),
    "a function of defaults": entry("def run(data, strict=True):\n    acme.parse(data)\n", "run"),
    "a function of annotations": entry(
        "def run(data: bytes) -> None:\n    acme.parse(data)\n", "run", f"from __future__ import annotations\n{HEAD}"
    ),
    "a decorated function": entry(
        "import functools\ndef quiet(function):\n    @functools.wraps(function)\n    def run(*arguments):\n"
        "        try:\n            function(*arguments)\n        except ValueError:\n            pass\n    return run\n"
        "@quiet\ndef TestOneInput(data):\n    acme.parse(data)\n",
        "TestOneInput",
    ),
    "the target's own function": entry("", "acme.deep.parse", f"{HEAD}    import acme.deep\n"),
    "a coroutine inside": entry(
        "import asyncio\nLOOP = asyncio.new_event_loop()\nasync def work(data):\n    acme.parse(data)\n"
        "def TestOneInput(data):\n    LOOP.run_until_complete(work(data))\n",
        "TestOneInput",
        seed=NEARER,
    ),
    "a closure of main": one(
        f"{HEAD}def main():\n    seen = []\n    def run(data):\n        seen[:] = [len(data)]\n"
        "        acme.parse(data)\n    atheris.Setup(sys.argv, run)\n    atheris.Fuzz()\n" + GUARD + "    main()\n"
    ),
    "a method of a local class": one(
        f"{HEAD}def main():\n    class Local:\n        def run(self, data):\n            acme.parse(data)\n"
        "    atheris.Setup(sys.argv, Local().run)\n    atheris.Fuzz()\n" + GUARD + "    sys.exit(main())\n"
    ),
    "a function under the guard": one(
        f"{HEAD}{GUARD}    def run(data):\n        acme.parse(data)\n    atheris.Setup(sys.argv, run)\n"
        "    atheris.Fuzz()\n"
    ),
    "everything decorated and instrumented in main": one(
        "import sys\nimport atheris\nimport acme\n@atheris.instrument_func\ndef TestInput(data):\n"
        "    provider = atheris.FuzzedDataProvider(data)\n    acme.parse(provider.ConsumeBytes(sys.maxsize))\n"
        "def main():\n    atheris.instrument_func(acme.deep.parse)\n"
        "    atheris.Setup(sys.argv, TestInput, enable_python_coverage=True)\n    atheris.Fuzz()\n"
        + GUARD
        + "    main()\n"
    ),
}

RUN = "def TestOneInput(data):\n    acme.parse(data)\n"

SCRIPTS = {
    "Setup at import, Fuzz under the guard": one(
        f"{HEAD}{RUN}atheris.Setup(sys.argv, TestOneInput)\n{GUARD}    atheris.Fuzz()\n"
    ),
    "no guard": one(f"{HEAD}{RUN}atheris.Setup(sys.argv, TestOneInput)\natheris.Fuzz()\nraise SystemExit('never')\n"),
    "no guard, and a name of its own": one(
        f"{HEAD}atheris.Setup(sys.argv, lambda data: acme.parse(data) and None)\natheris.Fuzz()\n"
    ),
    "a guard of another look": one(
        f"{HEAD}{RUN}\nif not __name__ != '__main__':\n    atheris.Setup(sys.argv, TestOneInput)\n    atheris.Fuzz()\n"
    ),
    "names imported from atheris": one(
        "import sys\nfrom atheris import Fuzz, Setup, instrument_imports\nwith instrument_imports():\n    import acme\n"
        f"def run(data):\n    acme.parse(data)\n{GUARD}    Setup(sys.argv, run)\n    Fuzz()\n"
    ),
    "argparse in main": one(
        f"{HEAD}import argparse\n{RUN}def main():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--strict', action='store_true')\n    _, rest = parser.parse_known_args()\n"
        "    atheris.Setup([sys.argv[0], *rest], TestOneInput)\n    atheris.Fuzz()\n" + GUARD + "    main()\n"
    ),
    "an application's run": one(
        f"{HEAD}import app\n{RUN}def main(argv):\n    atheris.Setup(sys.argv, TestOneInput)\n    atheris.Fuzz()\n"
        + GUARD + "    app.run(main)\n",
        files={"harnesses/app.py": "import sys\ndef run(main):\n    sys.exit(main(sys.argv))\n"},
    ),
    "Fuzz inside what is closed afterwards": one(
        f"{HEAD}import os, tempfile\ndef main():\n    with tempfile.TemporaryDirectory() as folder:\n"
        "        path = os.path.join(folder, 'words')\n        open(path, 'w').close()\n"
        "        def run(data):\n            if os.path.exists(path):\n                acme.parse(data)\n"
        "        atheris.Setup(sys.argv, run)\n        atheris.Fuzz()\n" + GUARD + "    main()\n"
    ),
    "Fuzz inside the block that instruments": one(
        "import sys\nimport atheris\nwith atheris.instrument_imports():\n    import acme\n"
        f"    atheris.Setup(sys.argv, lambda data: acme.parse(data) and None)\n{GUARD}    atheris.Fuzz()\n"
    ),
    "a loop of events that stays open": one(
        f"{HEAD}import asyncio\nasync def work(data):\n    acme.parse(data)\ndef main():\n"
        "    with asyncio.Runner() as runner:\n        atheris.Setup(sys.argv, lambda data: runner.run(work(data)))\n"
        "        atheris.Fuzz()\n" + GUARD + "    main()\n",
        seed=NEARER,
    ),
    "flags for libFuzzer in the file": one(
        f"{HEAD}{RUN}{GUARD}    atheris.Setup([*sys.argv, '-max_len=64'], TestOneInput)\n    atheris.Fuzz()\n"
    ),
    "no main at all but Setup in a helper": one(
        f"{HEAD}from handing import go\n{RUN}{GUARD}    go(TestOneInput)\n",
        files={
            "harnesses/handing.py": "import sys\nimport atheris\ndef go(function):\n"
            "    atheris.Setup(sys.argv, function)\n    atheris.Fuzz()\n"
        },
    ),
    "a helper that holds the function": one(
        "import sys\nimport atheris\nfrom holding import TestOneInput\n" + LAST.format(entry="TestOneInput"),
        files={"harnesses/holding.py": f"{HEAD}{RUN}"},
    ),
    "a helper that holds all": one(
        "from holding import main\n" + GUARD + "    main()\n",
        files={
            "harnesses/holding.py": f"{HEAD}{RUN}def main():\n    atheris.Setup(sys.argv, TestOneInput)\n"
            "    atheris.Fuzz()\n"
        },
    ),
    "a helper's block around the import": one(
        "import sys\nimport atheris\nfrom helping import watched\nwith watched():\n    import acme\n"
        + RUN + LAST.format(entry="TestOneInput"),
        files={
            "harnesses/helping.py": "import contextlib\nimport atheris\n@contextlib.contextmanager\ndef watched():\n"
            "    with atheris.instrument_imports(include=['acme']):\n        yield\n"
        },
    ),
    "a package that is run": Form(
        {
            "fuzzers/__init__.py": "", "fuzzers/inner.py": f"{HEAD}{RUN}",
            "fuzzers/__main__.py": "import sys\nimport atheris\nfrom .inner import TestOneInput\n"
            "atheris.Setup(sys.argv, TestOneInput)\natheris.Fuzz()\n",
        },
        "fuzzers/__main__.py",
        ("-m", "fuzzers"),
    ),
    "a module of a package": Form(
        {
            "tests/__init__.py": "", "tests/fuzz/__init__.py": "", "tests/fuzz/inner.py": HEAD,
            "tests/fuzz/fuzz_it.py": f"import sys\nimport atheris\nfrom .inner import acme\n{RUN}"
            + LAST.format(entry="TestOneInput"),
        },
        "tests/fuzz/fuzz_it.py",
        ("-m", "tests.fuzz.fuzz_it"),
    ),
}  # fmt: skip

PLACES = {
    "src, put on the path by the file": one(
        "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'src'))\n"
        f"{HEAD}{RUN}{LAST.format(entry='TestOneInput')}",
        target="src/",
    ),
    "src on a relative PYTHONPATH": one(
        f"{HEAD}{RUN}{LAST.format(entry='TestOneInput')}", target="src/", variables={"PYTHONPATH": "src"}
    ),
    "a folder that pytest puts on the path": one(
        f"{HEAD}{RUN}{LAST.format(entry='TestOneInput')}",
        target="lib/python/",
        files={"pytest.ini": "[pytest]\npythonpath = lib/python\n"},
        variables={"PLAIN_PYTHONPATH": "lib/python"},
    ),
    "beside the target": one(f"{HEAD}{RUN}{LAST.format(entry='TestOneInput')}", "fuzz_acme.py"),
    "a target in an archive": one(
        f"import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'acme.zip'))\n{HEAD}{RUN}"
        + LAST.format(entry="TestOneInput"),
        files={
            "harnesses/acme.zip": zipped(
                {"acme/__init__.py": b"from acme.deep import parse\n", "acme/deep.py": TARGET.encode()}
            )
        },
        target="elsewhere/",
    ),
    "a file that is read by a relative path": one(
        f"{HEAD}WORDS = open('data/words.txt').read().split()\ndef TestOneInput(data):\n"
        "    if data[:1] == b'M' and open('data/words.txt').read().split() != WORDS:\n        return\n"
        "    acme.parse(data)\n" + LAST.format(entry="TestOneInput"),
        files={"data/words.txt": "a few words"},
        seed=NEARER,
    ),
    "a file beside the harness": one(
        f"{HEAD}from pathlib import Path\nWORDS = Path(__file__).with_name('words.txt').read_text()\n{RUN}"
        + LAST.format(entry="TestOneInput"),
        files={"harnesses/words.txt": "a few words"},
    ),
    "an input that is written by a relative path": one(
        # Few are written: a file takes a thousand times as long as a comparison.
        f"{HEAD}def TestOneInput(data):\n    if data[:3] == {MAGIC[:3]!r}:\n"
        "        with open('input.bin', 'wb') as file:\n            file.write(data)\n"
        "        with open('input.bin', 'rb') as file:\n            data = file.read()\n    acme.parse(data)\n"
        + LAST.format(entry="TestOneInput"),
        seed=NEARER,
    ),
    "OSS-Fuzz's dictionary, seeds and options": Form(
        {
            "fuzz_acme.py": f"{HEAD}def TestOneInput(data):\n    if data[:8] == b'\\x01OSSFUZZ':\n"
            "        acme.parse(data[8:])\n" + LAST.format(entry="TestOneInput"),
            "fuzz_acme_seed_corpus.zip": zipped({"deep/one.bin": b"\x01OSSFUZZzzzzzz", "two.bin": b"two"}),
            "fuzz_acme.dict": '"\\x01OSSFUZZ"\n',
            "fuzz_acme.options": "[libfuzzer]\nmax_len = 32\n",
        },
        "fuzz_acme.py",
    ),
}

MUTATED = """
import zlib

def inflated(data):
    try:
        return zlib.decompress(data)
    except zlib.error:
        return b"zzzzzzzz"

def mutate(data, max_size, seed):
    return zlib.compress(atheris.Mutate(inflated(data), 64))

def cross(one, two, max_size, seed):
    return zlib.compress(inflated(one)[: seed % 8] + inflated(two)[seed % 8 :])

def TestOneInput(data):
    try:
        plain = zlib.decompress(data)
    except zlib.error:
        return
    acme.parse(plain)
"""


def mutated(arguments: str) -> Form:
    return one(
        f"{HEAD}{MUTATED}{GUARD}    atheris.Setup(sys.argv, TestOneInput, {arguments})\n    atheris.Fuzz()\n",
        seed=bytes.fromhex("789cabaa820100118f03d1"),
    )


def provided(text: str, head: str = HEAD) -> Form:
    return entry(f"def TestOneInput(data):\n    fdp = atheris.FuzzedDataProvider(data)\n{text}", "TestOneInput", head)


STEPS = "    if {}:\n        if {}:\n            if {}:\n                raise KeyError('planted')\n"
STEPPED = "import sys\nimport atheris\nwith atheris.instrument_imports():\n    import steps\n"


def stepped(values: str, *tests: str) -> Form:
    """The target compares what a provider has made of the input."""
    names = ", ".join("abc"[: len(tests)])
    return one(
        f"{STEPPED}def TestOneInput(data):\n    fdp = atheris.FuzzedDataProvider(data)\n    steps.walk({values})\n"
        + LAST.format(entry="TestOneInput"),
        files={"steps.py": f"def walk({names}):\n{STEPS.format(*tests)}"},
    )


MUTATORS = {
    "a mutator": mutated("custom_mutator=mutate"),
    "a mutator and a crossover": mutated("custom_mutator=mutate, custom_crossover=cross"),
    "a crossover": one(
        f"{HEAD}{RUN}def cross(one, two, max_size, seed):\n    return (one[: seed % 9] + two[seed % 9 :])[:max_size]\n"
        f"{GUARD}    atheris.Setup(sys.argv, TestOneInput, custom_crossover=cross)\n    atheris.Fuzz()\n"
    ),
}

PROVIDERS = {
    "bytes of a provider": provided("    acme.parse(fdp.ConsumeBytes(atheris.ALL_REMAINING))\n"),
    "text of a provider": stepped(
        "*[(fdp.ConsumeUnicodeNoSurrogates(4) or ' ') for _ in 'abc']", "a[0] == 'q'", "b[0] == 'w'", "c[0] == 'y'"
    ),
    "numbers of a provider": stepped(
        "fdp.ConsumeIntInRange(0, 255), fdp.ConsumeInt(1), fdp.ConsumeUInt(1)", "a == 77", "b == -99", "c == 231"
    ),
    "lists of a provider": stepped(
        "fdp.ConsumeIntListInRange(2, 0, 255), fdp.ConsumeIntList(2, 1), fdp.PickValueInList(list(range(256)))",
        "a[0] == 77", "b[1] == -99", "c == 231",
    ),
    "fractions of a provider": stepped(
        "fdp.ConsumeFloatInRange(0, 256), fdp.ConsumeProbability(), fdp.ConsumeBool()",
        "77 <= a < 78", ".25 <= b < .26", "c",
    ),
}  # fmt: skip

HOOKED = {
    "a match that is made": one(
        f"{STEPPED}MADE = atheris.gen_match('[k-m]x{{2}}').encode()\ndef TestOneInput(data):\n"
        "    steps.walk(data, MADE)\n" + LAST.format(entry="TestOneInput"),
        files={
            "steps.py": "def walk(data, made):\n    for at, byte in enumerate(made):\n"
            "        if data[at : at + 1] != bytes([byte]):\n            return\n"
            "    if data[len(made) : len(made) + 1] == b'\\xe7':\n        raise KeyError('planted')\n"
        },
    ),
    "an expression that is searched": one(
        "import sys\nimport atheris\natheris.enabled_hooks.add('RegEx')\n"
        f"{STEPPED.partition('atheris')[2].partition(chr(10))[2]}def TestOneInput(data):\n"
        "    steps.walk(data.decode('latin-1'))\n" + LAST.format(entry="TestOneInput"),
        files={
            "steps.py": "import re\ndef walk(text):\n    if re.match('key=[0-9]{3};', text):\n"
            "        raise KeyError('planted')\n"
        },
    ),
    "a beginning that is asked for": one(
        "import sys\nimport atheris\natheris.enabled_hooks.add('str')\n"
        f"{STEPPED.partition('atheris')[2].partition(chr(10))[2]}def TestOneInput(data):\n"
        "    steps.walk(data.decode('latin-1'))\n" + LAST.format(entry="TestOneInput"),
        files={
            "steps.py": "def walk(text):\n    if text.startswith('magic'):\n        if text.endswith('!end'):\n"
            "            raise KeyError('planted')\n"
        },
    ),
}  # fmt: skip

FORMS: dict[str, Form] = {
    **{
        f"instrumented: {name}": one(text, files={"harnesses/helper.py": HELPER})
        for name, text in INSTRUMENTING.items()
    },
    **{f"function: {name}": form for name, form in ENTRIES.items()},
    **{f"script: {name}": form for name, form in SCRIPTS.items()},
    **{f"place: {name}": form for name, form in PLACES.items()},
    **{f"mutation: {name}": form for name, form in MUTATORS.items()},
    **{f"provider: {name}": form for name, form in PROVIDERS.items()},
    **{f"hook: {name}": form for name, form in HOOKED.items()},
}

assert MAGIC[:1] not in SEED
