"""Schedulers: which corpus entries to mutate next.

Read base.py first: what the loop asks of each. Beside oracles and coverage, which it does not know; imported by the
campaign's set-up, by name through a registry.
"""
