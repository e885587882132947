"""The groups that make the moving character: where its joints come from, and which body is fitted to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from latentman.config.groups import at_least, positive
from latentman.errors import ConfigError, check_choice
from latentman.system.whole_number import whole_number

AXES = ("x", "y", "z", "-x", "-y", "-z")
"""Directions along an axis of a motion file."""

MIRRORS = ("auto", "none", "axes", "sides", "image")
"""What is done to left and right of a motion file.

``none`` keeps the file's sides. ``axes`` flips one axis of a file whose axes are left-handed. ``sides`` exchanges the
names of left and right. ``image`` does both, which is the motion in a mirror: what the left hand did, the right does.
``auto`` flips an axis if the toes point backwards, seen from hips and spine.
"""

SHORT_MOTIONS = ("error", "hold", "loop")
"""What happens when a motion has fewer frames than the video needs."""


@dataclass
class MotionConfig:
    """Where the joints come from."""

    name: str = MISSING
    text: str | None = None
    """What the motion source reads; null derives it from the prompt."""
    fps: float = 20.0
    """Frames per second of the motion source."""
    stride: int | None = None
    """Motion frames per video frame; null means motion.fps / fps, which need not be whole: speed stays the recorded."""
    start: str = "auto"
    """First motion frame that is shown, or auto: the window with the most joint motion."""
    if_short: str = "error"
    """For a motion with fewer frames than the video needs: error, hold (keep its last pose) or loop (repeat it)."""
    checkpoint: str | None = None
    """A learned model's ``.pt`` or ``.ckpt`` file, or the folder that holds it; null looks under paths.weights."""
    statistics: str | None = None
    """Folder of Mean.npy and Std.npy; null looks next to the checkpoint, then in paths.weights/humanml3d."""
    text_encoder: str | None = None
    """Folder or hub id of the text encoder that a learned model was trained with; null takes the model's own."""
    guidance_scale: float = 2.5
    """Classifier-free guidance of a learned model; 1 switches it off."""
    num_inference_steps: int | None = None
    """Steps of a learned model's sampler; null takes all steps of its training (MLD: 50)."""
    length: int | None = None
    """Frames that a learned model generates before they are cut; null takes the model's own number, at most 196."""
    action: str | None = None
    """Class of an action-to-motion model, such as jump; null takes the class that the text names."""
    trajectory: str | None = None
    """GMD: file of the root's path, (T, 2) x and z in metres, for the character to follow."""
    template_bones: bool = False
    """Give a learned motion constant bone lengths."""
    foot_lock: bool = False
    """Keep feet that touch the floor in place."""
    file: str | None = None
    """motion=clip: the motion file (.bvh, .glb, .gltf, .npz, .npy, .pkl, .pt)."""
    file_fps: float | None = None
    """Frames a second of that file; null takes the rate in the file, else 20."""
    rig: str = "auto"
    """Which joints of a .bvh, .glb or .gltf are which: auto, a known rig's name, or a YAML file of your own."""
    track: str | None = None
    """motion=clip: which of a file's motions, by name or number: a person, a sample, an animation, a skin."""
    up: str = "auto"
    """motion=clip: the axis of the file that is up, x, y, z, -x, -y or -z; auto finds it and logs the evidence."""
    forward: str = "auto"
    """motion=clip: the axis of the file that faces the camera's front; auto takes where the body faces at first."""
    mirror: str = "auto"
    """motion=clip: axes (left-handed axes), sides (left and right exchanged), image (a mirror image), none, or auto."""

    def __post_init__(self) -> None:
        positive("motion.fps", self.fps)
        if self.stride is not None:
            at_least("motion.stride", self.stride, 1)
        if self.start != "auto" and whole_number(self.start) is None:
            raise ConfigError(f"motion.start='{self.start}' must be auto or a frame number of 0 or more")
        if self.text is not None and not self.text.strip():
            raise ConfigError(
                "motion.text is empty: describe what the character does, or set motion.text=null to use the prompt"
            )
        check_choice("motion.if_short", self.if_short, SHORT_MOTIONS)
        at_least("motion.guidance_scale", self.guidance_scale, 0)
        if self.num_inference_steps is not None:
            at_least("motion.num_inference_steps", self.num_inference_steps, 1)
        if self.length is not None and not 2 <= self.length <= 196:
            raise ConfigError(
                f"motion.length={self.length} must be between 2 and 196: the models were trained on at most 196 frames"
            )
        if self.file_fps is not None:
            positive("motion.file_fps", self.file_fps)
        check_choice("motion.up", self.up, ("auto", *AXES))
        check_choice("motion.forward", self.forward, ("auto", *AXES))
        check_choice("motion.mirror", self.mirror, MIRRORS)
        if self.forward != "auto" and self.forward[-1] == self.up[-1]:
            raise ConfigError(f"motion.forward={self.forward} is along motion.up={self.up}: choose another axis")


@dataclass
class BodyConfig:
    """The mesh that is fitted to the joints, and how it is fitted."""

    name: str = MISSING
    shape: str = "neutral"
    """Anny's preset, or the gender of SMPL's file."""
    betas: list[float] = field(default_factory=list)
    """SMPL's shape parameters; an empty list fits them to the bones of the motion."""
    model: str | None = None
    """SMPL: the .npz or .pkl file, or its folder; null looks under paths.weights/smpl (smplx: paths.weights/smplx)."""
    refine: str = "auto"
    """Refine the analytic fit over the whole motion: auto (motions of learned models), always or never."""
    translation: str = "correct"
    """doubled adds the root's path a second time, as the released code does."""

    def __post_init__(self) -> None:
        check_choice("body.shape", self.shape, ("neutral", "male", "female"))
        check_choice("body.refine", self.refine, ("auto", "always", "never"))
        check_choice("body.translation", self.translation, ("correct", "doubled"))
        if len(self.betas) > 300:
            raise ConfigError(f"body.betas has {len(self.betas)} numbers; SMPL takes at most 300")
