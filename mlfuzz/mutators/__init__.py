"""Mutators: pure functions over rows, with a declaration by which they are drawn, recorded, replayed and shrunk.

Read base.py first; image/light.py shows what one looks like. Those of a modality do not know those of another.
schedule/ deals them out, limits/ keeps them near the seed. Imported by the campaign and regressions, by name through a
registry.
"""
