"""Learned sources, from configuration to joints, on small random checkpoints in the released layouts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.config import MotionConfig
from latentman.errors import ConfigError, NumericsError, WeightsError
from latentman.motion.build import build
from latentman.motion.learned.gmd import TRAJECTORY
from latentman.motion.learned.mini_text import MiniTextConfig, MiniTextEncoder
from latentman.motion.source import Surroundings
from tests.factories.motion_checkpoints import (
    SMALL_GMD,
    SMALL_MDM,
    write_clip,
    write_distilbert,
    write_gmd,
    write_mdm,
    write_mld,
)

TEXT = "a person walks forward"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of weights with a small model of every kind."""
    place = tmp_path_factory.mktemp("weights")
    write_clip(place / "clip")
    write_distilbert(place / "bert")
    write_mdm(place / "mdm" / "small")
    write_mdm(place / "masked", mask_frames=True)
    write_mdm(place / "decoder", replace(SMALL_MDM, arch="trans_dec"), text_encoder_type="bert", averaged=True)
    write_mdm(place / "free", replace(SMALL_MDM, condition="none"), unconstrained=True, cond_mask_prob=0.0)
    write_mdm(place / "action", replace(SMALL_MDM, condition="action", num_features=150), dataset="humanact12")
    write_mdm(place / "mini", text_encoder_type="mini", mask_frames=True, max_frames=40, diffusion_steps=8)
    MiniTextEncoder(["a", "person"], MiniTextConfig(dim=8, out=16, heads=2, ff=8)).write(place / "mini")
    write_mld(place / "mld")
    write_gmd(place / "gmd")
    return place


def make(folder, name="mdm", **settings):
    chosen = {"num_inference_steps": 3, "text_encoder": str(folder / "clip"), **settings}
    if "checkpoint" in chosen:
        chosen["checkpoint"] = str(folder / chosen["checkpoint"])
    return build(MotionConfig(name=name, **chosen), Surroundings(folder))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mdm", {}),
        ("mdm", {"checkpoint": "masked"}),
        ("mdm", {"checkpoint": "decoder", "text_encoder": "bert"}),
        ("mdm", {"checkpoint": "free"}),
        ("mdm_mini", {"checkpoint": "mini", "text_encoder": None}),
        ("mld", {"guidance_scale": 7.5}),
        ("gmd", {}),
    ],
)
def test_every_model_gives_the_same_motion_for_the_same_seed(folder, name, settings):
    if settings.get("text_encoder"):
        settings = {**settings, "text_encoder": str(folder / settings["text_encoder"])}
    source = make(folder, name, length=30, **settings)
    first, second, other = (source(TEXT, num_frames=8, seed=seed) for seed in (1, 1, 2))
    assert first.joints.shape == (30, 22, 3)
    assert (first.fps, first.text, first.source) == (20.0, TEXT, name)
    assert first.joints.tobytes() == second.joints.tobytes()
    assert not np.allclose(first.joints, other.joints)


@pytest.mark.parametrize(("name", "frames"), [("mdm", 196), ("mld", 196), ("gmd", 196)])
def test_without_a_length_a_model_uses_its_training_length(folder, name, frames):
    assert len(make(folder, name)(TEXT, num_frames=8, seed=0).joints) == frames


def test_a_model_without_masks_always_denoises_196_frames_and_one_with_masks_the_requested_length(folder):
    whole, part = (make(folder, length=length)(TEXT, num_frames=8, seed=3).joints for length in (196, 30))
    np.testing.assert_array_equal(whole[:30], part)
    whole, part = (
        make(folder, checkpoint="masked", length=length)(TEXT, num_frames=8, seed=3).joints for length in (196, 30)
    )
    assert not np.allclose(whole[:30], part)


def test_a_length_beyond_the_models_own_is_refused(folder):
    settings = {"checkpoint": "mini", "text_encoder": None}
    assert len(make(folder, "mdm_mini", **settings)(TEXT, num_frames=8, seed=0).joints) == 40
    with pytest.raises(ConfigError, match=r"motion.length=41 is more than the 40 frames .* motion=mdm_mini"):
        make(folder, "mdm_mini", length=41, **settings)


def test_the_text_and_the_guidance_change_the_motion(folder):
    walk = make(folder, length=30)(TEXT, num_frames=8, seed=0).joints
    assert not np.allclose(walk, make(folder, length=30)("a person jumps", num_frames=8, seed=0).joints)
    assert not np.allclose(walk, make(folder, length=30, guidance_scale=1)(TEXT, num_frames=8, seed=0).joints)


def test_a_model_trained_without_empty_texts_is_not_guided(folder, tmp_path, caplog):
    write_mdm(tmp_path / "m", cond_mask_prob=0.0)
    settings = {"checkpoint": str(tmp_path / "m"), "length": 30}
    guided = make(folder, **settings)(TEXT, num_frames=8, seed=0).joints
    assert "motion.guidance_scale=2.5 cannot be used" in caplog.text
    caplog.clear()
    np.testing.assert_array_equal(guided, make(folder, guidance_scale=1, **settings)(TEXT, num_frames=8, seed=0).joints)
    assert "motion.guidance_scale" not in caplog.text


@pytest.mark.parametrize(("name", "limit"), [("mdm", 1000), ("mld", 1000), ("gmd", 1000)])
def test_more_steps_than_the_model_has_are_refused(folder, name, limit):
    with pytest.raises(ConfigError, match=rf"motion.num_inference_steps={limit + 1}: .* with {limit} steps"):
        make(folder, name, num_inference_steps=limit + 1)


def test_another_frame_rate_is_refused(folder):
    with pytest.raises(ConfigError, match=r"motion.fps=30: motion=mdm produces 20 frames per second"):
        make(folder, fps=30.0)


def test_gmd_follows_the_given_path(folder, tmp_path):
    path = np.stack([2 + np.linspace(0, 1, 25) ** 2, -1 + np.linspace(0, 2, 25)], axis=1)
    np.save(tmp_path / "path.npy", path)
    joints = make(folder, "gmd", trajectory=str(tmp_path / "path.npy"))(TEXT, num_frames=8, seed=0).joints
    np.testing.assert_allclose(joints[:25, 0, [0, 2]], path, atol=1e-4)
    free = make(folder, "gmd")(TEXT, num_frames=8, seed=0).joints
    assert np.abs(free[:25, 0, [0, 2]] - path).max() > 0.1


def test_gmds_trajectory_model_is_refused_as_a_motion_model(folder, tmp_path):
    write_gmd(tmp_path / "t", replace(TRAJECTORY, width=16, channels=(8, 16), text_width=16))
    with pytest.raises(WeightsError, match=r"4 features per frame, but 263 are needed: it is GMD's trajectory model"):
        make(folder, "gmd", checkpoint=str(tmp_path / "t"))


def test_gmd_of_another_kind_is_refused(folder, tmp_path):
    write_gmd(tmp_path / "g", abs_3d=False)
    with pytest.raises(WeightsError, match=r"abs_3d=False is not supported, only True"):
        make(folder, "gmd", checkpoint=str(tmp_path / "g"))


def test_gmd_without_its_random_matrix_is_refused(folder, tmp_path):
    write_gmd(tmp_path / "g")
    (tmp_path / "g" / "inv_rand_proj.npy").unlink()
    with pytest.raises(WeightsError, match=r"there is no inv_rand_proj.npy in .*guided-motion-diffusion.*no SMPL"):
        make(folder, "gmd", checkpoint=str(tmp_path / "g"))


def test_gmd_without_projection_needs_no_matrix(folder, tmp_path):
    write_gmd(tmp_path / "g", replace(SMALL_GMD, channels=(8, 8)), use_random_proj=False, std_scale_shift=[2.0, 0.1])
    (tmp_path / "g" / "rand_proj.npy").unlink()
    assert len(make(folder, "gmd", checkpoint=str(tmp_path / "g"), length=20)(TEXT, num_frames=8, seed=0).joints) == 20


def action_source(folder, **settings):
    cfg = MotionConfig(name="mdm", checkpoint=str(folder / "action"), num_inference_steps=3, **settings)
    rest = np.random.default_rng(0).normal(size=(24, 3))
    return build(cfg, Surroundings(folder, rest_joints=lambda: rest))


def test_an_action_model_uses_the_bones_of_the_fitted_body(folder):
    jump = action_source(folder)("a person jumps", num_frames=8, seed=0)
    assert jump.joints.shape == (60, 22, 3)
    named = action_source(folder, action="jump")("a person walks", num_frames=8, seed=0)
    np.testing.assert_array_equal(jump.joints, named.joints)
    walk = action_source(folder, length=20)("a person walks", num_frames=8, seed=0)
    assert walk.joints.shape == (20, 22, 3)
    assert not np.allclose(walk.joints, jump.joints[:20])


def test_an_action_model_without_a_body_is_refused(folder):
    with pytest.raises(ConfigError, match="an action-to-motion model produces rotations, which need a body's joints"):
        make(folder, checkpoint="action")


def test_an_action_model_of_other_classes_is_refused(folder, tmp_path):
    write_mdm(tmp_path / "u", replace(SMALL_MDM, condition="action", num_features=150, num_actions=40))
    with pytest.raises(WeightsError, match="knows 40 actions: only models trained on HumanAct12, with 12"):
        make(folder, checkpoint=str(tmp_path / "u"))


def test_values_that_are_not_finite_are_reported_with_the_seed(folder, tmp_path):
    write_mdm(tmp_path / "m")
    file = tmp_path / "m" / "model000200000.pt"
    state = torch.load(file, weights_only=True)
    state["output_process.poseFinal.bias"][5] = float("inf")
    torch.save(state, file)
    with pytest.raises(NumericsError, match=r"produced values that are not finite .* seed 4: try another seed"):
        make(folder, checkpoint=str(tmp_path / "m"))(TEXT, num_frames=8, seed=4)


def test_bones_of_the_template_can_be_requested(folder):
    joints = make(folder, length=30, template_bones=True)(TEXT, num_frames=8, seed=0).joints
    thigh = np.linalg.norm(joints[:, 4] - joints[:, 1], axis=-1)
    np.testing.assert_allclose(thigh, thigh[0], rtol=1e-6)
