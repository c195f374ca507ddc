"""A harness before it runs: where it is, what it declares, and what an engine does for it.

Read declaration.py first, then engine.py: the protocol behind which atheris stands. Runs in the parent; nothing of a
harness is imported here. Imported by executor, engine, triage and campaign; by others through `mlfuzz.harnesses`.
"""
