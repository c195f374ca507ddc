"""The benchmarks are scripts: what they are made of is found beside them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts" / "benchmarks"))
