"""The targets that a user can hand over."""

from __future__ import annotations

from typing import TypeAlias

from mlfuzz.targets.callable import CallableTarget
from mlfuzz.targets.module import ModuleTarget

GivenTarget: TypeAlias = ModuleTarget | CallableTarget
