"""A small run of ours: a walking body with its conditions, map and frames, in the files that a run leaves."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

from latentman.body.build import build
from latentman.body.fit import fit_motion
from latentman.body.skinning import forward_kinematics
from latentman.config import BodyConfig, CameraConfig, DepthConfig
from latentman.correspondence.mesh import match_mesh
from latentman.motion.rotations import from_axis_angle
from latentman.render.conditions import render_conditions
from latentman.system.paths import write_npz
from latentman.types import BodySequence, Conditions, Motion
from latentman.video import write_png_frames

SIDE, FRAMES = 128, 3


@dataclass(frozen=True)
class SmallRun:
    folder: Path
    body: BodySequence
    conditions: Conditions

    @property
    def frames(self):
        return painted(self.body, self.conditions)


def painted(body, conditions):
    """Colour every pixel by where its point lies on the body in frame 0, smoothly; the background is a ramp."""
    side = conditions.mask.shape[1]
    ramp = (np.arange(side) * 256 / side).astype(np.uint8)
    frames = np.broadcast_to(ramp[None, None, :, None], (*conditions.mask.shape, 3)).copy()
    place = (body.vertices[0] - body.vertices[0].min(0)) / np.ptp(body.vertices[0], axis=0).max()
    for frame, mask, face, bary in zip(frames, conditions.mask, conditions.face, conditions.bary, strict=True):
        points = np.einsum("nk,nkd->nd", bary[mask], place[body.faces[face[mask]]])
        frame[mask] = (255 * points).round()
    return frames


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    person, swing, pose = (
        build(BodyConfig("anny", "male")),
        np.sin(np.linspace(0, 2, FRAMES)),
        np.zeros((FRAMES, 24, 3)),
    )
    pose[:, 1, 0], pose[:, 2, 0] = 0.4 * swing, -0.4 * swing
    root = np.linspace([0.0, 1, 0], [0.2, 1, 0], FRAMES)
    joints = forward_kinematics(person, from_axis_angle(pose), root)[1][:, :22]
    body = fit_motion(person, Motion(joints, 20.0, "a person walks", "test"))
    camera, depth = CameraConfig(47, 20, 4, 0.1), DepthConfig("inverse", "clip", None, 0.3, 0.9)
    conditions = render_conditions(body, camera=camera, depth=depth, size=SIDE)
    folder = tmp_path_factory.mktemp("runs") / "ours"
    write_npz(folder / "body.npz", asdict(body))
    write_npz(folder / "conditions.npz", conditions.arrays())
    write_npz(folder / f"correspondence_{SIDE}.npz", match_mesh(body, conditions, size=SIDE).arrays())
    (folder / "status.json").write_text(json.dumps({"prompt": "a painted person walks"}))
    write_png_frames(folder / "frames", painted(body, conditions))
    return SmallRun(folder, body, conditions)
