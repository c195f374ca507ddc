"""One process that fuzzes: `python -m mlfuzz.campaign.worker ORDER`, started by the supervisor.

Read campaign.py first: it opens a campaign's directory, runs the loop within a budget, and keeps what it learns.
The supervisor imports orders.py alone; `mlfuzz.Campaign` is the same class in the calling process.
"""
