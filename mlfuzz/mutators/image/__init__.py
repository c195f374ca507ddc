"""Operators on pictures (B, C, H, W) in [0, 1]: importing this registers them.

Read light.py first. Imported by name alone.
"""

from mlfuzz.mutators.image import blur, codec, colour, geometry, light, noise, occlusion, replace, weather

__all__ = ["blur", "codec", "colour", "geometry", "light", "noise", "occlusion", "replace", "weather"]
