"""`python -m mlfuzz`."""

import sys

from mlfuzz.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
