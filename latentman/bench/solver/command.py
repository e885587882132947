"""``latentman bench solver``: every solver of the correspondence search on the same problems, side by side."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from latentman import __version__
from latentman.assignment.solvers import SOLVERS
from latentman.bench.motion import MARKERS
from latentman.bench.solver.frame import write_frame
from latentman.bench.solver.maps import FLAVOURS, FULL_SIZE, NUM_FRAMES, Maps, Problem, make_maps, part_problems
from latentman.bench.solver.measure import PLAIN, Figures, warm_up
from latentman.bench.solver.plot import Line, write_plot
from latentman.bench.solver.results import CLIP_SIZE, Case, Clip, Measured, label
from latentman.bench.solver.table import tables
from latentman.bench.solver.targets import target_lines
from latentman.cli import Arguments
from latentman.correspondence.match import match_clip
from latentman.correspondence.parallel import available_cores
from latentman.errors import ConfigError, DataError, LatentManError, check_choice
from latentman.report.plots.canvas import FORMATS
from latentman.system.paths import write_json, write_npz, write_text

SIZES = (64, 128, 256, 512)
TAKING_TURNS = 128
"""Up to this size a run takes milliseconds, and solvers take turns in one process for a fair comparison."""

LIMITS = {"lapjv": 128, "lapsolver": 256, "greedy": 256}
"""Sizes above which a solver takes minutes; it is left out there without --all."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def solver_command(arguments: Sequence[str]) -> int:
    """Measure, print the tables, write the requested files, and return the exit status.

    Raises:
        ConfigError: for unknown or senseless options, or a --markdown file without the marks of a table.
    """
    options = _options(arguments)
    maps = make_maps(options.seed)
    solvers = [solver for solver in options.solvers if _is_there(solver)]
    measured = list(measure_all(maps, options.sizes, solvers, pairs=options.pairs, everything=options.all))
    clips = [time_clip(maps[flavour], flavour, solvers) for flavour in FLAVOURS] if CLIP_SIZE in options.sizes else []
    text = tables(measured, clips) + "\n" + target_lines(measured, clips)
    sys.stdout.write(text)
    if options.json is not None:
        write_json(options.json, {"cases": [asdict(m) for m in measured], "clips": [asdict(c) for c in clips]})
        write_frame(options.json.with_name("results.parquet"), measured, clips)
        write_json(options.json.with_name("environment.json"), environment(arguments))
    if options.plot is not None:
        write_plot(options.plot, plot_lines(measured))
    if options.markdown is not None:
        page = options.markdown.read_text(encoding="utf-8")
        write_text(options.markdown, MARKERS.sub(lambda match: match[1] + text + match[2], page))
    return 0


def measure_all(
    maps: dict[str, Maps], sizes: Sequence[int], solvers: Sequence[str], *, pairs: int, everything: bool
) -> Iterator[Measured]:
    """Yield the figures of every solver on every case, from the smallest; slow ones above their limit are left out."""
    for size in sizes:
        able = [solver for solver in solvers if everything or size <= LIMITS.get(solver, FULL_SIZE)]
        for solver in sorted(set(solvers) - set(able)):
            sys.stderr.write(
                f"{solver} at {size} left out: it takes minutes above {LIMITS[solver]}; --all measures it\n"
            )
        for flavour in FLAVOURS:
            problems = [p for pair in range(pairs) for p in part_problems(maps[flavour], size=size, pair=pair)]
            case = _describe(maps[flavour], problems, size=size, flavour=flavour, pairs=pairs)
            for group in [able] if size <= TAKING_TURNS else [[solver] for solver in able]:
                sys.stderr.write(f"{size} {flavour}: {', '.join(group)}\n")
                for solver, figures in measure_apart(problems, group).items():
                    yield Measured(case, solver, figures)


def measure_apart(problems: Sequence[Problem], solvers: Sequence[str]) -> dict[str, Figures]:
    """Return the figures of solvers on problems, measured in a new process on one thread.

    Raises:
        DataError: if the process ended without figures, such as for want of memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problems.npz"
        write_npz(path, {f"{side}{i}": getattr(p, side) for i, p in enumerate(problems) for side in "xy"})
        command = [sys.executable, "-m", "latentman.bench.solver.measure", str(path), *solvers]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | _ONE_THREAD, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise DataError(
            f"bench solver: measuring {', '.join(solvers)} ended with status {done.returncode} ({said}); leave it out "
            f"with --solvers, or choose smaller --sizes"
        )
    return {solver: Figures(**found) for solver, found in json.loads(done.stdout).items()}


def time_clip(iuv: Maps, flavour: str, solvers: Sequence[str]) -> Clip:
    """Return the wall seconds of :func:`match_clip` over a clip, the better of two runs, on all available cores."""
    solver = next((name for name in ("auto", "certified") if name in solvers), solvers[-1])
    solver = "scipy" if solver == PLAIN else solver
    workers = available_cores()
    match_clip(iuv, size=SIZES[0], solver=solver, workers=workers)
    times = []
    for _ in range(2):
        before = time.perf_counter()
        match_clip(iuv, size=CLIP_SIZE, solver=solver, workers=workers)
        times.append(time.perf_counter() - before)
    return Clip(flavour, solver, workers, min(times))


def plot_lines(measured: Sequence[Measured]) -> dict[str, list[Line]]:
    """Return the lines of the plot: for each flavour and solver CPU seconds a pair against body pixels."""
    panels: dict[str, list[Line]] = {}
    for flavour in FLAVOURS:
        points: dict[str, list[tuple[float, float]]] = {}
        for m in measured:
            if m.case.flavour == flavour:
                points.setdefault(m.solver, []).append((m.case.body_pixels, m.figures.seconds / m.case.pairs))
        panels[flavour] = [Line(label(solver), tuple(where)) for solver, where in points.items()]
    return panels


def environment(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the environment of the measurement."""
    return {
        "command": " ".join(["latentman bench solver", *arguments]),
        "versions": {
            "latentman": __version__, "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy")},
        },
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
    }  # fmt: skip


def _is_there(solver: str) -> bool:
    """Return whether a solver can be used here; if not, print the reason."""
    try:
        warm_up(solver)
    except LatentManError as error:
        sys.stderr.write(f"{solver} left out: {str(error).splitlines()[0]}\n")
        return False
    return True


def _describe(maps: Maps, problems: Sequence[Problem], *, size: int, flavour: str, pairs: int) -> Case:
    step = FULL_SIZE // size
    return Case(
        size=size,
        flavour=flavour,
        pairs=pairs,
        body_pixels=float((maps[1 : pairs + 1, ::step, ::step, 0] > 0).sum() / pairs),
        largest_part=max(max(len(p.x), len(p.y)) for p in problems),
        parts=len(problems) / pairs,
        products=float(sum(len(p.x) * len(p.y) for p in problems) / pairs),
        unequal=float(np.mean([len(p.x) != len(p.y) for p in problems])),
    )


def _options(arguments: Sequence[str]) -> Namespace:
    parser = Arguments(prog="latentman bench solver", add_help=False)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--solvers", default=",".join(SOLVERS))
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true")
    for name in ("--json", "--plot", "--markdown"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args(arguments)
    for size in options.sizes.split(","):
        check_choice("--sizes", size, map(str, SIZES))
    options.sizes = sorted({int(size) for size in options.sizes.split(",")})
    named = options.solvers.split(",")
    for solver in named:
        check_choice("--solvers", solver, (PLAIN, *SOLVERS))
    options.solvers = [PLAIN, *(solver for solver in SOLVERS if solver in named)]
    if not 1 <= options.pairs < NUM_FRAMES:
        raise ConfigError(f"--pairs {options.pairs} must be between 1 and {NUM_FRAMES - 1}")
    if options.seed < 0:
        raise ConfigError(f"--seed {options.seed} must be 0 or more")
    _check_files(options)
    return options


def _check_files(options: Namespace) -> None:
    """Refuse files that cannot be written, before anything is measured."""
    for name in ("json", "plot", "markdown"):
        path = getattr(options, name)
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise ConfigError(f"--{name} {path}: it must be a file in a folder that exists")
    if options.plot is not None and options.plot.suffix not in FORMATS:
        raise ConfigError(f"--plot {options.plot}: the name of the file must end in one of {', '.join(FORMATS)}")
    if options.markdown is not None:
        text = options.markdown.read_text(encoding="utf-8") if options.markdown.is_file() else ""
        if not MARKERS.search(text):
            raise ConfigError(
                f"--markdown {options.markdown}: it needs the lines <!-- table --> and <!-- end of table -->"
            )
