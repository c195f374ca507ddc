"""A confirmed finding made smaller and explained: the triage pipeline behind confirming.

Read pipeline.py first: confirm, shrink, trim, name the fault. shrink.py makes chains simpler, trim.py inputs.
The triage worker imports it, and a campaign in the calling process.
"""
