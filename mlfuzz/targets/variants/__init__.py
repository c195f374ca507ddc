"""Other forms of one target, run beside it on the same inputs.

Read base.py first: what a variant is, and how one is registered. Each other file is one reason to differ.
Imported by oracles' set-up, the campaign and replay; imports the targets themselves.
"""
