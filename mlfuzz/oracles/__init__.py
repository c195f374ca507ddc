"""Oracles: whether an answer is wrong, how far from wrong it is, and which rows are wrong in the same way.

Read base.py first: one class, two methods. Stands on observation; imported by name through a registry.
"""
