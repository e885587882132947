"""``latentman report DIR``: tables, plots and a gallery from the folder of a run, a job or a sweep."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DESCRIPTION = """\
Read every run below DIR and write into DIR:
  results.parquet, results.csv      one row for every (job, prompt, seed)
  table.md, table.csv, table.tex    mean and standard deviation of each variant, and the change against the baseline
  human_mse.svg                     the same as a plot
  gallery.html                      all videos side by side, playing in step; one file that needs no network
Failed and interrupted runs are rows too and are listed with the first line of their error."""


def main(argv: list[str]) -> int:
    """Carry out the command and return its exit status.

    Raises:
        LatentManError: if there are no runs below the folder, or it cannot be read or written.
    """
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


if __name__ == "__main__":
    from latentman.cli import main as command_line

    sys.exit(command_line(["report", *sys.argv[1:]]))
