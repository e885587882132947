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
  gallery.html                      all videos side by side, playing in step; one file that needs no network
Failed and interrupted runs are rows too and are listed with the first line of their error.

latentman report watch DIR shows the jobs of a sweep while they run."""

WATCH = """\
Show the jobs of the sweep in DIR until all have ended: how far each is, what it takes, and why it failed. A job whose
process ended without a word is shown as died. Where there is no terminal, the table is printed once."""


def main(argv: list[str]) -> int:
    """Carry out the command and return its exit status.

    Raises:
        LatentManError: if there are no runs below the folder, or it cannot be read or written.
    """
    if argv[:1] == ["watch"]:
        return _watch(argv[1:])
    parser = argparse.ArgumentParser(
        prog="latentman report", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", metavar="DIR", type=Path, help="the folder of a run, a job or a sweep")
    parser.add_argument("--no-gallery", action="store_true", help="write no gallery.html")
    arguments = parser.parse_args(argv)
    from latentman.report.build import write_report

    report = write_report(arguments.dir, gallery=not arguments.no_gallery)
    sys.stdout.write(report.text() + "\n")
    return 0


def _watch(argv: list[str]) -> int:
    """Carry out ``latentman report watch``: 0 if every job is done in the end, 1 if not."""
    parser = argparse.ArgumentParser(
        prog="latentman report watch", description=WATCH, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dir", metavar="DIR", type=Path, help="the folder of a sweep, a job or a run")
    parser.add_argument("--once", action="store_true", help="print the table and end")
    parser.add_argument("--every", metavar="SECONDS", type=float, default=1.0, help="how often to look (default: 1)")
    arguments = parser.parse_args(argv)
    if not 0.05 <= arguments.every <= 3600:
        parser.error(f"--every {arguments.every:g} must lie between 0.05 and 3600 seconds")
    from latentman.report.watch import watch

    return watch(arguments.dir, once=arguments.once, every_s=arguments.every)


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["report", *sys.argv[1:]]))
