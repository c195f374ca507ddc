"""Whatever a record says, each thing that is written of it reads back as what it is: a page, a document, a line."""

from __future__ import annotations

import ast
import io
import json
import random
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import specimen

from faults.drawn import matrix
from mlfuzz.cli.terminal.terminal import Terminal
from mlfuzz.config import Config, TargetConfig, freeze, thaw
from mlfuzz.findings.dataset import dataset, write_dataset
from mlfuzz.findings.finding import Finding, Run, dumps, loads
from mlfuzz.findings.lookup import LocatedFinding
from mlfuzz.findings.repro import repro_script
from mlfuzz.regressions.failure_text import failure_text
from mlfuzz.regressions.kept import KeptFinding
from mlfuzz.regressions.outcome import RegressionVerdict
from mlfuzz.report import html, junit, sarif
from mlfuzz.report.outline import outline
from mlfuzz.report.summary import Summary, group, summarise

ODD = [
    "\0\x01\x1b\x7f\x9b\x85", "\u202e\u2066\u2069\u200b\u200f\u2028\u2029\ufeff", "\ufffe\uffff\ue000\U000e0041",
    "]]>&<>\"'`",
    "<!--", "--!>", "</style><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)",
    "&#x1b;", "{{7*7}}", "{% include 'x' %}", "=1+1", "'''\"\"\"\\", "\\u001b", "x\r\ny", "\u0085", "%0a%1b",
]  # fmt: skip
SEED = 11


def texts() -> list[str]:
    """The strings made to do harm, and as many of any characters."""
    rng = random.Random(SEED)
    any_text = ["".join(chr(_code(rng)) for _ in range(rng.randrange(1, 20))) for _ in range(20)]
    return [*ODD, *(text for text in matrix("hostile_records").STRINGS if len(text) < 400), *any_text]  # type: ignore[attr-defined]


def _code(rng: random.Random) -> int:
    code = rng.choice(
        (rng.randrange(0x20), rng.randrange(0x20, 0x300), rng.randrange(0x2000, 0x2070), rng.randrange(0x110000))
    )
    return 0xFFFD if 0xD800 <= code < 0xE000 else code


def hidden(text: str) -> set[str]:
    """Characters that a terminal obeys, or that cannot be seen."""
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")} - {"\n"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return summarise(specimen.build(tmp_path_factory.mktemp("campaign")))


def told(text: str, summary: Summary) -> Summary:
    """The same campaign, of which everything that may be any text says `text`."""
    faults = group([said(text, one) for fault in summary.faults for one in fault.members])
    stats = msgspec.structs.replace(
        summary.stats, campaign=text, ended=text, target={"name": text, "load": text, "digest": text},
        setup={text: text, "oracles": [text]}, warnings=[text], confusion=[[text, text, 3, text]],
        operators={text: next(iter(summary.stats.operators.values()))},
        layers=[{"name": text, "units": 3, "covered": 0.5}],
    )  # fmt: skip
    return replace(summary, stats=stats, faults=tuple(faults), warnings=(text,))


def said(text: str, one: Finding) -> Finding:
    run = Run(label=text, scores={text: 0.5}, text=text)
    return msgspec.structs.replace(
        one, target=text, load=text, seed_name=text, sentence=text, expected=text, observed=text, unit=text, note=text,
        message=text, campaign=text, created=text, confirmed=text, before=run, after=run, environment={text: text},
        kind=one.kind if one.kind == "exception" else text or "x", fault=f"{one.fault}{text}",
        evidence={"traceback": f'  File "{text}", line 3, in {text}\n{text}', "frames": [text], "type": text},
    )  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attributes}
        self.links += [value or "" for name, value in attributes if name in ("href", "src", "action", "data", "poster")]


@pytest.mark.slow
def test_a_page_has_the_tags_of_its_template_alone_and_leads_nowhere(plain: Summary, tmp_path: Path) -> None:
    render = partial(html.render, path=tmp_path / "report.html")
    benign = Tags()
    benign.feed(render(plain))
    for text in [*ODD, *random.Random(SEED).sample(texts(), 8)]:
        page = render(told(text, plain), title=text)
        seen = Tags()
        seen.feed(page)
        assert seen.tags - benign.tags - {"b", "code"} == set(), ascii(text)
        assert not {pair for pair in seen.attributes if pair[1].startswith("on")}, ascii(text)
        away = [link for link in seen.links if urlsplit(link).scheme not in ("", "data") or link.startswith("//")]
        assert away == [], ascii(text)
        assert hidden(page) == set(), ascii(text)


def test_junit_is_xml_with_the_same_cases(plain: Summary) -> None:
    for text in texts():
        summary = told(text, plain)
        suite = ET.fromstring(junit.render(summary)).find("testsuite")
        assert suite is not None
        cases = suite.findall("testcase")
        assert len(cases) == len(summary.faults) + bool(summary.flaky) == int(suite.attrib["tests"]), ascii(text)
        for element in suite.iter():
            assert hidden("".join([*element.attrib.values(), element.text or ""])) == set(), ascii(text)


def test_sarif_is_json_whose_places_are_files(plain: Summary) -> None:
    for text in texts():
        (run,) = json.loads(sarif.render(told(text, plain)))["runs"]
        for result in run["results"]:
            assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            assert urlsplit(uri)[:2] == ("", ""), ascii(text)
            assert uri.isascii()
            assert not set(uri) & set(' "<>\\^`{|}'), uri


def test_the_outline_reads_back_as_it_was(plain: Summary) -> None:
    for text in texts():
        summary = told(text, plain)
        read = json.loads(msgspec.json.format(msgspec.json.encode(outline(summary)), indent=2))
        assert (read["campaign"], read["warnings"]) == (text, [text])
        assert read["faults"][0]["findings"][0].get("message", "") == text


def test_a_record_reads_back_as_it_was(plain: Summary) -> None:
    for text in texts():
        for one in (said(text, fault.best) for fault in plain.faults):
            assert loads(dumps(one)) == one, ascii(text)


def test_a_terminal_obeys_nothing_and_a_machine_reads_one_line() -> None:
    for text in texts():
        out, err = io.StringIO(), io.StringIO()
        terminal = Terminal(out=out, err=err)
        terminal.result(text, (text, "bold"))
        terminal.say((text, "dim"))
        terminal.warn(text)
        terminal.error(text)
        terminal.table(("a", "b"), [[text, text]], titles={0: [text]})
        assert hidden(out.getvalue() + err.getvalue()) == set(), ascii(text)
        machine = io.StringIO()
        Terminal(json=True, out=machine, err=err).emit({text: [text]})
        (line,) = machine.getvalue().split("\n")[:-1]
        assert json.loads(line) == {text: [text]}
        assert hidden(line) == set(), ascii(text)


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.ImportFrom(module=str(name)):
                yield name


@pytest.mark.slow
def test_a_script_is_made_of_our_names_and_of_literals_only(plain: Summary) -> None:
    best = plain.faults[0].best
    shapes: list[dict[str, Any]] = [
        {}, {"side": "code"}, {"side": "code", "evidence": {"shipped": True}}, {"verdict": "flaky"},
        {"oracle": {"name": "differ", "of": "bf16"}}, {"evidence": {"repro": {"module": "pkg.mod", "model": "net"}}},
    ]  # fmt: skip
    for shape in shapes:
        ours = set(names(ast.parse(repro_script(msgspec.structs.replace(best, **shape)))))
        ours |= set(names(ast.parse(repro_script(msgspec.structs.replace(best, **{**shape, "load": ""})))))
        for load in ("harnesses/x.py:enter", "tests/test_x.py::test_p"):  # a plain file, and a test of Hypothesis
            ours |= set(names(ast.parse(repro_script(msgspec.structs.replace(best, **{**shape, "load": load})))))
        ours |= {"runpy", "run_path", "importlib", "import_module"}
        for text in texts():
            for load in (text, f"{text}:{text}", f"{text}.py:{text}"):
                one = said(text, msgspec.structs.replace(best, load=load))
                one = msgspec.structs.replace(one, **{**shape, "load": load})
                script = repro_script(one)
                assert set(names(ast.parse(script))) <= ours, ascii(text)
                assert script.isascii()
                assert hidden(script) == set()


def test_a_campaigns_configuration_reads_back_as_it_was() -> None:
    for text in texts():
        config = Config(plugins=(text,), targets={text: TargetConfig(use=text, seeds=text, validity=(text,))})
        assert thaw(freeze(config, facts={text: text})) == config, ascii(text)


def test_the_text_of_a_failing_test_steers_no_terminal(plain: Summary, tmp_path: Path) -> None:
    for text in texts():
        kept = KeptFinding(tmp_path / "x.json", said(text, plain.faults[0].best))
        for state in ("fails", "flaky"):
            shown = failure_text(kept, RegressionVerdict(state, kept.finding.after, 0.5, 1, 3, text))  # type: ignore[union-attr, arg-type]
            assert hidden(shown) == set(), ascii(text)


def test_a_training_set_stays_in_its_folder_whatever_its_labels_say(plain: Summary, tmp_path: Path) -> None:
    best = plain.faults[0].best
    data = plain.read(best, best.input)
    for number, text in enumerate(texts()):
        place = tmp_path / f"{number}"
        (place / best.id).mkdir(parents=True)
        (place / best.id / "input.png").write_bytes(data)
        one = msgspec.structs.replace(best, label=text[:200] or "x", oracle={"name": "label"}, seed=None)
        found = [LocatedFinding(one, place / best.id / "finding.json")]
        manifest = write_dataset(dataset(found, held_out=0.0), place / "out")
        (line,) = manifest.read_text("utf-8").split("\n")[:-1]
        row = json.loads(line)
        assert row["label"] == (text[:200] or "x")
        assert (place / "out" / row["file"]).resolve().parents[2] == (place / "out").resolve(), ascii(text)
