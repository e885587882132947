"""``latentman demo``: the baseline and LatentMan with the same prompt and seed, and one page that compares them."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from latentman.cli import Arguments
from latentman.errors import ConfigError

DESCRIPTION = """\
Make two videos of the same prompt, seed and body: the baseline (method=t2v_zero, cross-frame attention alone) and
LatentMan. The second takes the motion, the body, its pictures and the correspondences from the first.
  DIR/index.html    both videos side by side, the change of H_MSE, and what each stage made
  DIR/demo.webp     both videos as one moving picture
  DIR/baseline, DIR/latentman   the two runs, each with its own page
The same command continues an interrupted demo. The default seed, 4, was chosen: the place behind the character is
steady there, and the change of H_MSE is near the mean over ten prompts. seed=1 shows another. For numbers over many
prompts and seeds: latentman run +exp=ablation."""

METHODS = {"baseline": "t2v_zero", "latentman": "latentman"}
"""The folder of each run, and its ``method``."""

SEED = 4
"""The seed if none is given: its background is steady, and its change is near the mean over ten prompts."""

OWN_KEYS = ("method", "run_dir", "sweep_dir", "prompts", "name")
"""Settings that the command makes itself."""


def main(argv: list[str]) -> int:
    """Run the command and return its exit status.

    Raises:
        LatentManError: as ``latentman run``, and for a setting that the demo makes itself.
        KeyboardInterrupt: with a message that says how to continue.
    """
    parser = Arguments(
        prog="latentman demo", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("settings", metavar="KEY=VALUE", nargs="*", help="settings of both runs, as of latentman run")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("out/demo"), help="default: out/demo")
    arguments = parser.parse_args(argv)
    for setting in arguments.settings:
        key = setting.lstrip("+").partition("=")[0]
        if key in OWN_KEYS:
            raise ConfigError(
                f"latentman demo sets {key} itself, got {setting}: leave it out, or use latentman run {setting}"
            )
    return make_demo(arguments.out.expanduser(), arguments.settings)


def make_demo(folder: Path, settings: list[str]) -> int:
    """Make both runs that are not finished yet, the page and the moving picture, and print where they are.

    Args:
        folder: the folder to write to.
        settings: of both runs.

    Raises:
        LatentManError: as ``latentman run``.
    """
    from latentman.engine.launch import main as run

    if not any(setting.lstrip("+").startswith("seed=") for setting in settings):
        settings = [*settings, f"seed={SEED}"]
    for name, method in METHODS.items():
        sys.stderr.write(f"{name} (method={method})\n")
        status = run([*settings, f"method={method}", f"run_dir={folder / name}"])
        if status:
            return status
    from latentman.report.pages.demo import write_demo

    command = shlex.join(["latentman", "demo", *settings])
    made = write_demo(folder, folder / "baseline", folder / "latentman", command)
    change = "" if made.change is None else f"H_MSE   {made.change:+.1f} % against the baseline\n"
    sys.stdout.write(f"{change}picture {made.picture.absolute()}\npage    {made.page.absolute()}\n")
    return 0
