"""Which operator acts on which row, how strongly, how often.

Read plan.py first: the one call that mutates a batch. bandit.py learns what pays; published.py holds other people's
schedules. Imported by the campaign; imports operators' base and limits.
"""
