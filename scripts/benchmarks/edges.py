"""mlfuzz against atheris that is started again after each crash: edges and distinct failures at equal wall time.

    scripts/bench edges                                  # 12 parsers, 5 rounds of 20 s a side: forty minutes
    scripts/bench edges --only tomllib,yaml --rounds 1

Both run the same plain atheris file from the same seeds, in turns: time counts from the first process's start, so it
holds imports, starts after crashes, and what mlfuzz spends on confirming. Atheris is told nothing that it would not be
told by hand: a corpus, a limit of time, a length. Edges are those that a corpus reaches when plain atheris runs it once
(`cov:` of `-runs=0`), the same for both sides. Failures are counted by mlfuzz's own buckets, each input run alone: the
artifacts that atheris leaves, and mlfuzz's findings. One JSON line a parser, with the medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.triage.sessions import replay_session

LENGTH = 1024
GRACE_SECONDS = 20.0
"""Beyond its time, until mlfuzz has confirmed what it found and a hanging atheris is killed."""

FILE = """
import io, os, sys, atheris
with atheris.instrument_imports(include={packages!r}):
    {imports}
def TestOneInput(data):
    try:
        {body}
    except {refusals}:
        pass
    except Exception:  # while edges are counted a corpus is run to its end
        if "COUNTED" not in os.environ:
            raise
if __name__ == "__main__":
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()
"""


@dataclass(frozen=True)
class Parser:
    """Packages that are instrumented; what the file imports and does; the exceptions that it documents; seeds."""

    packages: tuple[str, ...]
    imports: str
    body: str
    refusals: str
    seeds: tuple[bytes, ...]

    def text(self) -> str:
        return FILE.format(
            packages=list(self.packages), imports=self.imports, body=self.body, refusals=self.refusals
        )  # fmt: skip


WAVE = b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\0\0"

TEXT = 'data.decode("utf-8", "replace")'

PARSERS = {
    "tomllib": Parser(("tomllib",), "import tomllib", f"tomllib.loads({TEXT})", "tomllib.TOMLDecodeError",
                      (b'a = 1\n[b]\nc = "d"\n',)),
    "plistlib": Parser(("plistlib",), "import plistlib", "plistlib.loads(data)", "plistlib.InvalidFileException",
                       (b'<plist version="1.0"><dict><key>a</key><integer>1</integer></dict></plist>',)),
    "configparser": Parser(("configparser",), "import configparser",
                           f"configparser.ConfigParser().read_string({TEXT})", "configparser.Error",
                           (b"[a]\nb = c\n",)),
    "email": Parser(("email",), "import email, email.policy",
                    "email.message_from_bytes(data, policy=email.policy.default).as_string()", "LookupError",
                    (b"From: a@b.c\nContent-Type: text/plain; charset=utf-8\n\nx\n",)),
    "html": Parser(("html", "_markupbase"), "import html.parser", f"html.parser.HTMLParser().feed({TEXT})",
                   "AssertionError", (b"<p class='a'>b<!-- c --></p>",)),
    "zipfile": Parser(("zipfile",), "import zipfile",
                      "[one.read(name) for one in [zipfile.ZipFile(io.BytesIO(data))] for name in one.namelist()]",
                      "zipfile.BadZipFile", (b"PK\x05\x06" + bytes(18),)),
    "tarfile": Parser(("tarfile",), "import tarfile", "tarfile.open(fileobj=io.BytesIO(data)).getnames()",
                      "tarfile.TarError", (b"a" + bytes(99) + b"0000644\0" + bytes(404),)),
    "wave": Parser(("wave",), "import wave", "wave.open(io.BytesIO(data)).readframes(64)", "(wave.Error, EOFError)",
                   (WAVE,)),
    "yaml": Parser(("yaml",), "import yaml", f"yaml.load({TEXT}, Loader=yaml.SafeLoader)", "yaml.YAMLError",
                   (b"a: [1, b]\n",)),
    "jinja2": Parser(("jinja2",), "import jinja2", f"jinja2.Environment().parse({TEXT})",
                     "jinja2.TemplateSyntaxError", (b"{% if a %}{{ b|e }}{% endif %}",)),
    "packaging": Parser(("packaging",), "import packaging.requirements",
                        f"packaging.requirements.Requirement({TEXT})", "packaging.requirements.InvalidRequirement",
                        (b"a[b]>=1.0; python_version < '3'",)),
    "networkx": Parser(("networkx.readwrite.gml",), "import networkx, networkx.readwrite.gml",
                       f"networkx.parse_gml({TEXT})", "networkx.NetworkXError",
                       (b'graph [ node [ id 0 label "a" ] edge [ source 0 target 0 ] ]',)),
}  # fmt: skip


def plain(file: Path, work: Path, seconds: float, seed: int) -> tuple[Path, list[bytes]]:
    """Atheris, started again after each crash until the time is over: its corpus, and what it crashed of."""
    corpus, crashes = work / "corpus", work / "crashes"
    corpus.mkdir(parents=True)
    crashes.mkdir()
    for path in (file.parent / "seeds").iterdir():
        (corpus / path.name).write_bytes(path.read_bytes())
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 1:
        seed += 1
        try:
            subprocess.run(
                [sys.executable, str(file), str(corpus), f"-max_total_time={int(left)}", f"-max_len={LENGTH}",
                 f"-artifact_prefix={crashes}/", f"-seed={seed}", "-timeout=5"],
                capture_output=True, timeout=left + GRACE_SECONDS, check=False, cwd=work,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            break
    return corpus, [path.read_bytes() for path in sorted(crashes.iterdir())]


def ours(file: Path, work: Path, seconds: float, _: int) -> tuple[Path, list[bytes]]:
    """mlfuzz: its corpus, and the inputs of its findings."""
    work.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "mlfuzz", "harness", "run", str(file), "--time", f"{seconds:g}s", "--name", "c",
         "--seeds", str(file.parent / "seeds"), "--dir", str(work)],
        capture_output=True, timeout=seconds + 6 * GRACE_SECONDS, check=False, cwd=work,
    )  # fmt: skip
    found = [path.read_bytes() for path in sorted((work / "c" / "findings").glob("*/input.*"))]
    found = found or [path.read_bytes() for path in sorted((work / "c").glob("findings/*.input.*"))]
    return next((work / "c" / "derived").glob("corpus-*")), found


def edges(file: Path, corpus: Path, work: Path) -> int:
    """That a corpus reaches, as plain atheris counts them."""
    done = subprocess.run(
        [sys.executable, str(file), str(corpus), "-runs=0", "-max_len=1000000", "-timeout=30"],
        capture_output=True, text=True, check=False, cwd=work, env={**os.environ, "COUNTED": "1"},
    )  # fmt: skip
    seen = [int(number) for number in re.findall(r"cov: (\d+)", done.stderr)]
    return max(seen, default=0)


def buckets(file: Path, inputs: list[bytes]) -> set[str]:
    """Of the inputs that fail alone."""
    if not inputs:
        return set()
    with replay_session(discovery.at(file, file.parent)) as session:
        outcomes = [session.reproduce(one, times=1)[0] for one in inputs]
    return {outcome.bucket for outcome in outcomes if outcome.failed}


def compared(name: str, seconds: float, rounds: int) -> dict[str, object]:
    figures: dict[str, list[tuple[int, int]]] = {"atheris": [], "mlfuzz": []}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        file = base / f"fuzz_{name}.py"
        file.write_text(PARSERS[name].text())
        (base / "seeds").mkdir()
        for number, seed in enumerate(PARSERS[name].seeds):
            (base / "seeds" / f"{number}").write_bytes(seed)
        for turn in range(rounds):
            for side, run in (("atheris", plain), ("mlfuzz", ours)):
                work = base / f"{side}-{turn}"
                corpus, failing = run(file, work, seconds, 1000 * turn + 1)
                figures[side].append((edges(file, corpus, work), len(buckets(file, failing))))
    middle = {
        side: [statistics.median(one[at] for one in found) for at in (0, 1)] for side, found in figures.items()
    }  # fmt: skip
    return {
        "bench": "edges", "parser": name, "seconds": seconds, "rounds": rounds, "load": round(os.getloadavg()[0], 1),
        "edges": {side: middle[side][0] for side in middle}, "failures": {side: middle[side][1] for side in middle},
        "each": figures,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARSERS))
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    totals = {"atheris": 0.0, "mlfuzz": 0.0}
    behind = []
    for name in options.only.split(","):
        line = compared(name, options.seconds, options.rounds)
        print(json.dumps(line), flush=True)
        for side, count in line["failures"].items():  # type: ignore[attr-defined]
            totals[side] += count
        if line["edges"]["mlfuzz"] < line["edges"]["atheris"]:  # type: ignore[index]
            behind.append(name)
    print(json.dumps({"bench": "edges", "failures": totals, "behind": behind}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
