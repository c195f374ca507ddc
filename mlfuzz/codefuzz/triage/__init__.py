"""From an outcome to a finding, and back: made, confirmed, minimised, replayed, brought in from elsewhere.

Read finding_builder.py first, then confirm.py. Runs in the parent. Imported by campaign, regressions, replay and verbs.
"""
