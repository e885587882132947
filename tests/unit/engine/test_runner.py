"""A set of prompts as one job."""

import json
import re

import pytest

from latentman import cli
from tests.factories.tiny_model import GRID, IMAGE, save_tiny_model


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_prompt_that_fails_does_not_keep_the_others_from_running(tmp_path, capsys):
    save_tiny_model(tmp_path / "model")
    job = tmp_path / "job"
    command = [
        "run", "prompts=quick3", f"setup.model={tmp_path / 'model'}", f"setup.image_size={IMAGE}",
        f"setup.latent_size={GRID}", f"pwg.size={IMAGE}", "pwg=none", "num_frames=2", "num_inference_steps=4",
        f"run_dir={job}", "prompts.shard=0/2", "threads=1",
    ]  # fmt: skip
    blocked = job / "00-a-superhero-in-a-red-and-blue-suit-walks"
    assert cli.main([*command, "num_frames=1"]) == 2
    blocked.mkdir(parents=True)
    (blocked / "thesis.tex").touch()
    (job / "status.json").write_text("{}")
    assert cli.main(command) == 2
    message = capsys.readouterr().err
    assert "1 of 2 prompts failed; the others are done" in message
    assert re.search(r"00-.*: run_dir=.* holds files that no run wrote, such as thesis\.tex", message)
    assert "Traceback" not in message
    status = json.loads((job / "status.json").read_text())
    assert (status["state"], status["error"]["class"]) == ("failed", "PromptsError")
    (other,) = job.glob("02-*/status.json")
    assert json.loads(other.read_text())["state"] == "done"
    assert (job / "index.html").exists()
    assert not (job / "metrics.json").exists()
    (blocked / "thesis.tex").unlink()
    assert cli.main(command) == 0
    assert json.loads((job / "metrics.json").read_text())["num_prompts"] == 2
