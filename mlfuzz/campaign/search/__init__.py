"""Searches that ask the target as they go: steps along the gradient, bisection, one-level dither, choice of words.

What they find enters a chain as one `<modality>.replace` mutation. Each is a function of rows and of what a row is
worth (`gaps.Gap`), says how many evaluations it used, and never uses more than it was given.
"""
