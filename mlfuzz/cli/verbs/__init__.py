"""What people type: a file a verb, or a verb's part.

Nothing here is imported before it is asked for: `cli.application` names each by a string. Read fuzz.py first.
Needs resolve and terminal.
"""
