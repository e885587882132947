"""``latentman bench``: how good and how fast the parts are, side by side on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable

from latentman.errors import ConfigError, nearest

HELP = """\
latentman bench: how good and how fast the parts are, side by side on this machine.

  latentman bench motion [KEY=VALUE ...] [--seeds N] [--markdown FILE]
      every motion source that can run here, over twelve prompts: sliding feet, feet below the floor, jitter and
      stretching bones, before and after the fit of a body, and seconds per motion relative to the procedural source.
      Takes the settings of `latentman run`, such as motion.file=FILE, or motion=mdm motion.checkpoint=DIR. --markdown
      writes the table between <!-- table --> and <!-- end of table --> of a file
  latentman bench fit
      the fit of the shipped body to motions of 60 frames, clean and with 5 mm of noise: distances, twists, CPU seconds
  latentman bench sampling
      one sample of MLD, MDM and GMD at their released sizes, with random weights: seconds, and relative to MLD
  latentman bench solver [--sizes 64,128,256,512] [--solvers certified,scipy] [--pairs N] [--seed N] [--all]
                         [--json FILE] [--plot FILE] [--markdown FILE]
      every solver of the correspondence search on the same maps, clean and noisy: CPU seconds and memory next to
      those of SciPy and lapsolver, agreement of costs, proofs, growth with the pixels; then a list of targets, reached
      or missed. --all includes solvers at sizes where they need minutes; --json writes all numbers, with
      results.parquet and environment.json in the same folder; --plot draws seconds against pixels as SVG;
      --markdown as above
  latentman bench denoise [--model mini|sd15|sdxl|tiny] [--device auto|cpu|cuda] [--dtype auto|float32|float16|bfloat16]
                          [--frames N] [--long N] [--image-size N] [--repeats N] [--threads N] [--whole]
                          [--parts plain,direct,official_uncond,full,align,decode]
                          [--levers all|none|cudnn,unet,vae,micro2,micro4] [--json FILE] [--markdown FILE]
      a denoising step, a guided step with each gradient and the whole video, as the released code and as we run them on
      the same networks: milliseconds, memory, arithmetic and the lower bound that it sets, peak memory with --frames
      (8) and --long (64, 0 for none) frames; then a list of targets. mini is the embedded model and the default on the
      CPU; the others have random weights, so nothing is downloaded: sd15 is the default on CUDA, tiny is for trying
      the command. --whole makes the whole videos (100 steps each) in addition to summing their parts. --levers, on CUDA
      all by default, adds cuDNN's autotuning, compiled networks and a VAE that decodes several frames at once. On the
      CPU, times are processor times, on one thread or --threads
  latentman bench denoise --plan [--model sd15,sdxl|tiny] [--card all|"RTX 4090",H100] [--frames N] [--long N]
                          [--dtype float16|float32|bfloat16] [--image-size N] [--json FILE]
      measures nothing: arithmetic and memory of a step, of a guided step and of the whole video, computed from the
      graph on any machine, and the fewest seconds they take on each card by its peak speed
  latentman bench stages [KEY=VALUE ...] [--repeats N]
      wall seconds, share and peak memory of every stage of `latentman run` with these settings, run 3 times over or
      --repeats, each time in a new process and a temporary folder
"""


def main(argv: list[str]) -> int:
    """Run ``latentman bench`` and return the exit status.

    Raises:
        ConfigError: for an unknown benchmark or setting.
    """
    commands: dict[str, Callable[[list[str]], int]] = {
        "motion": _motion,
        "fit": _fit,
        "sampling": _sampling,
        "solver": _solver,
        "denoise": _denoise,
        "stages": _stages,
    }
    if not argv or {"-h", "--help"} & set(argv):
        sys.stdout.write(HELP)
        return 0
    if argv[0] not in commands:
        raise ConfigError(
            f"'{argv[0]}' is not a benchmark{nearest(argv[0], commands)}\nbenchmarks: {', '.join(commands)}"
        )
    if argv[0] not in ("motion", "solver", "denoise", "stages") and argv[1:]:
        raise ConfigError(f"latentman bench {argv[0]} takes no settings, got {' '.join(argv[1:])}")
    return commands[argv[0]](argv[1:])


def _motion(arguments: list[str]) -> int:
    from latentman.bench.motion import motion_command

    return motion_command(arguments)


def _fit(arguments: list[str]) -> int:
    from latentman.bench.fit import fit_command

    return fit_command(arguments)


def _sampling(arguments: list[str]) -> int:
    from latentman.bench.sampling import sampling_command

    return sampling_command(arguments)


def _solver(arguments: list[str]) -> int:
    from latentman.bench.solver.command import solver_command

    return solver_command(arguments)


def _denoise(arguments: list[str]) -> int:
    from latentman.bench.denoise.command import denoise_command

    return denoise_command(arguments)


def _stages(arguments: list[str]) -> int:
    from latentman.bench.stages import stages_command

    return stages_command(arguments)


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["bench", *sys.argv[1:]]))
