"""What libFuzzer is told by ourselves, and the lines in which it says where it stands."""

from __future__ import annotations

import re

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
