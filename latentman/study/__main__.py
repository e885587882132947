"""``latentman study build|serve|analyse``: which of two videos do people find steadier?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from latentman.cli import Arguments
from latentman.errors import ConfigError, nearest

HELP = """\
latentman study: which of two videos do people find steadier? A blind study from a finished sweep.

  latentman study build SWEEP_DIR --out STUDY_DIR --ours VARIANT --baseline VARIANT [--baseline VARIANT ...]
      writes the page, the videos under meaningless names, and the design; one study for each baseline. Variants have
      the names of the table of `latentman report SWEEP_DIR`
  latentman study serve STUDY_DIR [--port 8000] [--host 127.0.0.1] [--name HOST ...]
      serves the page to browsers on this machine and stores the answers in STUDY_DIR/answers.sqlite; Ctrl-C stops it.
      It needs the extra study: pip install 'latentman[study]'
  latentman study analyse STUDY_DIR [--answers FILE.csv ...] [--without CODE ...]
      how often ours was preferred, how sure that is and how far people agree: preference.md, .csv and .json,
      prompts.csv and answers.csv in STUDY_DIR/analysis

Each has its own --help; docs/study.md explains how to run a study.
"""


def main(argv: list[str]) -> int:
    """Carry out ``latentman study`` and return the exit status.

    Raises:
        LatentManError: for an unknown command or option, or if the command cannot do its work.
    """
    commands: dict[str, Callable[[list[str]], int]] = {"build": _build, "serve": _serve, "analyse": _analyse}
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(HELP)
        return 0
    if argv[0] not in commands:
        raise ConfigError(
            f"'{argv[0]}' is not a command of latentman study{nearest(argv[0], commands)}\n"
            f"commands: {', '.join(commands)}"
        )
    return commands[argv[0]](argv[1:])


def _build(argv: list[str]) -> int:
    parser = Arguments(prog="latentman study build", description="Build a blind study from a finished sweep.")
    parser.add_argument("sweep_dir", metavar="SWEEP_DIR", type=Path, help="the folder of a sweep")
    parser.add_argument("--out", metavar="STUDY_DIR", type=Path, required=True, help="a new folder")
    parser.add_argument("--ours", metavar="VARIANT", required=True, help="the variant under test")
    parser.add_argument(
        "--baseline",
        metavar="VARIANT",
        action="append",
        required=True,
        help="a variant that it is compared with; may be repeated",
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, help="seed of sides, orders and names; drawn and recorded if not given"
    )
    parser.add_argument("--checks", metavar="K", type=int, default=3, help="attention checks in each study (3)")
    parser.add_argument(
        "--may-fail",
        metavar="N",
        type=int,
        default=0,
        help="failed checks with which a participant still counts (0)",
    )
    parser.add_argument("--contact", metavar="TEXT", default="", help="whom participants can ask; shown on the page")
    arguments = parser.parse_args(argv)
    from latentman.study.build import Request, build_study, summary

    request = Request(
        arguments.sweep_dir,
        arguments.out,
        arguments.ours,
        tuple(arguments.baseline),
        seed=arguments.seed,
        checks=arguments.checks,
        may_fail=arguments.may_fail,
        contact=arguments.contact,
    )
    sys.stdout.write(summary(build_study(request), request.study_dir) + "\n")
    return 0


def _serve(argv: list[str]) -> int:
    parser = Arguments(prog="latentman study serve", description="Serve a study and store the answers.")
    parser.add_argument("study_dir", metavar="STUDY_DIR", type=Path, help="the folder that latentman study build wrote")
    parser.add_argument("--port", metavar="P", type=int, default=8000, help="port (8000); 0 takes any free one")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (127.0.0.1, this machine alone); another address of this machine opens it to others",
    )
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        help="a name under which browsers reach the study, such as the name of a web server in front; may be repeated",
    )
    arguments = parser.parse_args(argv)
    from latentman.study.server import serve_study

    serve_study(arguments.study_dir, arguments.host, arguments.port, arguments.name)
    return 0


def _analyse(argv: list[str]) -> int:
    parser = Arguments(
        prog="latentman study analyse",
        description="Analyse the answers of a study.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study_dir", metavar="STUDY_DIR", type=Path, help="the folder that latentman study build wrote")
    parser.add_argument(
        "--answers",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="answers.csv of the same study from another machine; may be repeated",
    )
    parser.add_argument(
        "--without",
        metavar="CODE",
        action="append",
        default=[],
        help="leave out a participant, by the code on their page; may be repeated",
    )
    arguments = parser.parse_args(argv)
    from latentman.study.analyse import analyse_study

    sys.stdout.write(analyse_study(arguments.study_dir, arguments.answers, arguments.without))
    return 0


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["study", *sys.argv[1:]]))
