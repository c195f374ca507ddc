"""What a file does only when it is run as a script."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from mlfuzz.codefuzz.loading.script import run_as_script


def ran(text, tmp_path, monkeypatch) -> ModuleType:
    path = tmp_path / "form.py"
    path.write_text(f"done = []\n{text}\n")
    module = ModuleType("form")
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    assert not module.done
    run_as_script(str(path), module)
    return module


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if __name__ == '__main__':\n    done.append(1)", [1]),
        ("if '__main__' == __name__:\n    done.append(1)", [1]),
        ("if __name__ in ('__main__',):\n    done.append(1)", [1]),
        ("if __name__ == '__main__' and len('a'):\n    done.append(1)", [1]),
        ("def main():\n    done.append(1)\nif __name__ == '__main__':\n    main()", [1]),
        ("if __name__ == '__main__':\n    done.append(1)\nif __name__ == '__main__':\n    done.append(2)", [1, 2]),
        ("if __name__ != '__main__':\n    pass\nelse:\n    done.append(1)", [1]),
        ("if len('a') > 1:\n    done.append(1)", []),
        ("def main():\n    done.append(1)", []),
    ],
)
def test_what_stands_under_a_guard_is_run_in_order_and_nothing_else(text, expected, tmp_path, monkeypatch):
    assert ran(text, tmp_path, monkeypatch).done == expected


def test_it_finds_itself_as_the_main_module(tmp_path, monkeypatch):
    text = "if __name__ == '__main__':\n    import __main__\n    done.append(__main__.done is done)"
    assert ran(text, tmp_path, monkeypatch).done == [True]


def test_annotations_are_put_off_where_the_file_says_so_and_only_there(tmp_path, monkeypatch):
    guard = "if __name__ == '__main__':\n    def f(x: len): pass\n    done.append(f.__annotations__['x'])"
    assert ran(guard, tmp_path, monkeypatch).done == [len]
    path = tmp_path / "form.py"
    path.write_text(f"from __future__ import annotations\ndone = []\n{guard}\n")
    module = ModuleType("form")
    exec(compile(path.read_text(), str(path), "exec", dont_inherit=True), module.__dict__)
    run_as_script(str(path), module)
    assert module.done == ["len"]


def test_what_it_raises_goes_on_with_the_files_own_lines(tmp_path, monkeypatch):
    with pytest.raises(KeyError) as caught:
        ran("if __name__ == '__main__':\n    raise KeyError(1)", tmp_path, monkeypatch)
    assert caught.traceback[-1].path == tmp_path / "form.py"
    assert caught.traceback[-1].lineno + 1 == 3
