"""Operators on pictures (B, C, H, W) in [0, 1]: importing this registers them.

Read light.py first. Imported by name alone.
"""

from mlfuzz.mutators.image import blur, codec, colour, edge, geometry, light, noise, occlusion, weather
from mlfuzz.mutators.replaced import replacing

__all__ = ["blur", "codec", "colour", "edge", "geometry", "light", "noise", "occlusion", "weather"]

replacing("image")
