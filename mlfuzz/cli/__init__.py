"""The command `mlfuzz`: verbs, what they share, and what is shown.

Read application.py first: global options, and which exit code an error has. It runs in a process of its own, which
main.py begins; foreground.py is the one that the shell waits for. No verb is imported before it is asked for. The
top of the house: nothing imports it.
"""
