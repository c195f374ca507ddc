"""The command `mlfuzz`: verbs, what they share, and what is shown.

Read application.py first: global options, and which exit code an error has. No verb is imported before it is asked for. The
top of the house: nothing imports it.
"""
