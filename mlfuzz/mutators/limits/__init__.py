"""How far an input may go from its seed, and how far it has gone.

Read limits.py first, then distance.py: the measures of each modality. Imported by operators and their schedule.
"""

from mlfuzz.mutators.limits.limits import Limits

__all__ = ["Limits"]
