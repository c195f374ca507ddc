"""Judges the licences and the known advisories of what is installed: called by scripts/audit.

Which licences are allowed stands in pyproject.toml, [tool.mlfuzz-audit], with the packages that need a reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

TIMEOUT_SECONDS = "5"
"""For one answer of the advisory service: whoever works without a network shall not wait long."""


def main() -> int:
    """Both, each in a line, or in one for each package that fails."""
    policy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mlfuzz-audit"]
    wrong = licences(policy) + advisories(policy)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def licences(policy: dict[str, Any]) -> list[str]:
    """Packages whose licence is neither allowed nor stated with its reason."""
    found = json.loads(_out([BIN / "pip-licenses", "--with-system", "--format=json", "--from=mixed"]))
    wrong = []
    for one in found:
        name, text = one["Name"], one["License"]
        stated = policy["stated"].get(name.lower())
        if stated is None and not all(part.strip() in policy["allowed"] for part in text.split(";")):
            wrong.append(
                f"licence of {name} {one['Version']}: {text!r} is not allowed. If it may be used, add it to "
                "[tool.mlfuzz-audit] of pyproject.toml: to `allowed`, or to `stated` with the reason"
            )
    if not wrong:
        print(f"licences: {len(found)} packages, all allowed")
    return wrong


def advisories(policy: dict[str, Any]) -> list[str]:
    """Open ones, each with the version that mends it."""
    ignored = [word for name in policy["ignored-advisories"] for word in ("--ignore-vuln", name)]
    asked = [BIN / "pip-audit", "--progress-spinner=off", "--skip-editable", f"--timeout={TIMEOUT_SECONDS}"]
    answer = subprocess.run(
        [*asked, "--format=json", *ignored], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    try:
        found = json.loads(answer.stdout)["dependencies"]
    except ValueError:
        return _not_judged(f"no answer from the advisory service ({_last(answer.stderr)})")
    judged = [one for one in found if "vulns" in one]
    left = [one["name"] for one in found if "vulns" not in one and one["name"] != "mlfuzz"]
    wrong = [
        f"advisory {vulnerability['id']} for {one['name']} {one['version']}: mended in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version yet'}; move its line in scripts/constraints.txt and "
        "run scripts/lock, or add it to ignored-advisories in pyproject.toml with the reason"
        for one in judged
        for vulnerability in one["vulns"]
    ]
    if judged and not wrong:
        print(f"advisories: {len(judged)} packages judged, none open")
    if left:
        shown = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
        wrong += _not_judged(f"{len(left)} packages that the advisory service does not know: {shown}")
    return wrong


def _not_judged(what: str) -> list[str]:
    print(f"advisories: NOT judged: {what}. Run scripts/audit where https://pypi.org/pypi/NAME/VERSION/json answers")
    return (
        ["advisories were not judged, and MLFUZZ_AUDIT=require"] if os.environ.get("MLFUZZ_AUDIT") == "require" else []
    )


def _out(command: list[Any]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:160] if lines else f"{version('pip-audit')} said nothing"


if __name__ == "__main__":
    sys.exit(main())
