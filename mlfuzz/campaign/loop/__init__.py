"""The loop: batches of mutants are made, run, evaluated, and the new ones kept.

Read loop.py first: `launch` makes and runs a batch, `finish` evaluates it, admits what is new, rewards what made it.
Only the worker runs it; it imports setup, search and isolation.
"""
