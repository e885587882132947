"""Makes docs/motion/: for each of twelve prompts, what each motion source makes of it, one above the other, as a body.

python experiments/motion_page.py [OUT] [--source motion=NAME[,KEY=VALUE...] ...]     from the root of a checkout

The camera goes along with the character, so that the pose is seen large; the figures below a row tell how far it went.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from latentman.bench.motion import PROMPTS
from latentman.body.build import build as build_body
from latentman.body.fit import fit_motion
from latentman.config import CameraConfig, Config
from latentman.engine.compose import compose
from latentman.motion.build import build as build_source
from latentman.motion.quality import measure
from latentman.motion.source import MotionSource, Surroundings
from latentman.motion.window import cut
from latentman.render.camera import frame_clip, to_camera
from latentman.render.rasterize import TorchRasterizer
from latentman.system.paths import weights_dir, write_atomic
from latentman.types import BodySequence, Motion

ROOT = Path(__file__).resolve().parent.parent
FRAMES, STRIDE, SIZE, SEED = 8, 5, 150, 1
CAMERA = CameraConfig(yfov_deg=40, yaw_deg=30, pitch_deg=6, margin=0.06)
INK, PAPER, LINE = (30, 30, 30), (255, 255, 255), 20
LIGHT = np.array([0.35, 0.75, 0.55]) / np.linalg.norm([0.35, 0.75, 0.55])


def shown(source: MotionSource, prompt: str) -> tuple[Motion, Motion]:
    """Return the whole motion and the window of it that is drawn."""
    motion = source(prompt, num_frames=2 * FRAMES * STRIDE, seed=SEED)
    return motion, cut(motion, num_frames=FRAMES, stride=STRIDE, start="auto")


def drawn(config: Config, motion: Motion) -> NDArray[np.uint8]:
    """Return the frames (T, H, W, 3) of a lit body, the camera moving over the floor with it."""
    body = fit_motion(build_body(config.body), motion, config.body)
    vertices = body.vertices.astype(np.float64)
    vertices[..., [0, 2]] -= body.joints[:, :1, [0, 2]]
    camera = frame_clip(
        vertices, size=SIZE, yfov_deg=CAMERA.yfov_deg, yaw_deg=CAMERA.yaw_deg, pitch_deg=CAMERA.pitch_deg,
        margin=CAMERA.margin,
    )  # fmt: skip
    faces = torch.from_numpy(body.faces.astype(np.int64))
    seen = TorchRasterizer()(torch.from_numpy(to_camera(vertices, camera)), faces, camera).face.numpy()
    return lit(body, vertices, seen)


def lit(body: BodySequence, vertices: NDArray[np.float64], seen: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return pictures (T, H, W, 3) from the faces (T, H, W) that are seen: left limbs blue, right ones red."""
    first, second, third = (vertices[:, body.faces[:, k]] for k in range(3))
    normal = np.cross(second - first, third - first)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    shade = 0.45 + 0.55 * np.clip(normal @ LIGHT, 0, 1)
    colour = np.full((25, 3), 0.82)
    colour[[4, 5, 8, 10, 12, 14, 15, 17, 19, 21]] = (0.55, 0.70, 0.95)
    colour[[3, 6, 7, 9, 11, 13, 16, 18, 20, 22]] = (0.95, 0.62, 0.55)
    per_face = shade[..., None] * colour[body.part]
    pictures = np.take_along_axis(per_face, np.maximum(seen, 0).reshape(len(seen), -1, 1), axis=1)
    pictures = np.where(seen[..., None] >= 0, pictures.reshape(*seen.shape, 3), 0.97)
    return (255 * np.clip(pictures, 0, 1)).astype(np.uint8)


def sheet(prompt: str, rows: list[tuple[str, NDArray[np.uint8]]]) -> Image.Image:
    """Return one picture: the prompt, and below it each source's line and frames."""
    picture = Image.new("RGB", (SIZE * FRAMES, LINE + len(rows) * (LINE + SIZE)), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    draw.text((6, 3), prompt, fill=INK, font=ImageFont.load_default(size=15))
    for index, (label, frames) in enumerate(rows):
        top = LINE + index * (LINE + SIZE)
        draw.text((6, top + 3), label, fill=INK, font=font)
        for column, frame in enumerate(frames):
            picture.paste(Image.fromarray(frame), (column * SIZE, top + LINE))
    return picture


def label(name: str, motion: Motion) -> str:
    """Return what is said about a motion next to its pictures."""
    quality = measure(motion.joints, motion.fps, floor=None)
    went = float(np.linalg.norm(motion.joints[-1, 0, [0, 2]] - motion.joints[0, 0, [0, 2]]))
    seconds = len(motion.joints) / motion.fps
    return f"{name}: {went:.1f} m in {seconds:.1f} s, feet near the floor glide {quality.sliding:.2f} m/s"


def main() -> None:
    """Draw every prompt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "docs" / "motion")
    parser.add_argument("--source", action="append", help="overrides that choose a source, separated by commas")
    arguments = parser.parse_args()
    sources = []
    for choice in arguments.source or ["motion=procedural", "motion=mdm_mini"]:
        config = compose(choice.split(","))
        sources.append((config, build_source(config.motion, Surroundings(weights_dir(config.paths.weights)))))
    for number, prompt in enumerate(PROMPTS):
        rows = []
        for config, source in sources:
            whole, window = shown(source, prompt)
            rows.append((label(config.motion.name, whole), drawn(config, window)))
        picture = sheet(prompt, rows).quantize(128)
        write_atomic(arguments.out / f"{number:02d}.png", partial(picture.save, optimize=True))


if __name__ == "__main__":
    main()
