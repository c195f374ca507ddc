"""The page that a command's process shares with the one in front of it, which imports nothing else of mlfuzz.

Its cells: requests that either has had; the first one's signal; whether it has been answered; whether a campaign ends
itself in good order; whether the command is over.
"""

IN_FRONT, OWN, FIRST, SAID, HELD, OVER, CELLS = range(7)
