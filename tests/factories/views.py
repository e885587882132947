"""Conditions of a body from a given direction."""

from latentman.config import CameraConfig, DepthConfig
from latentman.render.conditions import render_conditions

DEPTH = DepthConfig("inverse", "clip", None, 0.3, 0.9)


SIZE = 96


def camera_at(yaw=0.0, pitch=0.0, **more):
    return CameraConfig(yfov_deg=47, yaw_deg=yaw, pitch_deg=pitch, margin=0.1, **more)


def see(body, yaw=0.0, pitch=0.0, size=SIZE, **more):
    return render_conditions(body, camera=camera_at(yaw, pitch, **more), depth=DEPTH, size=size)


VIEW = {"yfov_deg": 47.0, "yaw_deg": 30.0, "pitch_deg": 4.0, "margin": 0.1}


BODY_RANGE = DepthConfig("inverse", "body", None, 0.3, 0.9)
