"""An option of `mlfuzz fuzz` is declared once: with the setting that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import pytest
from cyclopts import App, Parameter

from mlfuzz.campaign.spec import WorkerSpec, dumps, loads
from mlfuzz.cli.main import main
from mlfuzz.cli.resolve.options import given, with_settings
from mlfuzz.cli.resolve.plan import spec_of
from mlfuzz.cli.verbs.fuzz import DEFAULTS, ORDER
from mlfuzz.config import Config, FuzzConfig, TargetConfig, resolve, schema
from mlfuzz.config.resolve import variables
from mlfuzz.config.settings import WorkerOptions

SETTINGS = {field.option: (path, field) for path, field in schema.options(FuzzConfig)}

TYPED = {
    "time": ("90s", 90.0), "inputs": ("10k", 10_000), "max_findings": ("7", 7), "preset": ("walk", "walk"),
    "scheduler": ("uniform", {"name": "uniform"}), "coverage": ("nc:threshold=0.3", {"name": "nc", "threshold": 0.3}),
    "search": ("white:share=0.5", {"name": "white", "share": 0.5}), "workers": ("2", 2), "batch": ("64", 64),
    "device": ("cuda:1", "cuda:1"), "max_seeds": ("12", 12), "max_disk": ("2MB", 2 << 20), "input_timeout": ("3s", 3.0),
    "cap": ("5", 5), "fail_on": ("new", "new"), "require_valid": ("true", True), "overlap": ("true", True),
    "until": ("p-new<1e-4", 1e-4), "focus": ("label:7", "label:7"),
}  # fmt: skip
"""As typed, and as the configuration holds it."""


@pytest.fixture
def text(capsys, monkeypatch) -> str:
    monkeypatch.setenv("COLUMNS", "400")
    main(["fuzz", "--help"])
    return capsys.readouterr().out


def test_every_setting_that_is_an_option_stands_in_the_help_with_its_words(text):
    for _, field in (*schema.options(FuzzConfig), *schema.options(TargetConfig)):
        (line,) = [line for line in text.splitlines() if f"--{field.option.replace('_', '-')} " in line]
        assert field.flag in line


def test_the_help_has_its_order_and_nothing_else(text):
    options = text[text.index("Options") : text.index("Options of every verb")]
    names = [word[2:].replace("-", "_") for word in options.split() if word.startswith("--")]
    assert [name for name in names if not name.startswith("no_")] == list(ORDER)


def test_every_option_of_fuzz_is_shown_by_the_configuration(capsys, tmp_path):
    main(["-C", str(tmp_path), "config", "show", "-v"])
    lines = capsys.readouterr().out.splitlines()
    for path, field in SETTINGS.values():
        (line,) = [line for line in lines if line.startswith(schema.dotted(("fuzz", *path)) + " ")]
        assert line.rstrip().endswith(field.meaning)


@pytest.mark.parametrize("name", SETTINGS)
def test_an_option_a_variable_and_the_file_say_the_same(name, tmp_path):
    (key,), field = SETTINGS[name]
    typed, value = TYPED[name]
    written = f"'{typed}'" if isinstance(value, dict) else msgspec.json.encode(value).decode()
    (tmp_path / "mlfuzz.toml").write_text(f"[fuzz]\n{key.replace('_', '-')} = {written}\n")
    (tmp_path / "empty").mkdir()
    (variable,) = [variable for variable, path in variables().items() if path == ("fuzz", key)]
    options = type(DEFAULTS)(**{name: value if isinstance(value, bool) else typed})
    flags = {"fuzz": {key: one for key, one in given(options, FuzzConfig).items() if one is not None}}
    found = [
        resolve(tmp_path, environment={}),
        resolve(tmp_path / "empty", environment={variable: typed}),
        resolve(tmp_path / "empty", environment={}, flags=flags),
    ]
    assert [getattr(one.config.fuzz, key) for one in found] == [value] * 3
    assert [one.origins[schema.dotted(("fuzz", key))] for one in found] == [
        "mlfuzz.toml",
        variable,
        f"--{field.option.replace('_', '-')}",
    ]


@pytest.mark.parametrize("name", WorkerOptions.__struct_fields__)
def test_what_a_worker_takes_as_it_stands_reaches_its_record(name, tmp_path):
    value = {**{name: value for name, (_, value) in TYPED.items()}, "deal": {"name": "cost"}, "depth": 3}[name]
    config = Config(fuzz=FuzzConfig(**{name: value}), targets={"lamp": TargetConfig(use="zoo:lamp")})
    spec = spec_of(config, "lamp", resolve(tmp_path, environment={}))
    assert getattr(spec, name) == value
    assert loads(dumps(spec)) == spec
    assert msgspec.json.decode(dumps(spec))[name] == value


def test_every_setting_of_fuzz_is_the_workers_or_spends_or_is_read_by_hand():
    """Whoever adds one: declare it in `WorkerOptions` where the worker needs it, or in `FuzzConfig` and use it."""
    by_hand = {"batch", "max_disk", "input_timeout"}
    spent = {"time", "inputs", "max_findings", "until", "workers", "fail_on", "confirm_share"}
    assert set(schema.fields(FuzzConfig)) == set(WorkerOptions.__struct_fields__) | by_hand | spent
    assert set(FuzzConfig.shown) == set(schema.fields(FuzzConfig))


def test_a_record_of_before_is_read_as_it_was_written():
    data = b"""{"target": "a:b", "directory": "/p", "name": "lamp", "seeds": "s", "max_seeds": null, "preset": "mixed",
        "scheduler": {"name": "mixed"}, "coverage": {"name": "novelty"}, "deal": {"name": "bandit"},
        "search": {"name": "auto"}, "oracles": [{"name": "label"}], "mutators": [], "exclude": ["image.mist"],
        "limits": {}, "batch": 0, "depth": 1, "seed": 3, "cap": 20, "device": "cpu", "deadline": 0.0, "plugins": [],
        "max_disk": 0, "validity": [], "require_valid": false}"""
    expected = WorkerSpec(
        target="a:b",
        directory="/p",
        name="lamp",
        seeds="s",
        oracles=[{"name": "label"}],
        exclude=["image.mist"],
        seed=3,
    )
    assert loads(data) == expected
    since = {"overlap", "ranges", "focus"}  # with a default: what was frozen before holds
    assert set(msgspec.json.decode(dumps(expected))) == set(msgspec.json.decode(data)) | since


def flagged(text: str, named: str = "") -> msgspec.Meta:
    return msgspec.Meta(description="a setting", extra={"flag": text, "named": named})


class Lamp(msgspec.Struct, frozen=True, kw_only=True):
    """A table that somebody has added to."""

    watts: Annotated[int, flagged("Watts of it.")] = 60
    socket: Annotated[Literal["e14", "e27"], flagged("Its thread.", "thread")] = "e27"
    colours: Annotated[tuple[str, ...], flagged("Of its light.")] = ()
    dim: Annotated[bool, flagged("")] = False
    hidden: Annotated[int, msgspec.Meta(description="no option")] = 1


@with_settings(Lamp, order=("dim", "own"))
@dataclass(frozen=True, kw_only=True)
class LampOptions:
    """Of the verb alone."""

    own: Annotated[str, Parameter(help="Its own.")] = ""


def typed(*tokens: str) -> LampOptions:
    app = App(result_action="return_value")
    default = LampOptions()

    @app.default
    def verb(*, options: Annotated[LampOptions, Parameter(name="*")] = default) -> LampOptions:
        return options

    verb.__annotations__["options"] = Annotated[LampOptions, Parameter(name="*")]
    return app(tokens, exit_on_error=False, print_error=False)


def test_a_setting_that_says_so_is_an_option_at_once():
    options = typed("--watts", "40", "--thread", "e14", "--colours", "red", "--colours", "blue", "--dim", "--own", "x")
    assert given(options, Lamp) == {"watts": "40", "socket": "e14", "colours": ("red", "blue"), "dim": True}
    assert options.own == "x"
    assert list(LampOptions.__dataclass_fields__) == ["dim", "own", "watts", "thread", "colours"]


def test_an_option_that_says_no_more_than_its_setting_says_that():
    assert [field.flag for _, field in schema.options(Lamp)][-1] == "A setting."


def test_what_was_not_typed_is_not_given():
    assert given(typed(), Lamp) == {"watts": None, "socket": None, "colours": (), "dim": None}


@pytest.mark.parametrize("tokens", [("--thread", "e40"), ("--hidden", "2"), ("--no-dim",), ("--watt",)])
def test_what_is_no_option_and_no_choice_is_refused(tokens):
    with pytest.raises(Exception, match=r"thread|hidden|dim|watt"):
        typed(*tokens)
