"""Tasks: what an answer stands for, which decides how it is judged, in what unit, and what keeps its truth.

Read task.py first, then table.py: a task is one row there. Stands on errors alone; imports no torch.
"""
