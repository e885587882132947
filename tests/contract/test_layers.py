"""A module imports only from its own package, its own row, or the rows above it."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROWS = [
    {"types", "errors"},
    {"system"},
    {"files"},
    {"video", "cli"},
    {"config"},
    {"motion"},
    {"body"},
    {"render"},
    {"assignment"},
    {"correspondence"},
    {"networks"},
    {"diffusion"},
    {"metrics"},
    {"record"},
    {"tracking"},
    {"report"},
    {"pipeline"},
    {"engine"},
    {"score", "study", "train", "bench", "assets", "inspect", "runs"},
    {"api", "run", "__main__"},
]
ROW_OF = {name: number for number, row in enumerate(ROWS) for name in row}
PACKAGE = Path(__file__).resolve().parents[2] / "latentman"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def imported(source: str) -> set[str]:
    """Return the top-level package of each of a module's ``latentman`` imports, including imports in functions."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that this test can follow them"
            module = node.module or ""
            names |= {f"latentman.{alias.name}" for alias in node.names} if module == "latentman" else {module}
    parts = [name.split(".") for name in names if name.startswith("latentman.")]
    return {part[1] for part in parts if not part[1].startswith("__")}


def test_modules_import_only_from_their_row_or_above() -> None:
    wrong = []
    for module in MODULES:
        own = module.parts[0].removesuffix(".py")
        assert own in ROW_OF, f"{module} is in no row: add {own} to ROWS"
        # A package's __main__.py is a command, so it is at least in the row of the command line.
        row = max(ROW_OF[own], ROW_OF["cli"]) if module.name == "__main__.py" else ROW_OF[own]
        for name in imported((PACKAGE / module).read_text(encoding="utf-8")):
            assert name in ROW_OF, f"{module} imports latentman.{name}, which is in no row"
            if ROW_OF[name] > row:
                wrong.append(f"{module}, in row {row}, imports {name} from the lower row {ROW_OF[name]}")
    assert not wrong, "\n".join(wrong)


def test_the_check_sees_imports_in_functions_and_from_the_package_itself() -> None:
    source = "import latentman.motion.build\ndef f():\n    from latentman import runner, __version__\n"
    assert imported(source) == {"motion", "runner"}


def modules_imported(path: Path, known: set[str]) -> set[str]:
    """Return the modules of the package that a module imports anywhere, apart from imports for type checkers only."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.ImportFrom) and child.module:
                names = {f"{child.module}.{alias.name}" for alias in child.names}
                found.update(names & known or {child.module} & known)
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def test_no_module_imports_itself_through_others() -> None:
    files = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph = {name: modules_imported(path, set(files)) for name, path in files.items()}
    assert list(TopologicalSorter(graph).static_order())
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def test_the_top_of_the_package_has_few_modules() -> None:
    top = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert top == {"api", "cli", "errors", "run", "types", "video"}
