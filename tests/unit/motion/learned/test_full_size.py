"""The learned models at their released sizes, with random weights in the released layouts, from file to joints."""

import numpy as np
import pytest
import torch

from latentman.config import MotionConfig
from latentman.motion.build import build
from latentman.motion.learned.gmd import GMDShape
from latentman.motion.learned.gmd_source import load_gmd
from latentman.motion.learned.mdm import MDMConfig
from latentman.motion.learned.mdm_checkpoint import load_mdm
from latentman.motion.learned.mld import MLDShape
from latentman.motion.learned.mld_source import load_mld
from latentman.motion.source import Surroundings
from tests.factories.motion_checkpoints import write_clip, write_distilbert, write_gmd, write_mdm, write_mld

pytestmark = pytest.mark.nightly

MODELS = {
    "encoder": ("mdm", MDMConfig(), {}),
    "encoder, 50 steps": ("mdm", MDMConfig(), {"diffusion_steps": 50, "averaged": True}),
    "decoder": ("mdm", MDMConfig(arch="trans_dec", text_dim=768), {"text_encoder_type": "bert", "mask_frames": True}),
    "action": ("mdm", MDMConfig(condition="action", num_features=150), {"dataset": "humanact12", "cond_mask_prob": 0}),
    "mld": ("mld", MLDShape(), {}),
    "gmd": ("gmd", GMDShape(), {}),
}
FILES = {"mdm": "model000200000.pt", "mld": "1222_mld_humanml3d_FID041.ckpt", "gmd": "model000500000.pt"}
WRITE = {"mdm": write_mdm, "mld": write_mld, "gmd": write_gmd}
LOAD = {"mdm": load_mdm, "mld": load_mld, "gmd": load_gmd}


@pytest.mark.parametrize("model", MODELS)
def test_a_full_size_checkpoint_loads_bit_for_bit_and_moves(tmp_path, model):
    family, size, args = MODELS[model]
    place = tmp_path / family / "released"
    written = WRITE[family](place, size, **args).state_dict()
    loaded = LOAD[family](place / FILES[family])
    found = getattr(loaded, "network", loaded).state_dict()
    assert found.keys() == written.keys()
    assert all(torch.equal(found[key], written[key]) for key in written)

    text = write_distilbert(tmp_path / "bert", width=768) if model == "decoder" else tmp_path / "clip"
    if model != "decoder":
        write_clip(text, width=768 if family == "mld" else 512)
    cfg = MotionConfig(name=family, text_encoder=str(text), num_inference_steps=3)
    rest = np.random.default_rng(0).normal(size=(24, 3))
    motion = build(cfg, Surroundings(tmp_path, rest_joints=lambda: rest))("a person walks", num_frames=8, seed=0)
    assert motion.joints.shape == (60 if model == "action" else 196, 22, 3)
