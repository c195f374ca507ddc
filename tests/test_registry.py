import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mlfuzz.cli.verbs import doctor
from mlfuzz.coverage.base import CRITERIA
from mlfuzz.errors import ConfigError, PluginError, UnknownNameError
from mlfuzz.modality.base import MODALITIES
from mlfuzz.registry import Registry, importable, made, offer_plugins, outdated


@pytest.fixture
def registry():
    parts = Registry("coverage criterion")
    parts.add("plain", lambda *, k=1: ("plain", k))
    parts.add("layered", lambda *, layers, k=1: ("layered", layers, k))
    parts.add("any", lambda **given: given)
    return parts


def test_what_is_offered_goes_to_those_that_take_it(registry):
    assert made(registry, {"name": "plain", "k": 3}, layers="two") == ("plain", 3)
    assert made(registry, {"name": "layered"}, layers="two") == ("layered", "two", 1)
    assert made(registry, {"name": "any"}, layers="two") == {"layers": "two"}


def test_what_is_said_goes_before_what_is_offered(registry):
    assert made(registry, {"name": "layered", "layers": "one"}, layers="two") == ("layered", "one", 1)


def test_an_argument_that_is_not_taken_is_an_error_that_names_the_part(registry):
    with pytest.raises(ConfigError, match=r"coverage criterion plain: .*'kk'; mlfuzz list coverage tells"):
        made(registry, {"name": "plain", "kk": 3})
    with pytest.raises(UnknownNameError, match="did you mean 'plain'"):
        made(registry, {"name": "plane"})


def test_a_description_is_left_as_it_was(registry):
    description = {"name": "plain", "k": 3}
    made(registry, description)
    assert description == {"name": "plain", "k": 3}


class Point:
    """An entry point of a distribution."""

    name, value, dist = "image.mine", "acme:mine", None

    def __init__(self, load):
        self.load = load


def test_an_entry_point_to_what_its_own_decorator_registers_is_one_part(monkeypatch):
    parts = Registry("mutator")

    def load():
        parts.add("image.mine", SimpleNamespace(function=operator))
        return operator

    def operator(): ...

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point(load)])
    assert parts.names() == ["image.mine"]
    assert parts.get("image.mine").function is operator


def test_an_entry_point_that_takes_a_name_twice_is_an_error(monkeypatch):
    parts = Registry("mutator")
    parts.add("image.mine", object())
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point(object)])
    with pytest.raises(PluginError, match=r"two mutators are called 'image\.mine'"):
        parts.names()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a distribution with entry points on the path: {group: "name = module:part"}."""

    def installed(name, *, code="def part(): ...\ndef other(): ...\n", **groups):
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(code)
        folder = tmp_path / f"{module}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        declared = "".join(f"[mlfuzz.{group}]\n{line}\n" for group, line in groups.items())
        (folder / "entry_points.txt").write_text(declared)
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path

    return installed


@pytest.fixture(params=[("coverage criterion", "coverage_criteria"), ("modality", "modalities")], ids=lambda it: it[1])
def kind(request):
    """A kind of part whose plural is not made with an s: an empty registry of it, its group, and the former one."""
    word, group = request.param
    return Registry(word, plural=group.replace("_", " ")), group, f"{word.replace(' ', '_')}s"


def test_what_other_parts_bring_along_is_asked_for_anew(tmp_path, monkeypatch):
    """A plugin may come after a registry was looked into first."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "bringing_one.py").write_text("part = object()\n")
    where = {}
    parts = Registry("distance", declared=lambda: where)
    assert parts.names() == []
    where |= {"series": "bringing_one:part", "track": "bringing_one:part"}  # two may share one
    assert parts.get("series") is parts.get("track") is sys.modules["bringing_one"].part
    assert parts.names() == ["series", "track"]


@pytest.mark.parametrize(("where", "message"), [("no_such_module:part", "no_such_module"), ("json:part", "'part'")])
def test_what_is_brought_along_and_is_not_there_is_named(where, message):
    with pytest.raises(PluginError, match=f"the distance of series, {where}, does not load: .*{message}"):
        Registry("distance", declared=lambda: {"series": where}).names()


def test_offered_plugins_are_imported_for_a_name_that_is_not_known(tmp_path, monkeypatch):
    monkeypatch.setattr("mlfuzz.registry._offered", [])
    parts = Registry("mutator")
    monkeypatch.setitem(sys.modules, "the_parts", SimpleNamespace(PARTS=parts))
    (tmp_path / "offering_one.py").write_text("import the_parts\nthe_parts.PARTS.add('late', 2)\n")
    parts.add("early", 1)
    offer_plugins(["offering_one"], tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert parts.get("early") == 1
    assert "offering_one" not in sys.modules
    assert parts.get("late") == 2
    offer_plugins([], tmp_path)
    with pytest.raises(UnknownNameError):
        parts.get("never")


def test_the_groups_have_the_plurals_of_their_language():
    assert (CRITERIA.plural, MODALITIES.plural) == ("coverage criteria", "modalities")
    assert Registry("mutator").plural == "mutators"


def test_what_a_distribution_declares_is_found(install, kind, caplog):
    parts, group, _ = kind
    install("acme-parts", **{group: "acme.mine = acme_parts:part"})
    assert parts.get("acme.mine").__module__ == "acme_parts"
    assert caplog.messages == outdated() == []


def test_the_former_group_is_read_and_the_line_to_write_is_said(install, kind, caplog):
    parts, group, former = kind
    install("acme-parts", **{former: "acme.mine = acme_parts:part\nacme.other = acme_parts:other"})
    assert parts.names() == ["acme.mine", "acme.other"]
    (message,) = caplog.messages  # logged: a warning would be an error here, as in the tests of many users
    assert message.startswith(f"acme-parts declares entry points in the group mlfuzz.{former},")
    assert f'[project.entry-points."mlfuzz.{group}"]' in message
    assert outdated() == [message]
    assert [(line.level, line.text) for line in doctor.plugins()] == [("warn", message)]


def test_each_distribution_is_named_once(install, kind, caplog):
    parts, _, former = kind
    install("acme-parts", **{former: "acme.mine = acme_parts:part"})
    install("bell-parts", **{former: "bell.mine = bell_parts:part"})
    assert parts.names() == ["acme.mine", "bell.mine"]
    assert sorted(text.split()[0] for text in caplog.messages) == ["acme-parts", "bell-parts"]


def test_one_that_serves_older_versions_too_declares_it_twice_and_hears_nothing(install, kind, caplog):
    parts, group, former = kind
    install("acme-parts", **dict.fromkeys((group, former), "acme.mine = acme_parts:part"))
    assert parts.names() == ["acme.mine"]
    assert caplog.messages == outdated() == []


def test_two_parts_of_one_name_are_an_error_also_across_the_groups(install, kind):
    parts, group, former = kind
    install("acme-parts", **{group: "acme.mine = acme_parts:part", former: "acme.mine = acme_parts:other"})
    with pytest.raises(PluginError, match=f"two {group.replace('_', ' ')} are called 'acme.mine'"):
        parts.names()


@pytest.mark.slow
@pytest.mark.parametrize("group", ["coverage_criteria", "coverage_criterions"])
def test_a_criterion_of_another_distribution_is_listed_and_used_under_either_group(install, group, tmp_path):
    code = "from mlfuzz.coverage.none import Nothing as part\n"
    site = install("acme-parts", code=code, **{group: "acme.mine = acme_parts:part"})

    def run(*words):
        command = [sys.executable, "-W", "error", "-m", "mlfuzz", *words]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)}, cwd=tmp_path
        )

    listed = run("--json", "list", "coverage")
    assert "acme.mine" in [row["name"] for row in json.loads(listed.stdout)]
    fuzzed = run("fuzz", "digits:robust", "--coverage", "acme.mine", "--inputs", "256")
    assert fuzzed.returncode in (0, 1)
    (report,) = tmp_path.glob(".mlfuzz/*/report.html")
    for shown in (listed.stderr, fuzzed.stderr, report.read_text()):
        assert shown.count("acme-parts declares") == (group == "coverage_criterions")


def test_a_folder_is_on_the_path_only_while_it_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["/first", "/second"])
    with importable(tmp_path):
        assert sys.path == [str(tmp_path), "/first", "/second"]
        sys.path.append("/of the target")
    assert sys.path == ["/first", "/second", "/of the target"]
    with pytest.raises(KeyError), importable(tmp_path):
        raise KeyError
    assert str(tmp_path) not in sys.path
    sys.path.append(str(tmp_path))
    with importable(tmp_path):
        pass
    assert sys.path[-1] == str(tmp_path)
