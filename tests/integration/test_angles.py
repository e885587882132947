"""The scripts of ``experiments/`` that compare gradients read finished runs and write their tables."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).resolve().parents[2]
SHORT = ("num_frames=2", "num_inference_steps=4", "threads=1")


def python(*arguments, env):
    done = subprocess.run([sys.executable, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize(
    ("script", "variant", "ways"),
    [("decoder_angles", "pwg_direct", ["full | picture", "tiny | figure"]), ("gradient_angles", "pwg_none", ["step"])],
)
def test_a_script_compares_the_gradients_of_a_finished_run(tmp_path, command_environment, script, variant, ways):
    run = tmp_path / "sweep" / f"00_variant-{variant}" / "00"
    arguments = ["run", "setup=mini_fast", f"+variant={variant}", *SHORT, f"run_dir={run}"]
    python("-m", "latentman", *arguments, env=command_environment)
    table = tmp_path / "angles.md"
    python(f"experiments/{script}.py", str(tmp_path / "sweep"), "--out", str(table), env=command_environment)
    text = table.read_text()
    assert all(way in text for way in ways)
    assert "nan" not in text
