"""A campaign of harnesses: they share the time; failures are saved at once, confirmed alone and minimised.

Read campaign.py first. Runs in the parent, which never imports a harness. The top of codefuzz/: imported by the verbs.
"""
