"""``python -m latentman.run``: one run, or one sweep, composed by Hydra from ``conf/``."""

if __name__ == "__main__":
    # First of all, and by the same road as ``latentman run``, so that --help answers without importing Hydra.
    import sys

    from latentman.cli import main as command_line

    sys.exit(command_line(["run", *sys.argv[1:]]))

import hydra
from omegaconf import DictConfig

from latentman.config import register
from latentman.system.paths import config_dir

register()


# Hydra sends this function to the nodes of a cluster by value: it must refer to nothing else in this module.
@hydra.main(version_base="1.3", config_path=config_dir(), config_name="config")
def main(cfg: DictConfig) -> float | None:
    """Run one composed configuration and return its H_MSE, which a sweeper may minimise."""
    from latentman.engine.runner import execute

    return execute(cfg)
