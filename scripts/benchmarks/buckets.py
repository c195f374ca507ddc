# ruff: noqa: E501 - seeds and harnesses as they are
"""Whether buckets are bugs: known bugs of old versions of real packages against the keys that they get.

    python scripts/benchmarks/buckets.py                       # all, some twenty minutes; one JSON line a package
    python scripts/benchmarks/buckets.py --only toml pypdf     # these
    python scripts/benchmarks/buckets.py --write               # and put the list of bugs beside this file, without inputs

Each package is fuzzed in an old version for so many seconds. Every failing input that is told runs with later versions,
by the same runner as `mlfuzz harness bisect`; the first version from which on it holds has mended it. Two inputs are one
bug where the same version has mended both and both raised the same type in the same function; they are two where other
versions have mended them. Mended by one version but raised elsewhere: nobody knows, and such pairs count only in
"recall_by_version", which is a lower bound. What no version mends is left out.

precision: of the pairs that one key puts together, those that are one bug. recall: of the pairs that are one bug, those
that it puts together. Beside it the same of faults, the unit that `findings list` shows and that `--fail-on new` takes,
and of the key that ClusterFuzz takes: the type and the three innermost functions. The truth is coarse: it cannot tell
two bugs of one function apart that were mended between the same two versions, which flatters coarse keys. Packages
are installed once into a folder of the cache. TUNED are those that the keys were looked at on; the others only score.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from mlfuzz.codefuzz.engine.atheris_engine import AtherisEngine
from mlfuzz.codefuzz.failure.outcome import Outcome
from mlfuzz.codefuzz.harness import discovery
from mlfuzz.codefuzz.harness.discovery import Harness
from mlfuzz.codefuzz.harness.engine import Lane, Options
from mlfuzz.codefuzz.triage.sessions import replay_session
from mlfuzz.codefuzz.triage.version_bisect import install_into
from mlfuzz.errors import TargetLoadError
from mlfuzz.storage.names import folder_name

LIST = Path(__file__).with_name("buckets.json")
TUNED = ("toml", "pypdf", "dpkt", "markdown2")
SECONDS, CALLS = 15.0, 4
"""Of fuzzing a package, and into how many calls they are dealt: each tells every bucket anew, with another input."""

MOST_OF_BUCKET, MOST = 8, 160
"""Inputs of one bucket, and of a package: more of a kind would only weigh more."""

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<<>>>>endobj\n"
    b"4 0 obj<</Length 26>>stream\nBT /F1 9 Tf (a) Tj ET q Q \nendstream endobj\n"
    b"xref\n0 5\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \n0000000190 00000 n \n"
    b"trailer<</Size 5/Root 1 0 R/Info<</Title(x)>>>>\nstartxref\n268\n%%EOF\n"
)
PCAP = b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00" + (
    b"\x01\x00\x00\x00\x02\x00\x00\x00\x2a\x00\x00\x00\x2a\x00\x00\x00\xff\xff\xff\xff\xff\xff\x00\x11\x22\x33\x44\x55\x08\x00"
    b"\x45\x00\x00\x1c\x00\x01\x00\x00\x40\x11\x00\x00\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x35\x00\x35\x00\x08\x00\x00"
)
DICOM = bytes(128) + (
    b"DICM\x02\x00\x00\x00UL\x04\x00\x1a\x00\x00\x00\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100\x10\x00\x10\x00PN\x04\x00A^B \x28\x00\x10\x00US\x02\x00\x01\x00"
    b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x08\x00\x00\x00\x08\x00\x50\x11UI\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """versions: the old one first. code: the body of the harness's function. calls: what it imports.

    allowed: what the package documents.
    """

    name: str
    versions: tuple[str, ...]
    imports: str
    code: str
    seeds: tuple[bytes, ...]
    instrument: str
    allowed: tuple[str, ...] = ()

    @property
    def harness(self) -> str:
        declared = {
            "name": self.name, "instrument": [self.instrument], "allowed": list(self.allowed), "length": 1024,
            "seconds": 2.0, "seeds": "seeds",
        }  # fmt: skip
        body = "\n    ".join(self.code.splitlines())
        return f"HARNESS = {declared!r}\n{self.imports}\ndef fuzz(data):\n    {body}\n"


TEXT = 'text = data.decode("utf-8", "replace")\n'
SUBJECTS = (
    Subject(
        "toml", ("0.9.4", "0.9.6", "0.10.0", "0.10.2"), "import toml", f"{TEXT}toml.loads(text)",
        (b'a = 1\n[t.u]\nb = ["x", "y"]\nd = 1979-05-27T07:32:00Z\n[[v]]\ne = {f = 1.5, g = true}\n',
         b'"k" = """m\n n"""\nh = 0x1f\ni = [[1, 2], ["\\u00e9"]]\n'),
        "toml", ("toml.TomlDecodeError", "ValueError"),
    ),
    Subject(
        "pypdf", ("3.1.0", "3.17.4", "4.3.1", "5.4.0", "6.4.2", "6.21.4"),
        "import io, logging\nimport pypdf\nlogging.disable(logging.CRITICAL)",
        "reader = pypdf.PdfReader(io.BytesIO(data))\nreader.metadata\nfor page in reader.pages[:2]:\n    page.extract_text()",
        (PDF,), "pypdf", ("pypdf.errors.PyPdfError", "pypdf.errors.PdfReadError"),
    ),
    Subject(
        "dpkt", ("1.9.1", "1.9.2", "1.9.4", "1.9.6", "1.9.8"),
        "import io\nimport dpkt\nfrom dpkt import dns, http, ssl, stun, bgp, sctp, radius, dhcp, rtp, gre, ospf, snoop, pcapng",
        "KINDS = [dpkt.ethernet.Ethernet, dns.DNS, http.Request, ssl.TLS, bgp.BGP, dhcp.DHCP, radius.RADIUS, stun.STUN, gre.GRE, sctp.SCTP]\n"
        "kind = data[:1] and data[0] % 12\n"
        "if kind == 10:\n    list(dpkt.pcap.Reader(io.BytesIO(data[1:])))\nelif kind == 11:\n    list(pcapng.Reader(io.BytesIO(data[1:])))\n"
        "elif data:\n    str(KINDS[kind](data[1:]))",
        (b"\x0a" + PCAP, b"\x00" + PCAP[40:], b"\x01\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x02bc\x00\x00\x01\x00\x01\x01a\x00\x00\x05\x00\x01\x00\x00\x00\x01\x00\x02\xc0\x0c",
         b"\x02GET / HTTP/1.1\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"\x03\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
         b"\x04" + b"\xff" * 16 + b"\x00\x1d\x01\x04\x00\x01\x00\x5a\x01\x02\x03\x04\x00", b"\x08\x30\x81\x88\x0b\x00\x04\x00\x01\x00\x00\x00\x01"),
        "dpkt", ("dpkt.dpkt.Error", "ValueError"),
    ),
    Subject(
        "markdown2", ("2.3.5", "2.3.7", "2.3.10", "2.4.3", "2.4.13", "2.5.5"), "import markdown2",
        f"{TEXT}markdown2.markdown(text, extras=['tables', 'fenced-code-blocks', 'footnotes', 'header-ids', 'metadata', 'smarty-pants', 'wiki-tables', 'toc', 'cuddled-lists'])",
        (b"# a\n\n* b\n* [c](d 'e')\n\n```py\nf\n```\n\n| g | h |\n|---|:-:|\n| i | j |\n\nk[^1]\n\n[^1]: l\n",
         b"---\na: b\n---\n> q **r** _s_ `t` <u@v.w> ![x][y]\n\n[y]: http://z 'q'\n1. a\n   - b\n<div markdown='1'>c</div>\n"),
        "markdown2", ("markdown2.MarkdownError",),
    ),
    Subject(
        "tomlkit", ("0.4.0", "0.5.3", "0.6.0", "0.7.2", "0.9.2", "0.11.8", "0.13.2"), "import tomlkit",
        f"{TEXT}tomlkit.dumps(tomlkit.parse(text))",
        (b'a = 1 # b\n[t.u]\nb = ["x", "y"]\nd = 1979-05-27T07:32:00Z\n[[v]]\ne = {f = 1.5, g = true}\n',
         b'"k" = """m\n n"""\nh = 0x1f\ni = [[1, 2], ["\\u00e9"]]\nj.k = -inf\n'),
        "tomlkit", ("tomlkit.exceptions.TOMLKitError",),
    ),
    Subject(
        "sqlglot", ("10.0.0", "12.0.0", "16.0.0", "20.0.0", "25.0.0", "30.0.0"),
        "import logging\nimport sqlglot\nlogging.disable(logging.CRITICAL)",
        f"{TEXT}for tree in sqlglot.parse(text, read=['', 'bigquery', 'snowflake', 'tsql', 'hive', 'postgres'][len(text) % 6] or None):\n    tree and tree.sql()",
        (b"SELECT a, b AS c FROM t JOIN u ON t.x = u.y WHERE z IN (1, 2) GROUP BY 1 HAVING COUNT(*) > 3 ORDER BY a LIMIT 5",
         b"CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(3) DEFAULT 'x')", b"WITH q AS (SELECT 1) INSERT INTO t SELECT CASE WHEN a THEN b ELSE CAST(c AS DATE) END FROM q",
         b"MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN UPDATE SET y = 1", b"ALTER TABLE t ADD COLUMN c ARRAY<STRUCT<d INT>>"),
        "sqlglot", ("sqlglot.errors.SqlglotError",),
    ),
    Subject(
        "pydicom", ("1.2.0", "1.3.0", "1.4.2", "2.1.2", "2.4.4", "3.0.1"),
        "import io, warnings\nimport pydicom\nwarnings.simplefilter('ignore')",
        "found = pydicom.dcmread(io.BytesIO(data), force=True)\nstr(found)",
        (DICOM, DICOM[128 + 4 :], DICOM.replace(b"ISO_IR 100", b"ISO 2022 I")),
        "pydicom", ("pydicom.errors.InvalidDicomError",),
    ),
    Subject(
        "sqlparse", ("0.2.0", "0.2.4", "0.3.1", "0.4.4", "0.5.0", "0.5.5"), "import sqlparse",
        f"{TEXT}sqlparse.format(text, reindent=True, strip_comments=True, keyword_case='upper', use_space_around_operators=True, wrap_after=4, comma_first=len(text) % 2 == 0, reindent_aligned=len(text) % 3 == 0)\n"
        "for one in sqlparse.parse(text):\n    one.get_type()\n    [getattr(t, 'get_alias', str)() for t in one.tokens]",
        (b"select a as b, c.d from e left join f on g = h where i between 1 and 2 group by j -- k\n order by l; /* m */",
         b"insert into t (a, b) values (1, 'x'), (2, $$y$$)", b"create or replace function f() returns int as begin if a then b := 1; end if; end;",
         b"with q as (select case when a then b else c end) update t set d = q.e"),
        "sqlparse", ("sqlparse.exceptions.SQLParseError",),
    ),
    Subject(
        "pyasn1", ("0.1.9", "0.2.3", "0.3.7", "0.4.8", "0.5.1", "0.6.1"),
        "from pyasn1.codec.ber import decoder\nfrom pyasn1.codec.der import encoder\nfrom pyasn1 import error",
        "value, rest = decoder.decode(data)\nvalue.prettyPrint()\nencoder.encode(value)",
        (b"\x30\x0f\x02\x01\x05\x06\x03\x2a\x03\x04\x0c\x01a\x05\x00\x01\x01\xff", b"\x30\x80\x04\x01a\x00\x00", b"\x03\x02\x04\xf0",
         b"\x09\x03\x80\xfb\x05", b"\x31\x06\x17\x04\x30\x31\x30\x31", b"\xa0\x03\x02\x01\x05", b"\x24\x80\x04\x01a\x04\x01b\x00\x00"),
        "pyasn1", ("pyasn1.error.PyAsn1Error",),
    ),
)  # fmt: skip


@dataclass(slots=True)
class Case:
    """An input and what became of it. keys: by whose rule. fixed_in: "" where no version mends it."""

    payload: bytes
    outcome: Outcome
    fixed_in: str = ""
    verdicts: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.outcome.bucket

    @property
    def fault(self) -> str:
        """What people see one of: buckets of one function and type."""
        return self.outcome.group

    @property
    def frames3(self) -> str:
        """As ClusterFuzz: its type, and the three innermost functions."""
        functions = [frame.rpartition(":")[2] for frame in self.outcome.frames[-3:]]
        return ":".join([self.outcome.kind, self.outcome.type, *functions])

    @property
    def raised(self) -> tuple[str, str]:
        """Type, and the function that raised it: what anybody sees in a traceback's last lines."""
        frames = self.outcome.frames
        if self.outcome.kind == "recursion":
            return self.outcome.type, ""
        return self.outcome.type or self.outcome.kind, frames[-1].rpartition(":")[2] if frames else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="packages")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of fuzzing a package")
    parser.add_argument("--cache", default="", help="folder of installed packages")
    parser.add_argument("--bugs", action="store_true", help="one line a key and version that has mended it")
    parser.add_argument("--write", action="store_true", help="the list of bugs, beside this file")
    arguments = parser.parse_args()
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = Path(arguments.cache or Path(home) / "mlfuzz" / "bench-buckets")
    cache.mkdir(parents=True, exist_ok=True)
    known: list[dict[str, Any]] = []
    scored: dict[str, list[Case]] = {}
    for subject in SUBJECTS:
        if arguments.only and subject.name not in arguments.only:
            continue
        began = time.monotonic()
        cases, judged = measured(subject, cache, arguments.seconds)
        scored[subject.name] = cases
        known.append(listed(subject, cases, judged))
        say("package", name=subject.name, tuned=subject.name in TUNED, versions=judged, **figures(cases),
            seconds=round(time.monotonic() - began, 1))  # fmt: skip
        for bug in known[-1]["bugs"] if arguments.bugs else ():
            say("bug", name=subject.name, **bug)
    for name, among in (
        ("tuned", TUNED),
        ("scored", [one for one in scored if one not in TUNED]),
        ("all", list(scored)),
    ):
        groups = [scored[one] for one in among if one in scored]
        if groups:
            say("total", of=name, packages=len(groups), **together(groups))
    if arguments.write:
        LIST.write_text(json.dumps(known, indent=1) + "\n")


def measured(subject: Subject, cache: Path, seconds: float) -> tuple[list[Case], list[str]]:
    """Failing inputs of the old version with what the later ones make of them, and which versions could be asked."""
    folders = {version: folder for version in subject.versions if (folder := installed(subject.name, version, cache))}
    old = subject.versions[0]
    if old not in folders:
        return [], []
    with tempfile.TemporaryDirectory(prefix="mlfuzz-buckets-") as place:
        project = Path(place)
        harness = written(subject, project)
        cases = failing(harness, project, folders[old], seconds)
        judged = [old]
        for version in subject.versions[1:]:
            if version in folders and asked(harness, cases, folders[version]):
                judged.append(version)
    for case in cases:
        case.fixed_in = mended(case.verdicts, judged[1:])
    return cases, judged


def installed(name: str, version: str, cache: Path) -> Path | None:
    """The folder with that version, put there where it is not; None where pip cannot."""
    folder = cache / folder_name(f"{name}-{version}")
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.part")
        if problem := install_into(name, version, part):
            print(f"{name} {version}: {problem}", file=sys.stderr)
            return None
        part.rename(folder)
    return folder


def written(subject: Subject, project: Path) -> Harness:
    (project / "harnesses").mkdir()
    (project / "seeds").mkdir()
    (project / "harnesses" / f"{subject.name}_bench.py").write_text(subject.harness)
    for number, seed in enumerate(subject.seeds):
        (project / "seeds" / f"{number}.bin").write_bytes(seed)
    return discovery.find(f"harnesses/{subject.name}_bench.py", project)


def failing(harness: Harness, project: Path, folder: Path, seconds: float) -> list[Case]:
    """Inputs that fail alone, several of each bucket where they were told."""
    told: dict[bytes, None] = {}
    corpus = project / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(sorted((project / "seeds").iterdir())):
        (corpus / f"seed-{number}").write_bytes(seed.read_bytes())
    options = Options(project=str(project), lane=Lane(path=(str(folder),)))
    with AtherisEngine().prepare(harness.declaration, options) as session:
        for _ in range(CALLS):
            session.fuzz(
                corpus, seconds=seconds / CALLS, on_failure=lambda payload, outcome: told.setdefault(payload),
                on_again=lambda payload, outcome: told.setdefault(payload), on_progress=lambda now: None,
            )  # fmt: skip
    cases: list[Case] = []
    counts: dict[str, int] = {}
    with replay_session(harness, lane=Lane(path=(str(folder),))) as session:
        for payload in [one for one in told if one][: 3 * MOST]:
            (outcome,) = session.reproduce(payload, times=1)
            if outcome.failed and counts.get(outcome.bucket, 0) < MOST_OF_BUCKET and len(cases) < MOST:
                counts[outcome.bucket] = counts.get(outcome.bucket, 0) + 1
                cases.append(Case(payload, outcome))
    return cases


def asked(harness: Harness, cases: Sequence[Case], folder: Path) -> bool:
    """What a later version makes of each; False where it does not import."""
    try:
        with replay_session(harness, lane=Lane(path=(str(folder),))) as session:
            verdicts = ["fails" if session.reproduce(case.payload, times=1)[0].failed else "holds" for case in cases]
    except TargetLoadError as error:
        print(f"{folder.name}: {error}", file=sys.stderr)
        return False
    for case, verdict in zip(cases, verdicts, strict=True):
        case.verdicts.append(verdict)
    return True


def mended(verdicts: Sequence[str], versions: Sequence[str]) -> str:
    """The first version from which on it holds, "" where the last one fails."""
    for number, version in enumerate(versions):
        if all(one == "holds" for one in verdicts[number:]):
            return version
    return ""


def pairs(cases: Sequence[Case]) -> Iterator[tuple[Case, Case]]:
    yield from combinations([case for case in cases if case.fixed_in], 2)


def counted(cases: Sequence[Case], rule: str) -> dict[str, int]:
    """Pairs: together and one bug, together and two; apart and one; apart, mended by one version, raised elsewhere."""
    count = {"right": 0, "merged": 0, "split": 0, "unknown": 0}
    for one, other in pairs(cases):
        together_ = getattr(one, rule) == getattr(other, rule)
        if one.fixed_in != other.fixed_in:
            count["merged"] += together_
        elif one.raised == other.raised:
            count["right" if together_ else "split"] += 1
        else:
            count["right" if together_ else "unknown"] += 1
    return count


def rates(count: dict[str, int], prefix: str) -> dict[str, Any]:
    def share(part: int, *rest: int) -> float | None:
        return round(part / (part + sum(rest)), 3) if part + sum(rest) else None

    return {
        f"{prefix}precision": share(count["right"], count["merged"]),
        f"{prefix}recall": share(count["right"], count["split"]),
        f"{prefix}recall_by_version": share(count["right"], count["split"], count["unknown"]),
    }


def figures(cases: Sequence[Case]) -> dict[str, Any]:
    usable = [case for case in cases if case.fixed_in]
    ours = counted(cases, "key")
    return {
        "inputs": len(cases), "mended": len(usable), "buckets": len({case.key for case in usable}),
        "bugs": len({(case.fixed_in, case.raised) for case in usable}), "pairs": ours, **rates(ours, ""),
        **rates(counted(cases, "fault"), "fault_"),
        **rates(counted(cases, "frames3"), "frames3_"),
    }  # fmt: skip


def together(groups: Sequence[Sequence[Case]]) -> dict[str, Any]:
    """Pairs of all packages in one sum, and the mean of the packages' rates: one with many pairs weighs as any other."""
    found: dict[str, Any] = {}
    for rule, prefix in (("key", ""), ("fault", "fault_"), ("frames3", "frames3_")):
        counts = [counted(cases, rule) for cases in groups]
        total = {name: sum(one[name] for one in counts) for name in counts[0]}
        found |= rates(total, prefix)
        for name in ("precision", "recall"):
            each = [one for count in counts if (one := rates(count, "")[name]) is not None]
            found[f"{prefix}{name}_mean"] = round(sum(each) / len(each), 3) if each else None
    return found


def listed(subject: Subject, cases: Sequence[Case], judged: Sequence[str]) -> dict[str, Any]:
    """What is committed: no inputs."""
    bugs: dict[tuple[str, str], int] = {}
    for case in cases:
        if case.fixed_in:
            bugs[case.key, case.fixed_in] = bugs.get((case.key, case.fixed_in), 0) + 1
    return {
        "package": subject.name, "tuned": subject.name in TUNED, "versions": list(judged),
        "bugs": [{"key": key, "fixed_in": fixed, "inputs": count} for (key, fixed), count in sorted(bugs.items())],
    }  # fmt: skip


def say(what: str, **found: Any) -> None:
    print(json.dumps({"bench": "buckets", "what": what, **found}), flush=True)


if __name__ == "__main__":
    main()
