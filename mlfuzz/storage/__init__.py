"""Files that outlive a kill: a campaign's directory, its journal, locks, blobs, checkpoints. No torch.

Read workdir.py first: what lies where; then durable.py and journal.py. Stands on errors and progress alone; imported by
everything that reads or writes a campaign.
"""
