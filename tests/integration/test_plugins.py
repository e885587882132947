"""A package installed with pip adds a solver and a metric, and a YAML file of the user's chooses them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.factories.plugins import install_package
from tests.factories.program import tiny_settings

SHORT = [*tiny_settings(num_frames=2), "correspondence=densepose_lap", "pwg=none"]


def test_an_installed_package_adds_a_solver_and_a_metric(tmp_path: Path, command_environment: dict[str, str]) -> None:
    site = install_package(tmp_path / "package")
    for group, text in (("solver", "name: by_order\n"), ("metrics", "names: [human_mse, brightness]\n")):
        (tmp_path / "mine" / group).mkdir(parents=True)
        (tmp_path / "mine" / group / "steady.yaml").write_text(text)
    environment = dict(command_environment)
    environment["PYTHONPATH"] = os.pathsep.join([str(site), environment["PYTHONPATH"]])
    command = [sys.executable, "-m", "latentman.run", "--config-dir", str(tmp_path / "mine"), *SHORT]
    command += ["solver=steady", "metrics=steady", f"run_dir={tmp_path / 'run'}"]

    def run() -> dict[str, dict[str, object]]:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "run" / "status.json").read_text())["stages"]

    first = run()
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 0 < metrics["brightness"] < 255
    assert metrics["num_matches"] > 0
    assert run() == first
    code = site / "steady_tools" / "__init__.py"
    code.write_text(code.read_text() + "\n# a change\n")
    changed = run()
    assert changed["correspondence"]["hash"] != first["correspondence"]["hash"]
    assert changed["render"] == first["render"]
