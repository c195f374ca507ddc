"""Operators on pictures (B, C, H, W) in [0, 1]: importing this registers them."""

from importlib import import_module
from importlib.util import find_spec

for _name in ("colour", "geometry", "blur", "noise", "weather", "light", "codec", "occlusion"):
    if find_spec(f"{__name__}.{_name}"):
        import_module(f"{__name__}.{_name}")
