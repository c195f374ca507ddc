"""How an input failed, and by what two failures are told to be the same.

Read outcome.py first, then bucketing.py: the stack's key. Runs in the forked child and in the parent alike.
The bottom of codefuzz/: anything in it may import this.
"""
