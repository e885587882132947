"""A walking body, its conditions and its judge."""

import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.skinning import forward_kinematics
from latentman.config import BodyConfig, CameraConfig, DepthConfig
from latentman.metrics.judge import call_judge
from latentman.motion.rotations import from_axis_angle
from latentman.render.conditions import render_conditions
from latentman.types import Motion

SIDE = 128


@pytest.fixture(scope="module")
def body():
    person, frames = build(BodyConfig("anny", "male")), 3
    swing, pose = np.sin(np.linspace(0, 2, frames)), np.zeros((frames, 24, 3))
    pose[:, 1, 0], pose[:, 2, 0] = 0.4 * swing, -0.4 * swing
    pose[:, 16, 2], pose[:, 17, 2] = -1.0, 1.0
    root = np.linspace([0.0, 1, 0], [0.2, 1, 0], frames)
    joints = forward_kinematics(person, from_axis_angle(pose), root)[1][:, :22]
    return fit_motion(person, Motion(joints, 20.0, "a person walks", "test"))


@pytest.fixture(scope="module")
def conditions(body):
    camera, depth = CameraConfig(47, 20, 4, 0.1), DepthConfig("inverse", "clip", None, 0.3, 0.9)
    return render_conditions(body, camera=camera, depth=depth, size=SIDE)


@pytest.fixture(scope="module")
def judge(body, conditions):
    return call_judge(body, conditions, size=SIDE, reference="prev_new")
