"""What a campaign found, for people and for machines. Reads the campaign's directory only, never its workers.

Read summary.py first: all that is shown comes from it; then html.py. No torch. Imported by the verbs and the pytest
plugin.
"""
