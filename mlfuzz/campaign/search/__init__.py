"""Searches that ask the target as they go: steps along the gradient, bisection, one-level dither, choice of words.

Read scheduler.py first: when one is due, and what becomes of what it finds; then boundary.py. What they find enters a
chain as one `<modality>.replace` mutation. Each is a function of rows and of what a row is worth (`boundary.Gap`), says
how many evaluations it used, and never uses more than it was given. Imported by the loop and the worker.
"""
