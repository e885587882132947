"""The schema of the configuration: one dataclass a group, one file a subject, all of it importable from here."""

from latentman.config.background import BackgroundConfig
from latentman.config.camera_path import WaypointConfig
from latentman.config.character import BodyConfig, MotionConfig
from latentman.config.companions import CompanionConfig
from latentman.config.family import (
    Family,
    GenerativeRenderingConfig,
    LatentWarpConfig,
    TokenFlowConfig,
    TokenWarpingConfig,
    VidToMeConfig,
)
from latentman.config.groups import (
    CorrespondenceConfig,
    MetricsConfig,
    NamedConfig,
    PathsConfig,
    PromptEntry,
    PromptsConfig,
    VideoConfig,
)
from latentman.config.logger import LoggerConfig
from latentman.config.sampling import (
    LatentMotionConfig,
    NoiseConfig,
    PwgConfig,
    SamplerConfig,
    SlaConfig,
    StepGate,
)
from latentman.config.scene import CameraConfig, DepthConfig, DriftConfig, SceneConfig
from latentman.config.schedule import ScheduleConfig
from latentman.config.schema import NOT_PART_OF_THE_RESULT, Config, register, resolve, with_defaults
from latentman.config.setup import ConditionerConfig, IpAdapterConfig, LoraConfig, NetConfig, SetupConfig, TextConfig
from latentman.config.surface import IuvConfig, check_surface

__all__ = [
    "NOT_PART_OF_THE_RESULT",
    "BackgroundConfig",
    "BodyConfig",
    "CameraConfig",
    "CompanionConfig",
    "ConditionerConfig",
    "Config",
    "CorrespondenceConfig",
    "DepthConfig",
    "DriftConfig",
    "Family",
    "GenerativeRenderingConfig",
    "IpAdapterConfig",
    "IuvConfig",
    "LatentMotionConfig",
    "LatentWarpConfig",
    "LoggerConfig",
    "LoraConfig",
    "MetricsConfig",
    "MotionConfig",
    "NamedConfig",
    "NetConfig",
    "NoiseConfig",
    "PathsConfig",
    "PromptEntry",
    "PromptsConfig",
    "PwgConfig",
    "SamplerConfig",
    "SceneConfig",
    "ScheduleConfig",
    "SetupConfig",
    "SlaConfig",
    "StepGate",
    "TextConfig",
    "TokenFlowConfig",
    "TokenWarpingConfig",
    "VidToMeConfig",
    "VideoConfig",
    "WaypointConfig",
    "check_surface",
    "register",
    "resolve",
    "with_defaults",
]
