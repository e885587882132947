"""``python -m latentman`` is ``latentman``."""

import sys

from latentman.cli import main

if __name__ == "__main__":
    sys.exit(main())
