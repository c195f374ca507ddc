"""Put a failing example where Hypothesis looks for it: `python -m mlfuzz.codefuzz.loading.property_database`.

Arguments: the test's file, its entry, the project's folder. The example comes on standard input, as Hypothesis prints
it for `@reproduce_failure`. The test's module is imported, and nothing of the test is run. Prints one line: the folder,
or why there is no place for it; ends with 1 then.
"""

from __future__ import annotations

import base64
import importlib
import sys
import types
import zlib

from mlfuzz.codefuzz.loading import atheris_shim
from mlfuzz.codefuzz.loading.property_test import PropertyTest, folders, node, place

PACKAGE = "mlfuzz_property"


def imported(path: str, project: str) -> types.ModuleType:
    """The test's module, in a package of its own."""
    folder, name = place(path)
    sys.path[:0] = [one for one in folders(path, project) if one not in sys.path]
    package = types.ModuleType(PACKAGE)
    package.__path__ = [folder]
    sys.modules[PACKAGE] = package
    if "atheris" not in sys.modules:
        atheris_shim.install()
    return importlib.import_module(f"{PACKAGE}.{name}")


def opened(path: str, entry: str, project: str) -> PropertyTest:
    """The test, not run. Raises whatever its module raises, TestRefused."""
    return PropertyTest(imported(path, project), entry, node(path, entry, project))


def choices(blob: bytes) -> bytes:
    """Of what `@reproduce_failure` takes, that which a database holds. Raises ValueError."""
    whole = base64.b64decode(blob, validate=True)
    if whole[:1] == b"\0":
        return whole[1:]
    if whole[:1] == b"\1":
        try:
            return zlib.decompress(whole[1:])
        except zlib.error as error:
            raise ValueError(str(error)) from error
    raise ValueError("not written by this Hypothesis")


def main(arguments: list[str]) -> int:
    path, entry, project = arguments
    test = opened(path, entry, project)
    database = test.examples.database
    if database is None:
        print("this test keeps none: its settings say database=None")
        return 1
    database.save(test.examples.key(), choices(sys.stdin.buffer.read()))
    print(getattr(database, "path", type(database).__name__))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
