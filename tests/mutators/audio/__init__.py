"""A package, so that its test_noise.py and those of other modalities do not meet under one name."""
