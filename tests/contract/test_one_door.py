"""Files are opened for reading by ``latentman/files`` alone, where their limits and their errors are."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "latentman"

READERS = {
    "numpy": {"load", "loadtxt", "genfromtxt", "fromfile", "memmap", "fromregex"},
    "json": {"load"},
    "yaml": {"load", "safe_load", "full_load", "unsafe_load", "load_all", "safe_load_all", "parse", "compose"},
    "omegaconf.OmegaConf": {"load"},
    "PIL.Image": {"open"},
    "torch": {"load"},
    "pickle": {"load", "loads", "Unpickler", "_Unpickler"},
    "safetensors": {"safe_open"},
    "safetensors.torch": {"load_file", "load"},
    "safetensors.numpy": {"load_file", "load"},
    "pandas": {"read_csv", "read_parquet", "read_json", "read_pickle", "read_table", "read_excel"},
    "pyarrow.parquet": {"read_table", "read_schema", "ParquetFile"},
    "sqlite3": {"connect"},
    "scipy.io": {"loadmat", "whosmat"},
    "zipfile": {"ZipFile"},
    "tarfile": {"open"},
    "csv": {"reader", "DictReader"},
    "tomllib": {"load", "loads"},
    "imageio_ffmpeg": {"read_frames", "count_frames_and_secs", "get_ffmpeg_exe"},
}
"""What reads files, or text that came from one, by module."""

METHODS = {"read_text", "read_bytes", "open"}
"""Methods of a path that read."""

ALLOWED = {
    # Hashes: bytes are digested and never interpreted.
    "assets/shipped.py": "digests of what ships",
    "assignment/certified.py": "digest of the solver's sources",
    "networks/checkpoint.py": "digests of weights",
    "record/damage.py": "digests of what stages wrote",
    "system/cache_folder.py": "digests of our own code",
    "system/paths.py": "digests, and the sync of what was just written",
    "system/plugins.py": "digests of a plugin's code",
    # The operating system's own tables and locks.
    "system/cpus.py": "the limits of a container",
    "system/hub.py": "the name of a snapshot in the cache of the hub's client",
    "system/locks.py": "locks",
    "system/memory.py": "/proc",
    "pipeline/stage_cache.py": "entries of the cache, used only after their checksums, and /proc",
    # The unpickler that calls nothing.
    "system/pickle_records.py": "pickles of SMPL models and of pose estimators",
    # Text that ships with the package, and reports that this process has just written.
    "engine/help.py": "our own conf/",
    "report/pages/document.py": "our own templates",
    "study/build.py": "our own pages",
    "bench": "reports and tables that the benchmark writes",
    "train/mini/parts.py": "a table that the training has just written",
    "api.py": "the run's own video, for a notebook",
    "tracking/trackio.py": "the run's own page, sent as it is",
    "tracking/wandb.py": "the run's own page, sent as it is",
    # Streams, not readers of files.
    "report/plots/sheets.py": "pictures that were encoded just before, in memory",
    "study/files.py": "files that the study server sends, opened without following links",
    "study/app.py": "the same",
    "study/answers.py": "the database that the study server writes",
    "study/exchange.py": "single lines, of which each may be damaged by itself",
}
"""Files and folders that may read by themselves, and what."""


def names_of(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for, such as ``np`` for ``numpy``."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name.partition(".")[0]: (alias.asname and alias.name)
                or alias.name.partition(".")[0]
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return {name: full for name, full in names.items() if full}


def dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return before and f"{before}.{node.attr}"
    return None


def readers(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of everything in a module that reads a file."""
    tree = ast.parse(source)
    names = names_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            text = dotted(node)
            if text is None:
                continue
            first, _, rest = text.partition(".")
            full = names.get(first, first) + (f".{rest}" if rest else "")
            module, _, name = full.rpartition(".")
            if name in READERS.get(module, ()):
                yield node.lineno, full
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "open" and "open" not in names and reads(node, 1):
            yield node.lineno, "open"
        if dotted(node.func) == "os.open":
            yield node.lineno, "os.open"
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS - {"open"}:
            yield node.lineno, node.func.attr
        is_path = isinstance(node.func, ast.Attribute) and node.func.attr == "open" and dotted(node.func) not in names
        if is_path and reads(node, 0) and (dotted(node.func) or "").partition(".")[0] not in CLASSES:
            yield node.lineno, ".open"


CLASSES = {
    "LocalRecord",
    "MetricsLog",
    "MultiLogger",
    "SceneSet",
    "RunTracking",
    "tracking",
    "self",
    "Image",
    "webbrowser",
}
"""Values of which ``open`` is not a path's; ``Image.open`` is found above."""


def reads(call: ast.Call, position: int) -> bool:
    """Return whether a call of ``open`` opens for reading: its mode is not that of a writer."""
    mode = next((word.value for word in call.keywords if word.arg == "mode"), None)
    mode = call.args[position] if mode is None and len(call.args) > position else mode
    return not (isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) & set("wax"))


def is_allowed(module: Path) -> bool:
    return any(module.as_posix() == place or module.is_relative_to(place) for place in ALLOWED)


MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def test_files_are_opened_for_reading_in_one_package_only() -> None:
    others = [module for module in MODULES if module.parts[0] != "files" and not is_allowed(module)]
    found = {str(module): list(readers((PACKAGE / module).read_text(encoding="utf-8"))) for module in others}
    found = {module: reads for module, reads in found.items() if reads}
    assert not found, f"modules that read files by themselves; use or extend a reader of latentman/files: {found}"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import numpy as np\nnp.load(x)", "numpy.load"),
        ("import json\njson.load(f)", "json.load"),
        ("def f():\n    from PIL import Image\n    Image.open(p)", "PIL.Image.open"),
        ("import torch\ntorch.load(p)", "torch.load"),
        ("from safetensors.torch import load_file\nload_file(p)", "safetensors.torch.load_file"),
        ("import yaml\nyaml.safe_load(t)", "yaml.safe_load"),
        ("from omegaconf import OmegaConf\nOmegaConf.load(p)", "omegaconf.OmegaConf.load"),
        ("open(p)", "open"),
        ("open(p, 'rb')", "open"),
        ("path.open()", ".open"),
        ("(folder / 'x').open('rb')", ".open"),
        ("path.read_text()", "read_text"),
        ("import pyarrow.parquet as pq\npq.read_table(p)", "pyarrow.parquet.read_table"),
        ("import os\nos.open(p, os.O_RDONLY)", "os.open"),
    ],
)
def test_the_check_finds(source: str, what: str) -> None:
    assert what in [name for _, name in readers(source)]


@pytest.mark.parametrize(
    "source", ["open(p, 'w')", "path.open('a')", "import json\njson.loads(t)", "path.write_text('')"]
)
def test_the_check_leaves_alone(source: str) -> None:
    assert not list(readers(source))


def test_every_exception_is_still_needed() -> None:
    there = [place for place in ALLOWED if (PACKAGE / place).exists()]
    idle = [
        place
        for place in there
        if not any(
            list(readers((PACKAGE / module).read_text(encoding="utf-8")))
            for module in MODULES
            if module.as_posix() == place or module.is_relative_to(place)
        )
    ]
    assert not idle, f"these read nothing by themselves any more; take them off the list: {idle}"
