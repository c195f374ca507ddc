"""From a specification and a target to the parts of a loop: measured, sorted, put together.

Read assemble.py first, then seeds.py: what becomes of the user's inputs before the first batch.
Imported by the loop, the searches and the worker.
"""
