"""``latentman score VIDEO...``: the metrics of finished videos of any origin."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from latentman.cli import Arguments
from latentman.errors import ConfigError, RecordError

if TYPE_CHECKING:
    from latentman.score.scoring import Scored

DESCRIPTION = """\
Score finished videos of any origin. A VIDEO is a file that ffmpeg reads, or a folder of pictures (PNG or JPEG). They
are read in the order of the numbers in their names.

A video alone gets the scores that need nothing else, such as the flicker of the whole picture. --prompt, --mask and
the weights of CLIP and LPIPS add more. With --run, a video that follows the body of one of our runs (the same motion,
camera and number of frames) gets all scores of a run, including H_MSE along its map.
docs/metrics.md explains what each score means and when it misleads."""

EPILOG = """\
exit status: 0, or 2 if a video could not be scored; the other videos are scored

  latentman score theirs.mp4 --prompt "a knight dances on a beach"
  latentman score theirs.mp4 ours/frames --run ours --json scores.json"""


def main(argv: list[str]) -> int:
    """Run the command and return its exit status: 2 if a video could not be scored.

    Raises:
        LatentManError: if the arguments cannot be used.
    """
    parser = Arguments(
        prog="latentman score", description=DESCRIPTION, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("videos", metavar="VIDEO", nargs="+", help="a video, or a folder of pictures")
    parser.add_argument("--prompt", metavar="TEXT", help="what the video should show (default: the prompt of --run)")
    parser.add_argument("--mask", metavar="PATH", type=Path, help="where the figure is: like VIDEO, white on black")
    parser.add_argument("--run", metavar="DIR", type=Path, help="the folder of our run whose body the videos follow")
    parser.add_argument("--metrics", metavar="NAME,NAME", help="only these scores, separated by commas")
    parser.add_argument(
        "--json", metavar="FILE", help="write everything to this file, with all series; - for the screen"
    )
    parser.add_argument("--csv", metavar="FILE", help="write one row for each video to this file; - for the screen")
    parser.add_argument("--weights", metavar="DIR", help="the folder of clip/ and lpips/ (default: paths.weights)")
    parser.add_argument(
        "--clip", metavar="DIR", type=Path, help="the CLIP model (default: clip in the weights' folder)"
    )
    parser.add_argument(
        "--lpips", metavar="DIR", type=Path, help="the files of LPIPS (default: lpips in the weights' folder)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, mps or auto: for CLIP and LPIPS")
    arguments = parser.parse_args(argv)
    return _score(arguments)


def _score(arguments: argparse.Namespace) -> int:
    if arguments.mask is not None and arguments.run is not None:
        raise ConfigError("give --mask or --run, not both: the run already says where the figure is")
    if arguments.json == "-" and arguments.csv == "-":
        raise ConfigError("--json - and --csv - would both write to the screen: give one of them a file")
    files = [Path(name) for name in (arguments.json, arguments.csv) if name not in (None, "-")]
    for file in files:
        if file.exists():
            raise RecordError(f"{file} exists already and is not overwritten: name another file, or remove it")
    if len(set(files)) < len(files):
        raise ConfigError(f"--json and --csv both name {files[0]}")
    from latentman.score.output import as_csv, as_json, as_table
    from latentman.score.scoring import Request, score_videos
    from latentman.system.paths import write_text

    scored = score_videos(arguments.videos, Request.from_arguments(arguments))
    to_screen = True
    for name, text in ((arguments.json, as_json), (arguments.csv, as_csv)):
        if name == "-":
            sys.stdout.write(text(scored))
            to_screen = False
        elif name is not None:
            write_text(Path(name), text(scored))
    if to_screen:
        sys.stdout.write(as_table(scored))
    return _closing(scored)


def _closing(scored: list[Scored]) -> int:
    failed = [one for one in scored if one.error is not None]
    for one in failed:
        sys.stderr.write(f"error: {one.video}: {one.error}\n")
    return 2 if failed else 0


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["score", *sys.argv[1:]]))
