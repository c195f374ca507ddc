"""Findings: the record of one failure, its files, and what several failures have in common. No torch.

Read finding.py first, then store.py: one campaign's, and promote.py: those kept in git. Stands on storage and modality;
imported by everything that makes, shows or judges one.
"""
