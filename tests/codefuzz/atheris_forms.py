"""The forms in which atheris files have their targets instrumented. Each hands its input to `acme.parse`."""

from __future__ import annotations

from pathlib import Path

MAGIC = bytes.fromhex("4d9c21e7")
"""The planted bug's first bytes: compared one at a time, so that only coverage leads there."""

TARGET = f"""
def parse(data):
    if len(data) > {len(MAGIC)}:
{"".join(f"{'    ' * (place + 2)}if data[{place}] == {byte}:{chr(10)}" for place, byte in enumerate(MAGIC))}
{"    " * (len(MAGIC) + 2)}raise KeyError("planted")
    return len(data)
"""

ENTRY = """
def TestOneInput(data):
    acme.parse(data)
"""

MAIN = """
def main():
    {first}
    atheris.Setup(sys.argv, TestOneInput)
    atheris.Fuzz()

if __name__ == "__main__":
    main()
"""


def plain(top: str, entry: str = ENTRY, first: str = "pass") -> str:
    return f"import sys\nimport atheris\n{top}\n{entry}\n{MAIN.format(first=first)}"


FORMS = {
    "no arguments": plain("with atheris.instrument_imports():\n    import acme"),
    "include": plain('with atheris.instrument_imports(include=["acme"]):\n    import acme'),
    "include of a submodule": plain('with atheris.instrument_imports(include=["acme.deep"]):\n    import acme'),
    "include by position": plain('with atheris.instrument_imports(["acme"]):\n    import acme'),
    "exclude of another": plain('with atheris.instrument_imports(exclude=["json"]):\n    import acme'),
    "no custom loaders": plain("with atheris.instrument_imports(enable_loader_override=False):\n    import acme"),
    "two blocks": plain(
        'with atheris.instrument_imports(include=["json"]):\n    import json\n'
        'with atheris.instrument_imports(include=["acme"]):\n    import acme'
    ),
    "nested blocks": plain(
        "with atheris.instrument_imports():\n    with atheris.instrument_imports():\n        import acme"
    ),
    "another name": plain("import atheris as fz\nwith fz.instrument_imports():\n    import acme"),
    "a function's name": plain("from atheris import instrument_imports as watch\nwith watch():\n    import acme"),
    "from the target": plain(
        "with atheris.instrument_imports():\n    from acme.deep import parse",
        "def TestOneInput(data):\n    parse(data)\n",
    ),
    "in the function": plain(
        "",
        "def TestOneInput(data):\n    with atheris.instrument_imports():\n        import acme\n    acme.parse(data)\n",
    ),
    "all in main": plain("import acme", first="atheris.instrument_all()"),
    "one function": plain("import acme.deep\natheris.instrument_func(acme.deep.parse)"),
    "one function in main": plain("import acme.deep", first="atheris.instrument_func(acme.deep.parse)"),
    "a decorated function of its own": plain(
        f"@atheris.instrument_func\n{TARGET.strip()}\n", "def TestOneInput(data):\n    parse(data)\n"
    ),
    "a block in main": plain("", first="global acme\n    with atheris.instrument_imports():\n        import acme"),
    "a helper module": plain("from helper import acme"),
    "regular expressions too": plain(
        'atheris.enabled_hooks.add("RegEx")\nwith atheris.instrument_imports():\n    import acme'
    ),
    "strings too": plain('atheris.enabled_hooks.add("str")\nwith atheris.instrument_imports():\n    import acme'),
}

HELPER = "import atheris\nwith atheris.instrument_imports():\n    import acme\n"


def build(root: Path, text: str, *, place: str = "", name: str = "form") -> Path:
    """A project with that harness; its file. place: of the target's package, from the project's folder."""
    package = root / place / "acme"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from acme.deep import parse\n")
    (package / "deep.py").write_text(TARGET)
    (root / "mlfuzz.toml").write_text("")
    path = root / "harnesses" / f"{name}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    (path.parent / "helper.py").write_text(HELPER)
    return path
