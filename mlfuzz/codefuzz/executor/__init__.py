"""One input, or a list of them, run outside of fuzzing: what becomes of each.

Read isolated_run.py first: a fresh fork, timed and measured. exit_classifier.py says what a dead child died of.
Runs in the parent. Imported by engine and triage.
"""
