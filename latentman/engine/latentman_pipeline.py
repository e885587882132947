"""``LatentManPipeline``: the method with the conventions of a diffusers pipeline.

A thin face over the stages of a run: the arguments of a call become settings, so that the frames are those of the
command line with the same settings and seed, byte for byte on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentman.config import Config
from latentman.engine.call_settings import motion_settings, seed_of, setting, setup_of, toggle
from latentman.engine.compose import compose
from latentman.engine.overrides import quote
from latentman.errors import ConfigError, check_choice, nearest
from latentman.system.machine_faults import machine_faults_told
from latentman.system.paths import user_path
from latentman.types import BodySequence, Conditions, Correspondence, Motion

if TYPE_CHECKING:
    import torch

    from latentman.networks.backbone import Backbone

SETUPS = ("mini", "mini_fast", "sd15", "sdxl")
"""Setups that ``from_pretrained`` takes by name."""

OUTPUT_TYPES = ("np", "pil", "pt", "latent")

StepCallback = Callable[["LatentManPipeline", int, int, dict[str, Any]], Any]
"""Called after every step with (pipeline, step, timestep, {"latents": (T, C, h, w)}), as in diffusers."""


@dataclass(frozen=True)
class LatentManOutput:
    """What a call returns.

    ``frames``: for ``output_type="np"`` (T, H, W, 3) uint8 RGB; ``"pil"`` a list of T pictures; ``"pt"`` (T, 3, H, W)
    float32, 0 to 1; ``"latent"`` the latents x_0 (T, C, h, w) float32. The other fields are what earlier stages made.
    """

    frames: Any
    fps: float
    motion: Motion | None
    body: BodySequence
    conditions: Conditions
    correspondence: Correspondence


class LatentManPipeline:
    """Text to a video of a character, without training on videos.

    >>> pipe = LatentManPipeline.from_pretrained("mini")  # doctest: +SKIP
    >>> frames = pipe("a red robot walks in a street", generator=1).frames  # doctest: +SKIP
    """

    def __init__(self, settings: Sequence[str] = ()) -> None:
        """Make a pipeline from settings as on the command line; ``from_pretrained`` is the usual way.

        Raises:
            ConfigError: if the settings cannot work.
            WeightsError: if files of the setup are missing or damaged.
        """
        self.settings = list(settings)
        self.config = compose(self.settings)
        self._backbone: Backbone | None = None
        self._check_files()

    @classmethod
    @machine_faults_told("the pipeline stopped")
    def from_pretrained(
        cls,
        model: str | Path = "mini",
        *,
        controlnet: str | Path | None = None,
        setup: str | None = None,
        torch_dtype: Any = None,
        device: str | None = None,
        settings: Sequence[str] = (),
        **unknown: Any,
    ) -> LatentManPipeline:
        """Return a pipeline for a model; its files are checked now, and its networks are loaded at the first call.

        Args:
            model: the name of a setup (mini, sd15, sdxl), a folder in the Stable Diffusion format, a
                ``.safetensors`` file, or a hub id.
            controlnet: the same for the depth ControlNet; by default the setup's own, or the model's folder
                ``controlnet``.
            setup: the setup whose sizes and texts apply; by default the one that the model's own configuration fits.
            torch_dtype: precision of the networks, such as ``torch.float16`` or "float16"; by default the setup's.
            device: as ``device=`` on the command line; by default automatic.
            settings: further settings as on the command line, such as ``"solver=scipy"``.
            unknown: refused, with the nearest argument.

        Raises:
            ConfigError: for an unknown argument or setting.
            WeightsError: if the files are missing, damaged or do not fit each other.
        """
        _refuse(unknown, ("controlnet", "setup", "torch_dtype", "device", "settings"), "from_pretrained")
        name = str(model)
        chosen = name if name in SETUPS else setup or setup_of(name)
        own = [f"setup={chosen}"]
        if name not in SETUPS:
            own.append(f"setup.model={quote(name)}")
        if controlnet is not None:
            own.append(f"setup.controlnet={quote(str(controlnet))}")
        elif name not in SETUPS and (user_path(name) / "controlnet").is_dir():
            own.append("setup.controlnet=null")
        if torch_dtype is not None:
            own.append(f"setup.dtype={str(torch_dtype).removeprefix('torch.')}")
        if device is not None:
            own.append(f"device={device}")
        return cls([*own, *settings])

    @property
    def device(self) -> torch.device:
        """The device that the networks run on."""
        from latentman.system.device import pick_device

        return pick_device(self.config.device)

    @property
    def backbone(self) -> Backbone:
        """The networks, loaded when they are first needed.

        Raises:
            WeightsError: if a file is missing or damaged.
            DeviceMemoryError: if the device's memory does not hold them.
        """
        if self._backbone is None:
            from latentman.networks.loaded import load

            self._backbone = load(self._found, self.device)
        return self._backbone

    def to(self, device: str | torch.device | None = None, dtype: Any = None) -> LatentManPipeline:
        """Let the networks run on another device or in another precision; they are loaded again at the next call.

        Raises:
            ConfigError: if this machine does not have the device, or the precision is unknown.
        """
        changes = [] if device is None else [f"device={device}"]
        if dtype is not None:
            changes.append(f"setup.dtype={str(dtype).removeprefix('torch.')}")
        return self._change(changes)

    def enable_model_cpu_offload(self, device: str | torch.device = "auto") -> LatentManPipeline:
        """Keep networks in the computer's memory, and on the device only for their part of the run."""
        return self._change(["setup.offload=true", f"device={device}"])

    @machine_faults_told("the pipeline stopped")
    def __call__(
        self,
        prompt: str,
        *,
        negative_prompt: str | None = None,
        num_frames: int | None = None,
        fps: float | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        generator: torch.Generator | int | None = None,
        sla: bool | Mapping[str, Any] | None = None,
        pwg: bool | Mapping[str, Any] | None = None,
        motion: str | Path | Motion | None = None,
        output_type: str = "np",
        callback_on_step_end: StepCallback | None = None,
        settings: Sequence[str] = (),
        **unknown: Any,
    ) -> LatentManOutput:
        """Return the video of a prompt.

        Args:
            prompt: who does what, and where.
            negative_prompt: what to steer away from; by default the setup's text.
            num_frames: frames of the video, 2 or more; by default that of ``motion``, else the setup's.
            fps: frames per second.
            num_inference_steps: T; by default the setup's for the sampler.
            guidance_scale: of classifier-free guidance; by default the setup's.
            generator: a seed from 0 to 2**32 - 1, or a CPU generator whose ``initial_seed()`` is used: how far it has
                been advanced makes no difference, so that a seed stands for the same frames as on the command line.
            sla: whether Spatial Latent Alignment (Eq. 6) acts, or its settings, such as ``{"window": [0, 0.5]}``; by
                default as the pipeline's settings say, which is on.
            pwg: the same for Pixel-Wise Guidance (Eq. 7 and 8).
            motion: the name of a motion source, a motion file, or a :class:`~latentman.types.Motion` of ``num_frames``
                frames; by default the procedural source, driven by the prompt.
            output_type: "np", "pil", "pt" or "latent"; see :class:`LatentManOutput`.
            callback_on_step_end: called after every step.
            settings: further settings as on the command line; they come last and win.
            unknown: refused, with the nearest argument.

        Raises:
            ConfigError: for an unknown argument, a value that the schema refuses, or a motion of another length.
            LatentManError: whatever else stops a run.
        """
        _refuse(unknown, _CALL_ARGUMENTS, "the pipeline")
        check_choice("output_type", output_type, OUTPUT_TYPES)
        given = motion if isinstance(motion, Motion) else None
        if given is not None and num_frames is None:
            num_frames = len(given.joints)
        changes = [
            f"prompt={quote(prompt)}",
            *setting("num_frames", num_frames),
            *setting("fps", fps),
            *setting("num_inference_steps", num_inference_steps),
            *setting("setup.guidance_scale", guidance_scale),
            *([] if generator is None else [f"seed={seed_of(generator)}"]),
            *([] if negative_prompt is None else [f"text.negative={quote(negative_prompt)}"]),
            *toggle("sla", sla),
            *toggle("pwg", pwg),
            *([] if motion is None or isinstance(motion, Motion) else motion_settings(motion)),
        ]
        config = compose([*self.settings, *changes, *settings])
        self._check_networks_stay(config)
        return self._make(config, given, output_type, callback_on_step_end)

    def _make(
        self, config: Config, given: Motion | None, output_type: str, callback: StepCallback | None
    ) -> LatentManOutput:
        """Run the stages in memory."""
        from latentman.diffusion.decode import decode_frames
        from latentman.diffusion.denoise import State, denoise, schedule_of
        from latentman.pipeline.in_memory import make_body, make_correspondence, make_motion, make_render
        from latentman.pipeline.sampling import sampling_frames, sampling_plan

        if config.prompts.entries:
            raise ConfigError(f"prompts={config.prompts.name} is a set of prompts: the pipeline makes one at a time")
        if config.threads is not None:
            import torch

            torch.set_num_threads(config.threads)
        motion = make_motion(config) if given is None else given
        _check_length(motion, config)
        body = make_body(config, motion)
        conditions = make_render(config, body)
        maps = {size: make_correspondence(config, conditions, body, size) for size in _map_sizes(config)}
        plan = sampling_plan(config, self.backbone)
        frames = sampling_frames(
            config,
            self.backbone,
            prompt=config.prompt + config.text.suffix,
            body=body,
            conditions=conditions,
            latent_map=maps[config.setup.latent_size],
            guidance_map=maps[config.pwg.size],
        )

        timesteps = schedule_of(self.backbone, plan).timesteps

        def on_step(state: State) -> None:
            if callback is not None:
                step = state.step - 1
                callback(self, step, int(timesteps[step]), {"latents": state.latents})

        latents = denoise(self.backbone, frames, plan, on_step=on_step)
        made = latents if output_type == "latent" else decode_frames(self.backbone, latents).numpy()
        first = motion if isinstance(motion, Motion) else motion[0]
        return LatentManOutput(
            frames=_as_type(made, output_type),
            fps=config.fps,
            motion=first,
            body=body,
            conditions=conditions,
            correspondence=maps[config.pwg.size],
        )

    def _change(self, settings: Sequence[str]) -> LatentManPipeline:
        """Take further settings, and let the networks go if they belong to others."""
        self.settings = [*self.settings, *settings]
        before, self.config = self.config, compose(self.settings)
        if (before.setup_in_use, before.device) != (self.config.setup_in_use, self.config.device):
            self._backbone = None
        self._check_files()
        return self

    def _check_files(self) -> None:
        from latentman.pipeline.check_networks import check_networks
        from latentman.system.device import pick_device

        if self.config.sampler.is_animatediff:
            raise ConfigError(
                "the pipeline samples without training, and sampler=animatediff is a trained model: make its clips "
                "with latentman run method=animatediff, or with latentman.api.generate"
            )
        pick_device(self.config.device)
        self._found = check_networks(self.config)

    def _check_networks_stay(self, config: Config) -> None:
        """Refuse settings of a call that would need other networks than those of this pipeline."""
        free = {"guidance_scale", "pwg_strength", "steps", "released"}
        mine, theirs = self.config, config
        same = {key: getattr(mine.setup, key) for key in free}
        if replace(theirs.setup, **same) != mine.setup or theirs.device != mine.device:
            raise ConfigError(
                "this call's settings change setup.* or device, which belong to the pipeline: pass them to "
                "from_pretrained(settings=[...]) or .to(...)"
            )
        if theirs.pwg.uses_tiny_decoder and not mine.pwg.uses_tiny_decoder:
            raise ConfigError(
                "this call sets pwg.decoder=tiny, but the pipeline was made without the tiny decoder: pass it to "
                "from_pretrained(settings=[...])"
            )
        if [net.model for net in theirs.conditioner.nets] != [net.model for net in mine.conditioner.nets]:
            raise ConfigError(
                "this call's settings change the conditioner's networks: pass them to from_pretrained(settings=[...])"
            )


_CALL_ARGUMENTS = (
    "prompt", "negative_prompt", "num_frames", "fps", "num_inference_steps", "guidance_scale", "generator", "sla",
    "pwg", "motion", "output_type", "callback_on_step_end", "settings",
)  # fmt: skip


def _refuse(unknown: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    if unknown:
        name = next(iter(unknown))
        raise ConfigError(
            f"{what} has no argument '{name}'{nearest(name, known)}\nits arguments: {', '.join(known)}; anything else "
            'is a setting: settings=["key=value"]'
        )


def _check_length(motion: Motion | Sequence[Motion], config: Config) -> None:
    first = motion if isinstance(motion, Motion) else motion[0]
    if len(first.joints) != config.num_frames:
        raise ConfigError(
            f"the motion has {len(first.joints)} frames, but num_frames={config.num_frames}: cut or resample it "
            "(latentman.motion.window), or leave num_frames out"
        )


def _map_sizes(config: Config) -> list[int]:
    return sorted({config.setup.latent_size, config.pwg.size})


def _as_type(frames: Any, output_type: str) -> Any:
    if output_type == "pil":
        from PIL import Image

        return [Image.fromarray(frame) for frame in frames]
    if output_type == "pt":
        import torch

        return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255
    return frames
