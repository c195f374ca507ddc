"""Operators on waveforms (B, C, T) in [-1, 1]: importing this registers them.

Read level.py first. Imported by name alone.
"""

from importlib import import_module

from mlfuzz.mutators.replaced import replacing

for _name in ("level", "time", "loss", "filter", "noise", "room", "codec", "edge", "shoebox", "drift"):
    import_module(f"{__name__}.{_name}")

replacing("audio")
