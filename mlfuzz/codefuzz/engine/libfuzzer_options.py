"""What libFuzzer is told by ourselves, and the lines in which it says where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlfuzz.codefuzz.harness.declaration import Declaration

STATUS = re.compile(rb"^#\d+\t[A-Za-z]+ +(?:cov: (\d+) )?(?:ft: (\d+) )?(?:corp: (\d+)/)?", re.MULTILINE)

NEVER_SECONDS = 1 << 30
"""For the engine's own clocks, which hold it in 32 bits. Nought would not do: to atheris it is a time that is over at
the next whole second, whichever input runs then."""

FLAGS = (
    f"-timeout={NEVER_SECONDS}", f"-report_slow_units={NEVER_SECONDS}",
    "-rss_limit_mb=0", "-detect_leaks=0", "-handle_segv=0", "-handle_bus=0", "-handle_abrt=0",
    "-handle_ill=0", "-handle_fpe=0", "-handle_int=0", "-handle_term=0", "-handle_xfsz=0", "-handle_usr1=0",
    "-handle_usr2=0", "-verbosity=1",
)  # fmt: skip
"""libFuzzer's own limits and handlers are off: they blame the wrong input and hide what killed the process."""

ALIKE = {"max_len": "length", "dict": "dictionary", "timeout": "seconds", "rss_limit_mb": "mebibytes"}
"""Flags with the key of a declaration that says the same."""

RUNS = {"runs": "--inputs", "atheris_runs": "--inputs", "max_total_time": "--time", "jobs": "--workers"}
"""Flags with the option of `mlfuzz harness run` that says the same."""


def unheeded(arguments: Sequence[str], declaration: Declaration) -> list[str]:
    """Sentences on what a plain file hands to libFuzzer, and what says the same here."""
    found = []
    for argument in arguments:
        flag, _, value = argument.lstrip("-").partition("=")
        if not argument.startswith("-"):
            key, value = "seeds", argument
        elif flag in RUNS:
            found.append(f"the file's own {argument} is not heeded; {RUNS[flag]} says the same")
            continue
        else:
            key = ALIKE.get(flag, "")
        if not key:
            found.append(f"the file's own {argument} is not heeded")
        elif str(getattr(declaration, key)) not in (value, f"{value}.0"):
            text = f'"{value}"' if key in ("seeds", "dictionary") else value
            line = f"{key} = {text} under [harnesses.{declaration.name}] in mlfuzz.toml"
            found.append(f"the file's own {argument} is not heeded; {line} says the same")
    return found
