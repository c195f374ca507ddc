"""One finding at a time: run again, alone, from its files.

Read confirm.py first: three runs, and what they make of a candidate. oracle_run.py is what all of it rests on.
Needs isolation and evidence; minimize, worker and supervisor import it, and so do regressions and replay.
"""
