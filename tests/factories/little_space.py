"""The command line with little disk space."""

LITTLE_SPACE = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
from latentman.cli import main
sys.exit(main(["train", *sys.argv[1:]]))
"""
"""The command line in a process that cannot write files of more than 5,000 bytes."""
