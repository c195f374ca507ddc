"""The configuration: what may be set, where each value comes from, and how a campaign keeps its own. No torch.

The only place that reads the environment. A value is taken from the first of: a flag, `MLFUZZ_...` in the environment,
the campaign's frozen `campaign.toml`, the project's file, the default.

Read schema.py first, then resolve.py. Imported by whoever needs a setting; imports errors alone.
"""

from mlfuzz.config.frozen import facts_of, freeze, thaw
from mlfuzz.config.project import ProjectFile, find
from mlfuzz.config.resolve import Conflict, Resolved, resolve
from mlfuzz.config.settings import Config, FuzzConfig, RegressionConfig, ReportConfig, Selection, TargetConfig

__all__ = [
    "Config",
    "Conflict",
    "FuzzConfig",
    "ProjectFile",
    "RegressionConfig",
    "ReportConfig",
    "Resolved",
    "Selection",
    "TargetConfig",
    "facts_of",
    "find",
    "freeze",
    "resolve",
    "thaw",
]
