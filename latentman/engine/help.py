"""The text of ``latentman run --help``, made from the files in ``conf/`` without Hydra."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

INTRO = """\
latentman run: a text prompt becomes a video of an animated character, with no video training.

usage: latentman run [KEY=VALUE | GROUP=CHOICE | +exp=NAME ...] [flags]       (or: python -m latentman.run ...)

examples:
  latentman run
  latentman run prompt="a knight in silver armor dances on a beach" seed=3
  latentman run num_frames=16 num_inference_steps=30 run_dir=out/knight    # run again to continue it
  latentman run method=t2v_zero                            # the baseline, with the same seed and motion
  latentman run sla=none pwg.window=[0.3,0.6]              # turn a part of the method off, or set its keys
  latentman run -m seed=0,1,2 sla=none,full                # a sweep: every combination
  latentman run +exp=ablation_sla sweep_dir=out/ablation   # an experiment of the paper, from its file
  latentman run --cfg job                                  # show the configuration, and run nothing
"""

FOOTER = """\
flags:
  -m, --multirun      run every combination of comma-separated values
  --cfg job|hydra|all show the composed configuration (--resolve fills in references)
  --config-dir DIR    look for configuration files in DIR too, such as DIR/exp/mine.yaml
  --config-path DIR   use the configuration tree in DIR; --config-name NAME begins with NAME.yaml
  --info [TOPIC]      what Hydra found: defaults-tree, config, searchpath, plugins
  --hydra-help        Hydra's own flags
  -sc install=bash    completion with the Tab key: eval "$(latentman run -sc install=bash)"

results: one run writes runs/run/<time>/, or run_dir=DIR; a sweep writes runs/<name>/<time>/, or sweep_dir=DIR. Naming
an existing folder continues it. Open index.html there; `latentman report DIR` makes tables and a gallery of a sweep.
"""

_TOP_LEVEL = re.compile(r"(?P<key>\w+): +(?P<value>.*?)(?:\s+# (?P<comment>.*))?")
_DEFAULT = re.compile(r"\s+- (?P<group>\w+): (?P<choice>\w+)(\s+#.*)?")
_NOT_SHOWN = ("hydra", "local")


def defaults(conf: Path) -> dict[str, str]:
    """Return the choice that ``conf/config.yaml`` makes for each group, in its order."""
    lines = (conf / "config.yaml").read_text(encoding="utf-8").splitlines()
    return {m["group"]: m["choice"] for m in map(_DEFAULT.fullmatch, lines) if m}


def groups(conf: Path) -> dict[str, list[str]]:
    """Return every group with its choices: first those of the defaults list, in its order, then the others."""
    found = {
        folder.name: sorted(file.stem for file in folder.glob("*.yaml"))
        for folder in sorted(conf.iterdir())
        if folder.is_dir() and folder.name not in _NOT_SHOWN
    }
    order = list(defaults(conf))
    return {
        name: found[name] for name in sorted(found, key=lambda n: (order.index(n) if n in order else len(order), n))
    }


def top_level_keys(conf: Path) -> list[tuple[str, str, str]]:
    """Return (key, default, comment) of every plain key in ``conf/config.yaml``."""
    lines = (conf / "config.yaml").read_text(encoding="utf-8").splitlines()
    matches = [match for match in map(_TOP_LEVEL.fullmatch, lines) if match]
    return [(m["key"], m["value"], m["comment"] or "") for m in matches]


def run_help(conf: Path) -> str:
    """Return the whole help text."""
    chosen = defaults(conf)
    lines = [INTRO, "groups (the first is the default):"]
    for name, choices in groups(conf).items():
        first = [chosen[name]] if chosen.get(name) in choices else []
        label = name if name in chosen else f"+{name}"
        listed = ", ".join(first + [choice for choice in choices if choice not in first])
        lines += textwrap.wrap(listed, 100, initial_indent=f"  {label:<16} ", subsequent_indent=" " * 19)
    lines += [
        "  hydra/launcher   basic, local_procs, slurm, slurm_local: where the jobs of a sweep run (docs/slurm.md)",
        "  hydra/sweeper    basic, optuna: every combination, or a search (docs/how-to/search.md)",
    ]
    lines += ["", "keys:"]
    for key, value, comment in top_level_keys(conf):
        setting = f"{key}={value}"
        gap = "\n" + " " * 34 if len(setting) > 31 and comment else " "
        lines.append(f"  {setting:<31}{gap}{comment}".rstrip())
    return "\n".join([*lines, "", FOOTER])
