"""The system under test: a torch module or any batched callable, run on rows.

Read base.py first, then execute.py: what a target raises becomes data there. Stands on batch and observation; imported
by the campaign, regressions and the examples.
"""
