"""Whether the truth of a campaign is whole: the one place that counts what is damaged, and mends what can be.

Read losses.py first. Stands on corpus, findings and storage; imported by both supervisors, the report and the command
line. No torch and no numpy, so that any process may ask.
"""
