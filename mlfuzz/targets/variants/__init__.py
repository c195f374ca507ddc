"""Other forms of one target, run beside it on the same inputs.

Read base.py first: what a variant is, and how one is registered. Each other file is one reason to differ.
Imported by what sets oracles up, the campaign and replay; imports the targets themselves. What stands here is named by
plugins and by scripts on people's disks.
"""

from mlfuzz.targets.variants.base import VARIANTS, Variant, build, varied

__all__ = ["VARIANTS", "Variant", "build", "varied"]
