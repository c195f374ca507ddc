"""The process that people start: it holds the workers and the triage worker, and outlives their deaths. No torch.

Read supervise.py first. triage_worker.py is the process that confirms and shrinks; restart_policy.py and
crash_isolation.py say what a dead worker died of; starter.py is what processes begin from, child.py holds one. The top
of campaign/: imported by the verbs, pytest and replay.
"""
