"""`python -m mlfuzz`."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # Python has put the current folder first, where a random.py of the user's hides Python's own from all that follows.
    del sys.path[0]

from mlfuzz.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
