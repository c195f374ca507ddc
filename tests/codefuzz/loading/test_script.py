"""What a file instruments only when it is run as a script."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from mlfuzz.codefuzz.loading.atheris_shim import FuzzedDataProvider
from mlfuzz.codefuzz.loading.script import instrument


class Hooks(list):
    add = list.append


class Recorded(SimpleNamespace):
    """Takes the place of atheris, and writes down what is asked of it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.enabled_hooks = Hooks()
        self.FuzzedDataProvider = FuzzedDataProvider
        self.Setup = self.Fuzz = lambda *_: self.done.append("ran")
        self.instrument_all = lambda: self.done.append("all")
        self.instrument_func = lambda function: self.done.append(function.__name__)

    def instrument_imports(self, include=()):
        self.done.append(f"imports {','.join(include)}")
        return self

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


GUARD = "\nif __name__ == '__main__':\n    "


def done(text, tmp_path, monkeypatch) -> tuple[list[str], list[str], ModuleType]:
    path = tmp_path / "form.py"
    path.write_text(f"{text}\n")
    recorded, module = Recorded(), ModuleType("form")
    monkeypatch.setitem(sys.modules, "atheris", recorded)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    recorded.done.clear()
    return recorded.done, instrument(str(path), module, recorded), module


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"import atheris{GUARD}atheris.instrument_all()", ["all"]),
        (f"import atheris as fz{GUARD}fz.instrument_all()", ["all"]),
        (f"from atheris import instrument_all as every{GUARD}every()", ["all"]),
        ("import atheris\nif '__main__' == __name__:\n    atheris.instrument_all()", ["all"]),
        (f"import atheris\ndef main():\n    atheris.instrument_all()\n    atheris.Fuzz(){GUARD}main()", ["all"]),
        (f"def main():\n    import atheris\n    atheris.instrument_all(){GUARD}main()", ["all"]),
        (f"def main():\n    from atheris import instrument_all\n    instrument_all(){GUARD}main()", ["all"]),
        (f"import atheris\ndef a():\n    b()\ndef b():\n    atheris.instrument_all(){GUARD}a(); a()", ["all"]),
        (f"import atheris\ndef a():\n    a(){GUARD}a()", []),
        (f"import atheris\ndef f(x): pass{GUARD}atheris.Setup([], atheris.instrument_func(f))", ["f"]),
        (f"import atheris{GUARD}with atheris.instrument_imports(['re']):\n        import re; print(1)", ["imports re"]),
        (f"import atheris{GUARD}if 1:\n        atheris.instrument_all()", ["all"]),
        ("import atheris\ndef main():\n    atheris.instrument_all()", []),
        (f"import atheris{GUARD}atheris.Setup([], print)\n    atheris.Fuzz()", []),
        (f"class atheris:\n    instrument_all = print{GUARD}atheris.instrument_all()", []),
    ],
)
def test_what_instruments_in_main_is_done_and_nothing_else(text, expected, tmp_path, monkeypatch, capsys):
    recorded, warnings, _ = done(text, tmp_path, monkeypatch)
    assert (recorded, warnings) == (expected, [])
    assert not capsys.readouterr().out


def test_what_a_block_in_main_imports_is_there_for_the_harness(tmp_path, monkeypatch):
    text = f"import atheris{GUARD}with atheris.instrument_imports():\n        import colorsys"
    assert done(text, tmp_path, monkeypatch)[2].colorsys.__name__ == "colorsys"


def test_hooks_are_switched_on(tmp_path, monkeypatch):
    _, _, module = done(f"import atheris{GUARD}atheris.enabled_hooks.add('RegEx')", tmp_path, monkeypatch)
    assert module.atheris.enabled_hooks == ["RegEx"]


def test_a_line_that_cannot_be_done_is_told_with_its_number(tmp_path, monkeypatch):
    text = f"import atheris\ndef main():\n    local = len\n    atheris.instrument_func(local){GUARD}main()"
    recorded, (warning,), _ = done(text, tmp_path, monkeypatch)
    assert recorded == []
    assert "line 4" in warning
    assert "NameError" in warning
