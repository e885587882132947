"""The whole training on a device that is pretended on the CPU: no operation mixes devices, checkpoints included."""

from pathlib import Path

import pytest
import torch

from latentman.train.__main__ import main
from latentman.train.mini import loop, parts
from tests.factories.pretended_device import IS_SUPPORTED, pretended_device, pretending

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not IS_SUPPORTED, reason="this torch cannot have a device in Python"),
]

SMALL = [
    "preset=cpu_smoke", "device=cpu", "scenes.number=12", "scenes.shard=12", "judges.steps=3", "vae.steps=2",
    "t2i.steps=2", "t2i.batch=4", "controlnet.steps=2", "controlnet.batch=4",
]  # fmt: skip


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_part_of_a_training_stays_on_its_device(tmp_path: Path, monkeypatch, precision: str) -> None:
    monkeypatch.setattr(parts, "_device", lambda settings: pretended_device())
    # A device in Python has no generators, so that one of the host stands for the device's.
    monkeypatch.setattr(loop, "step_generator", lambda seed, part, step, device: torch.Generator().manual_seed(step))
    command = ["all", f"out={tmp_path / 'mini'}", *SMALL, f"precision={precision}"]
    with pretending(training=True) as copies:
        assert main(command) == 0
        copies.clear()
        assert main(command) == 0, "it continues from its checkpoints, which are all finished"
    assert (tmp_path / "mini" / "mini-sd" / "unet").is_dir()
