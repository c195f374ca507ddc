"""Oracles: whether an answer is wrong, how far from wrong it is, and which rows are wrong in the same way."""
