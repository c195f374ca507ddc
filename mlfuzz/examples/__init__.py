"""Models with planted weaknesses, and their seeds: what `mlfuzz demo`, the README and the tests run.

Read digits.py first. Each is one target as a user would hand it over; imported by name alone.
"""
