"""A package installed with pip adds a solver and a metric, and a YAML file of the user's chooses them."""

import json
import site
from functools import partial
from pathlib import Path

import pytest

from tests.factories.plugins import install_package
from tests.factories.program import Program, tiny_settings


@pytest.mark.slow
def test_an_installed_package_adds_a_solver_and_a_metric(tmp_path: Path, command_environment: dict[str, str]) -> None:
    packages = install_package(tmp_path / "package")
    for group, text in (("solver", "name: by_order\n"), ("metrics", "names: [human_mse, brightness]\n")):
        (tmp_path / "mine" / group).mkdir(parents=True)
        (tmp_path / "mine" / group / "steady.yaml").write_text(text)
    settings = [*tiny_settings(num_frames=2), "correspondence=densepose_lap", "pwg=none"]
    settings += ["solver=steady", "metrics=steady", f"run_dir={tmp_path / 'run'}"]
    finds_it = partial(site.addsitedir, str(packages))

    def run() -> dict[str, dict[str, object]]:
        mine = ("--config-dir", str(tmp_path / "mine"))
        done = Program(*mine, *settings, cwd=tmp_path, env=command_environment, first=finds_it).ended()
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "run" / "status.json").read_text())["stages"]

    first = run()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 0 < metrics["brightness"] < 255
    assert metrics["num_matches"] > 0
    assert run() == first
    code = packages / "steady_tools" / "__init__.py"
    code.write_text(code.read_text() + "\n# a change\n")
    changed = run()
    assert changed["correspondence"]["hash"] != first["correspondence"]["hash"]
    assert changed["render"] == first["render"]
