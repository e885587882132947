"""The schema of the configuration as a whole; its groups are in ``groups.py``, its values in ``conf/*.yaml``.

Hydra composes the YAML over these classes, so that a mistyped key or type fails at composition; ``resolve`` turns the
result into real objects once, at the edge. All checks run there, before any model loads.
"""

from __future__ import annotations

import math
import typing
from dataclasses import MISSING as FIELD_MISSING
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

from omegaconf import MISSING

from latentman.config.animatediff import check_animatediff
from latentman.config.background import BackgroundConfig, check_background
from latentman.config.camera_path import WaypointConfig, check_camera_path
from latentman.config.character import BodyConfig, MotionConfig
from latentman.config.companions import CompanionConfig, check_companions
from latentman.config.family import (
    Family,
    GenerativeRenderingConfig,
    LatentWarpConfig,
    TokenFlowConfig,
    TokenWarpingConfig,
    VidToMeConfig,
)
from latentman.config.flow import check_flow
from latentman.config.groups import (
    CorrespondenceConfig,
    MetricsConfig,
    NamedConfig,
    PathsConfig,
    PromptEntry,
    PromptsConfig,
    VideoConfig,
    at_least,
    positive,
)
from latentman.config.logger import LoggerConfig
from latentman.config.names import check_name, check_path, check_text
from latentman.config.sampling import NoiseConfig, PwgConfig, SamplerConfig, SlaConfig
from latentman.config.scene import CameraConfig, DepthConfig, SceneConfig
from latentman.config.schedule import ScheduleConfig
from latentman.config.setup import ConditionerConfig, LoraConfig, NetConfig, SetupConfig, TextConfig
from latentman.config.surface import IuvConfig
from latentman.config.value_messages import explained_value
from latentman.errors import ConfigError

NOT_PART_OF_THE_RESULT = (
    "name", "tags", "baseline", "run_dir", "sweep_dir", "overwrite", "device", "threads", "metrics", "logger", "paths",
)  # fmt: skip
"""Keys that may differ between a run and its continuation, because they change no byte of the pictures."""

PATHS = frozenset(
    {
        "run_dir", "sweep_dir", "runs", "weights", "checkpoint", "statistics", "text_encoder", "trajectory", "file",
        "rig", "motion_adapter", "model", "clip", "lpips", "controlnet", "tiny_decoder", "architecture", "path",
        "image",
    }
)  # fmt: skip
"""Last parts of the keys whose text is a path, or may be one."""

MIN_STEPS = 4
"""Fewest sampling steps for which every gate and window has a meaning."""


@dataclass
class Config:
    """One run, or one job of a sweep."""

    name: str = "run"
    """Part of the folder of a run, ``runs/<name>/<time>``; an experiment sets its own."""
    prompt: str = MISSING
    """What the video shows: who does what, and where."""
    seed: int = 0
    """Of the noise and of the motion."""
    num_frames: int = 8
    """Frames of the video."""
    fps: float = 10.0
    """Frames per second of the video."""
    num_inference_steps: int | None = None
    """Denoising steps T; null uses ``schedule.steps``, ``sampler.steps``, or ``setup.steps`` of the sampler."""
    run_dir: str | None = None
    """Folder of a single run; null makes a new one under ``paths.runs``. An existing one is continued."""
    sweep_dir: str | None = None
    """Folder of a sweep; an existing one is continued."""
    overwrite: bool = False
    """Whether an earlier run's files in the folder are deleted."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps."""
    threads: int | None = None
    """CPU threads; null uses as many as the process may use."""
    tags: list[str] = field(default_factory=list)
    """Words under which trackers list the run."""
    baseline: dict[str, Any] = field(default_factory=dict)
    """Choices of the row that a sweep's table compares with, such as {sla: none, pwg: none}.

    Where rows have their own, a choice is a table: {method: {latentman: t2v_zero, latentman_masactrl: masactrl}}.
    """
    setup: SetupConfig = MISSING
    text: TextConfig = field(default_factory=TextConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    scene: SceneConfig = field(default_factory=SceneConfig)
    depth: DepthConfig = field(default_factory=DepthConfig)
    motion: MotionConfig = MISSING
    body: BodyConfig = MISSING
    companions: list[CompanionConfig] = field(default_factory=list)
    renderer: NamedConfig = MISSING
    iuv: IuvConfig = MISSING
    correspondence: CorrespondenceConfig = MISSING
    solver: NamedConfig = MISSING
    sampler: SamplerConfig = MISSING
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    noise: NoiseConfig = MISSING
    reference: NamedConfig = MISSING
    sla: SlaConfig = MISSING
    pwg: PwgConfig = MISSING
    background: BackgroundConfig = MISSING
    latentwarp: LatentWarpConfig = field(default_factory=lambda: LatentWarpConfig(enabled=False))
    token_warping: TokenWarpingConfig = field(default_factory=lambda: TokenWarpingConfig(enabled=False))
    tokenflow: TokenFlowConfig = field(default_factory=lambda: TokenFlowConfig(enabled=False))
    vidtome: VidToMeConfig = field(default_factory=lambda: VidToMeConfig(enabled=False))
    generative_rendering: GenerativeRenderingConfig = field(
        default_factory=lambda: GenerativeRenderingConfig(enabled=False)
    )
    conditioner: ConditionerConfig = MISSING
    prompts: PromptsConfig = MISSING
    metrics: MetricsConfig = MISSING
    logger: LoggerConfig = MISSING
    video: VideoConfig = field(default_factory=VideoConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)

    def __post_init__(self) -> None:
        _check_parts(self.prompts.entries, "prompts.entries", PromptEntry)
        _check_parts(self.companions, "companions", CompanionConfig)
        _check_parts(self.camera.path, "camera.path", WaypointConfig)
        _check_parts(self.setup.loras, "setup.loras", LoraConfig)
        _check_parts(self.conditioner.nets, "conditioner.nets", NetConfig)
        _check_values("", self)
        check_name("name", self.name)
        if not self.prompts.entries and not self.prompt.strip():
            raise ConfigError(
                'prompt is empty: describe who does what and where, such as prompt="a red robot dances on a beach"'
            )
        for index, entry in enumerate(self.prompts.entries):
            if not entry.text.strip():
                raise ConfigError(f"prompts.entries[{index}].text is empty")
        if self.num_frames < 2:
            raise ConfigError(f"num_frames={self.num_frames} does not make a video: it must be 2 or more")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed={self.seed} must be 0 or more and below 2**32")
        check_companions(self.companions)
        check_camera_path(self.camera.path, self.camera.orbit)
        _check_baseline(self.baseline)
        positive("fps", self.fps)
        if self.threads is not None:
            at_least("threads", self.threads, 1)
        check_flow(self)
        steps = self.num_steps
        if not MIN_STEPS <= steps <= 1000:
            raise ConfigError(f"num_inference_steps={steps} must be between {MIN_STEPS} and 1000")
        self.sla.indices("sla", steps)
        self.pwg.indices("pwg", steps)
        self.background.indices("background", steps)
        self.family.check(
            num_frames=self.num_frames,
            num_steps=steps,
            anchor=self.sampler.anchor,
            background_moves=self.camera.moves or self.scene.drift.moves,
        )
        if self.setup.image_size % self.pwg.size:
            sides = (str(n) for n in range(16, self.setup.image_size + 1) if self.setup.image_size % n == 0)
            raise ConfigError(
                f"pwg.size={self.pwg.size} must divide setup.image_size={self.setup.image_size}: "
                f"choose one of {', '.join(sides)}"
            )
        self._check_sampler()

    def _check_sampler(self) -> None:
        """Refuse combinations of sampler, schedule, noise, background, guidance and camera that do not work."""
        self.schedule.check(
            eta=self.sampler.eta,
            steps_offset=self.sampler.steps_offset,
            gradient=self.pwg.gradient if self.pwg.enabled else None,
        )
        check_animatediff(self)
        if self.pwg.enabled and self.pwg.gradient == "official_uncond" and self.setup.guidance_scale <= 1:
            raise ConfigError(
                "pwg.gradient=official_uncond needs a guidance_scale above 1, since it follows only the unconditional "
                f"prediction; got setup.guidance_scale={self.setup.guidance_scale}: use pwg.gradient=direct"
            )
        self.pwg.check_decoder(self.setup)
        check_background(self.background, self.scene, self.camera)
        if self.companions and any(net.kind == "pose" for net in self.conditioner.nets):
            raise ConfigError(
                f"conditioner.nets draws the pose of one character, but there are {len(self.companions)} companions; "
                "use kinds that show all characters, such as depth, normal or canny"
            )
        motion = self.sampler.latent_motion
        if motion is not None and self.noise.name != "shared":
            raise ConfigError(
                f"noise={self.noise.name} has no effect with sampler.latent_motion, which draws its own: use shared"
            )
        if motion is not None and self.background.noise:
            raise ConfigError(
                "background.noise=true has no effect with sampler.latent_motion, which draws its own noise: use false"
            )

    @property
    def family(self) -> Family:
        """The related methods."""
        return Family(self.latentwarp, self.token_warping, self.tokenflow, self.vidtome, self.generative_rendering)

    @property
    def setup_in_use(self) -> SetupConfig:
        """The setup without networks that this run never calls: the tiny decoder, unless guidance decodes with it."""
        if self.pwg.uses_tiny_decoder:
            return self.setup
        return replace(self.setup, tiny_decoder=None, tiny_decoder_revision=None)

    @property
    def num_steps(self) -> int:
        """T: the user's number, else the schedule's, the sampler's, or the setup's number for this sampler."""
        if self.num_inference_steps is not None:
            return self.num_inference_steps
        if self.schedule.steps is not None:
            return self.schedule.steps
        if self.sampler.steps is not None:
            return self.sampler.steps
        steps = self.setup.steps
        if self.sampler.name not in steps:
            known = ", ".join(sorted(steps)) or "none"
            raise ConfigError(
                f"setup.steps has no number for sampler={self.sampler.name} (it has: {known}); "
                "set num_inference_steps=..."
            )
        return steps[self.sampler.name]

    @property
    def stride(self) -> int | float:
        """Motion frames per video frame: ``motion.stride``, else ``motion.fps / fps``, which need not be whole."""
        if self.motion.stride is not None:
            return self.motion.stride
        ratio = self.motion.fps / self.fps
        return int(ratio) if ratio.is_integer() else ratio


def _check_parts(parts: Any, key: str, kind: type) -> None:
    """Refuse a list whose items, filled in from elsewhere, are not what the schema says."""
    if not isinstance(parts, list) or not all(isinstance(part, kind) for part in parts):
        raise ConfigError(f"{key} must be a list of entries, each with its own keys, such as {key}=[{{...}}]")


def _check_values(prefix: str, node: Any) -> None:
    """Refuse NaN, infinity, impossible paths and text that cannot be written down, naming the key."""
    if is_dataclass(node):
        for item in fields(node):
            _check_values(f"{prefix}.{item.name}" if prefix else item.name, getattr(node, item.name))
    elif isinstance(node, dict):
        for key, value in node.items():
            _check_values(f"{prefix}.{key}", value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            _check_values(f"{prefix}[{index}]", value)
    elif isinstance(node, float) and not math.isfinite(node):
        raise ConfigError(f"{prefix}={node} is not a finite number")
    elif isinstance(node, str):
        is_path = prefix.rpartition(".")[2] in PATHS
        (check_path if is_path else check_text)(prefix, node)


def _check_baseline(baseline: dict[str, Any]) -> None:
    """Refuse values that do not name a row: lists, empty tables, null, or a row compared with itself."""
    advice = "give an option, as in {sla: none}, or an option for each row, as in {method: {latentman: t2v_zero}}"
    for key, option in baseline.items():
        if not isinstance(option, dict):
            if not isinstance(option, str | int | float):
                raise ConfigError(f"baseline.{key} is {option!r}; {advice}")
            continue
        if not option or any(not isinstance(other, str | int | float) for other in option.values()):
            raise ConfigError(f"baseline.{key} is {option!r}; {advice}")
        same = [row for row, other in option.items() if str(row) == str(other)]
        if same:
            raise ConfigError(f"baseline.{key} compares {same[0]} with itself; leave it out, or name another row")


def with_defaults(plain: Any, kind: Any = Config) -> Any:
    """Return a plain configuration, perhaps from an older version, with missing keys set to their defaults.

    Args:
        plain: the configuration, or the part of it that ``kind`` describes; only dictionaries are completed.
        kind: the dataclass of the schema. A group that is missing as a whole has no default and stays missing.
    """
    if not is_dataclass(kind) or not isinstance(plain, dict):
        return plain
    hints = typing.get_type_hints(kind)
    complete = dict(plain)
    for item in fields(kind):
        if item.name in plain:
            complete[item.name] = with_defaults(plain[item.name], hints[item.name])
        elif item.default_factory is not FIELD_MISSING:
            made = item.default_factory()
            complete[item.name] = asdict(made) if is_dataclass(made) and not isinstance(made, type) else made
        elif item.default is not FIELD_MISSING and item.default != MISSING:
            complete[item.name] = item.default
    return complete


def register() -> None:
    """Make the schema known to Hydra as ``base_config``."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(name="base_config", node=Config)


def resolve(cfg: Any) -> Config:
    """Turn a composed configuration into real, checked objects.

    Raises:
        ConfigError: if a value is missing, or any check of the schema fails.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        missing = [key for key in OmegaConf.missing_keys(cfg) if not key.startswith("hydra")]
        if missing:
            raise ConfigError(
                f"{', '.join(sorted(missing))} has no value: set it on the command line or in a YAML file"
            )
        config = OmegaConf.to_object(cfg)
    except OmegaConfBaseException as error:
        raise ConfigError(explained_value(error)) from error
    assert isinstance(config, Config)
    return config
