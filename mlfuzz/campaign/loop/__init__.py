"""The loop: batches of mutants are made, run, evaluated, and the new ones kept.

Read loop.py first: `launch` and `settle`, with one packed copy to the host between them.
Only the worker runs it; it imports setup, search and isolation.
"""
