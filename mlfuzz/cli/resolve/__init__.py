"""From what was typed to what is meant: folder, configuration, target, findings, plan.

Read context.py first: what every verb gets. Then plan.py: what `fuzz` and `demo` run. Imported by the verbs.
"""
