"""A package, so that its test_laws.py and those of other parts do not meet under one name."""
