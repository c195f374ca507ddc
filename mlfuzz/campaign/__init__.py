"""A campaign against a model: from its seeds and target to confirmed findings.

Read worker/campaign.py first, then loop/loop.py: all else serves the two. In floors, low to high: spec, presets and
evidence; isolation; confirm; setup; search; loop; minimize; worker; supervisor; each imports those below it alone.
Imported by the verbs, replay, regressions and the pytest plugin; `mlfuzz.Campaign` is its door for people.
"""
