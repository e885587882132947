"""Runs the notebooks from top to bottom, and writes them with their outputs, and as HTML pages.

python analysis/execute.py [NAME ...] [--results FILE] [--out DIR]

The notebooks themselves are not changed. By default all of them run into out/notebooks. Without --results each reads
the recorded results named in its first cell; quickstart reads none and makes a short video.
Needs the extra: pip install 'latentman[analysis]'.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

from latentman.errors import LatentManError, MissingExtraError, check_choice
from latentman.system.paths import write_text

HERE = Path(__file__).resolve().parent
NOTEBOOKS = ("quickstart", "h_mse", "ablations", "gallery", "solver_scaling")
TIMEOUT_S = 300

STYLE = """
body { max-width: 66rem; margin: 2rem auto; padding: 0 1.2rem; font: 16px/1.5 system-ui, sans-serif; color: #24231f; }
h1, h2, h3 { line-height: 1.25; } img { max-width: 100%; } a { color: #2f6f8f; }
pre { overflow-x: auto; font-size: 13px; } code { font-size: 0.9em; }
.highlight { background: #f6f5f2; padding: 0.1rem 0.8rem; border-radius: 4px; }
.prompt, .anchor-link { display: none; }
.jp-OutputArea, .output { overflow-x: auto; }
table { border-collapse: collapse; border: 0 !important; font-size: 13px; margin: 0.6rem 0; }
th, td { padding: 0.25rem 0.55rem; border: 0; border-bottom: 1px solid #e4e2dd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""


def main(arguments: list[str]) -> int:
    """Run notebooks and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NOTEBOOKS))
    parser.add_argument("--results", type=Path, help="a results.parquet, or its folder")
    parser.add_argument("--out", type=Path, default=HERE.parent / "out" / "notebooks")
    options = parser.parse_args(arguments)
    try:
        for name in options.names:
            check_choice("NAME", name, NOTEBOOKS)
        options.out.mkdir(parents=True, exist_ok=True)
        for name in options.names or NOTEBOOKS:
            sys.stdout.write(f"{execute(name, options.results, options.out)}\n")
    except LatentManError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def execute(name: str, results: Path | None, out: Path) -> Path:
    """Run one notebook and return the path of its page; the notebook with its outputs is written next to the page.

    Args:
        name: the notebook's name.
        results: the results that it reads; None uses those named in the notebook.
        out: an existing folder.

    Raises:
        LatentManError: if a cell failed, with its error, or if the extra is not installed.
    """
    nbformat, client, failures = _jupyter()
    notebook = nbformat.read(HERE / f"{name}.ipynb", as_version=4)
    given = {} if results is None else {"LATENTMAN_RESULTS": str(results.absolute())}
    try:
        client(notebook).execute(env=os.environ | given)
    except failures as error:
        write_text(out / f"{name}.ipynb", nbformat.writes(notebook))
        raise LatentManError(
            f"{name}.ipynb: {_last_line(str(error))}; the cells up to the error are in {out / name}.ipynb"
        ) from error
    write_text(out / f"{name}.ipynb", nbformat.writes(notebook))
    page = out / f"{name}.html"
    write_text(page, to_page(notebook, base=Path(os.path.relpath(HERE, out)).as_posix()))
    return page


def to_page(notebook: Any, base: str) -> str:
    """Return a notebook as one HTML page that loads nothing from the internet; its links are relative to ``base``."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    body, _ = HTMLExporter(template_name="basic", exclude_anchor_links=True).from_notebook_node(notebook)
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    style = STYLE + HtmlFormatter(style="tango").get_style_defs(".highlight")
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<base href='{escape(base)}/'><style>{style}</style></head><body>\n{body}\n</body></html>\n"
    )


def _jupyter() -> tuple[Any, Any, tuple[type[Exception], ...]]:
    """Return nbformat, a function that makes a notebook's client, and the exceptions of a failed run."""
    try:
        import nbformat
        from ipykernel.kernelspec import KERNEL_NAME
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
        from nbconvert import HTMLExporter  # noqa: F401
        from traitlets.config import Config
    except ImportError as error:
        raise MissingExtraError(
            f"notebooks need {error.name}, which is not installed: pip install 'latentman[analysis]'"
        ) from error

    def client(notebook: Any) -> Any:
        # Without kernel folders, the kernel runs in this Python, whatever kernels the user has installed.
        config = Config(KernelSpecManager={"kernel_dirs": []}, KernelManager={"transport_encryption": "auto"})
        place = {"metadata": {"path": str(HERE)}}
        return NotebookClient(
            notebook, kernel_name=KERNEL_NAME, timeout=TIMEOUT_S, resources=place, config=config, record_timing=False
        )

    return nbformat, client, (CellExecutionError, CellTimeoutError, DeadKernelError)


def _last_line(text: str) -> str:
    """Return the last line of an error that is not empty, without colours."""
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    return lines[-1] if lines else "a cell failed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
