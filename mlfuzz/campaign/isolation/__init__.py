"""What stands between a campaign and a target that crashes, exits or hangs.

Read flight_recorder.py first: the shared page that says what a worker is at. Then forked.py, a child for what may die.
Everything else in campaign/ may import this; it imports none of it.
"""
