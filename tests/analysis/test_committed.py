"""The notebooks are committed as they were written: without outputs, traces of a machine, or heavy imports."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "analysis"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
HEAVY = {"torch", "wandb", "diffusers", "transformers"}

READERS = [path for path in NOTEBOOKS if path.stem != "quickstart"]
"""The notebooks that read results; quickstart makes what it shows."""

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_reader = pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def source(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells(path, "code"))


@each
def test_outputs_and_counts_are_empty(path: Path) -> None:
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@each
def test_metadata_tells_nothing_of_a_machine(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert all(set(cell["metadata"]) <= {"tags"} for cell in notebook["cells"])
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert not re.search(r"/(home|root|tmp|Users|work)/|[A-Z]:\\\\", path.read_text(encoding="utf-8"))


@each_reader
def test_the_first_cell_of_code_has_the_path_and_can_be_replaced(path: Path) -> None:
    first = cells(path, "code")[0]
    assert first["metadata"]["tags"] == ["parameters"]
    default = re.search(
        r'^RESULTS = os\.environ\.get\("LATENTMAN_RESULTS"\) or "(experiments/\w+/results\.parquet)"$',
        "".join(first["source"]),
        re.MULTILINE,
    )
    assert default is not None
    assert (ROOT / default[1]).is_file()
    assert "/results.parquet" not in "".join("".join(cell["source"]) for cell in cells(path, "code")[1:])


@each
def test_each_section_says_what_it_shows(path: Path) -> None:
    texts = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    assert texts[0].startswith("# ")
    assert all(text.startswith("## ") for text in texts[1:])
    assert not any(re.search(r"[-+]?\d+(\.\d+)? ?%|×", text.replace("95 %", "")) for text in texts), (
        "a number goes stale"
    )


@each_reader
def test_nothing_heavy_is_imported(path: Path) -> None:
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source(path)))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    own = {module.stem for module in FOLDER.glob("*.py")}
    assert names <= {"os", "itertools", "pandas", "IPython", "latentman"} | own


@pytest.mark.slow
def test_their_imports_load_nothing_heavy() -> None:
    modules = [ast.parse(source(path)) for path in READERS]
    imports = [node for module in modules for node in module.body if isinstance(node, ast.ImportFrom)]
    lines = [ast.unparse(node) for node in imports if node.module != "IPython.display"]
    code = "\n".join([*lines, "import sys", f"print(sorted({HEAVY!r} & set(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
