"""The inputs of a model's campaign: the seeds a user gave, and what was kept of their mutants.

Read seeds.py first, then corpus.py. Stands on storage and modality; imported by everything that runs a campaign.
"""
