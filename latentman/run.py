"""``python -m latentman.run`` is ``latentman run``: one run, or one sweep, composed by Hydra from ``conf/``."""

import sys

from latentman.cli import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
