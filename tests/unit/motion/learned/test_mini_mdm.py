"""The shipped motion model: it follows its text, with constant bone lengths and standing feet."""

import json

import numpy as np
import pytest

from latentman.engine.compose import compose
from latentman.motion.build import build
from latentman.motion.learned.source import LearnedSource
from latentman.motion.quality import measure
from latentman.motion.skeleton import BONE_LENGTHS, PARENTS
from latentman.system.paths import asset
from latentman.types import Motion

FOLDER = asset("mini-mdm")
PROMPTS = {
    "walk": "a person walks forward",
    "run": "a person runs forward",
    "wave": "a person waves with the right hand",
    "kick": "a person kicks with the left leg",
    "jump": "a person jumps",
    "bow": "a person bows",
}


@pytest.fixture(scope="module")
def motions() -> dict[str, Motion]:
    source = build(compose(["motion=mdm_mini"]).motion)
    assert isinstance(source, LearnedSource)
    return {name: source(prompt, num_frames=40, seed=1) for name, prompt in PROMPTS.items()}


def speed(motion: Motion) -> float:
    return measure(motion.joints, motion.fps, floor=None).root_speed


@pytest.mark.slow
def test_it_walks_at_walking_speed_and_runs_faster(motions: dict[str, Motion]) -> None:
    assert 0.7 < speed(motions["walk"]) < 1.9
    assert speed(motions["run"]) > 1.5 * speed(motions["walk"])
    for still in ("wave", "kick", "bow"):
        assert speed(motions[still]) < 0.4


@pytest.mark.slow
def test_the_named_limb_moves(motions: dict[str, Motion]) -> None:
    wave, kick = motions["wave"].joints, motions["kick"].joints
    assert wave[:, 21, 1].max() > wave[:, 17, 1].mean()  # the right hand above the right shoulder
    assert wave[:, 20, 1].max() < wave[:, 16, 1].mean()  # the left hand hangs
    assert kick[:, 10, 1].max() > 0.4
    assert kick[:, 11, 1].max() < 0.3


def test_a_jump_leaves_the_floor_and_a_bow_bends(motions: dict[str, Motion]) -> None:
    assert motions["jump"].joints[:, [7, 8, 10, 11], 1].min(axis=1).max() > 0.08
    head, stand = motions["bow"].joints[:, 15, 1].min(), motions["walk"].joints[:, 15, 1].mean()
    assert head < 0.85 * stand


def test_bones_are_the_templates_and_feet_do_not_sink(motions: dict[str, Motion]) -> None:
    for motion in motions.values():
        bones = motion.joints[:, 1:] - motion.joints[:, list(PARENTS[1:])]
        np.testing.assert_allclose(
            np.linalg.norm(bones, axis=-1), np.tile(BONE_LENGTHS[1:], (len(bones), 1)), atol=1e-6
        )
        assert measure(motion.joints, motion.fps).penetration < 0.005


def test_it_has_a_card_and_arguments_and_is_small() -> None:
    card = (FOLDER / "CARD.md").read_text(encoding="utf-8")
    assert "The data used in this project was obtained from mocap.cs.cmu.edu" in " ".join(card.split())
    assert "EIA-0196217" in card
    args = json.loads((FOLDER / "args.json").read_text(encoding="utf-8"))
    assert args["text_encoder_type"] == "mini"
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 16e6
