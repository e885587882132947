"""``latentman report DIR``: tables, plots and a gallery from the folder of a run, a job or a sweep."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DESCRIPTION = """\
Read every run below DIR and write into DIR:
  results.parquet, results.csv      one row for every (job, prompt, seed)
  per_pair.parquet                  one row for every score of a pair of frames
  table.md, table.csv, table.tex    mean and standard deviation of each variant, and the change against the baseline
  plots/*.png, plots/*.pdf          bars with intervals, pairs of frames, seconds against score, heat maps
  report.html                       the tables, the plots and the gallery in one file that works offline
  gallery.html                      all videos side by side, playing in step
Failed and interrupted runs are included and are listed with the first line of their error.

latentman report watch DIR shows the jobs of a sweep while they run."""

WATCH = """\
Show the jobs of the sweep in DIR until all have ended: the progress, the duration and the error of each. A job whose
process ended without recording an end is shown as died. Without a terminal the table is printed once."""


def main(argv: list[str]) -> int:
    """Run the command and return its exit status.

    Raises:
        LatentManError: if there are no runs below the folder, or it cannot be read or written.
    """
    if argv[:1] == ["watch"]:
        return _watch(argv[1:])
    parser = argparse.ArgumentParser(
        prog="latentman report", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", metavar="DIR", type=Path, help="the folder of a run, a job or a sweep")
    parser.add_argument("--no-gallery", action="store_true", help="write no report.html, gallery.html and strips")
    arguments = parser.parse_args(argv)
    from latentman.report.build import write_report
    from latentman.report.terminal import print_report

    print_report(write_report(arguments.dir, gallery=not arguments.no_gallery))
    return 0


def _watch(argv: list[str]) -> int:
    """Run ``latentman report watch``: 0 if every job is done in the end, 1 if not."""
    parser = argparse.ArgumentParser(
        prog="latentman report watch", description=WATCH, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", metavar="DIR", type=Path, help="the folder of a sweep, a job or a run")
    parser.add_argument("--once", action="store_true", help="print the table once and exit")
    parser.add_argument("--every", metavar="SECONDS", type=float, default=1.0, help="time between updates (default: 1)")
    arguments = parser.parse_args(argv)
    if not 0.05 <= arguments.every <= 3600:
        parser.error(f"--every {arguments.every:g} must be between 0.05 and 3600 seconds")
    from latentman.report.watch import watch

    return watch(arguments.dir, once=arguments.once, every_s=arguments.every)


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["report", *sys.argv[1:]]))
