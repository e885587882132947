"""The groups of the related methods: where else a known correspondence can enter the sampler."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from latentman.config.groups import at_least
from latentman.config.sampling import LAYERS, StepGate
from latentman.errors import ConfigError, check_choice

MATCHES = ("map", "similarity")
"""How tokens of two frames are matched: by the map M, or by the cosine similarity of their features."""


@dataclass
class LatentWarpConfig(StepGate):
    """LatentWarp (arXiv 2311.00353): latents of the reference frame are warped where they are visible."""

    background: bool = True
    """Warp the background too. Its flow is zero, so the camera must not move."""
    interpolation: str = "nearest"
    """nearest or bilinear. A bilinear mean of noise has less variance than noise."""

    def __post_init__(self) -> None:
        self.check("latentwarp")
        check_choice("latentwarp.interpolation", self.interpolation, ("nearest", "bilinear"))


@dataclass
class TokenWarpingConfig(StepGate):
    """Token warping (arXiv 2402.12099): tokens of self-attention are warped from the reference frame."""

    layers: str = "all"
    """Self-attention layers of the UNet in which it acts: all, or decoder."""
    tokens: list[str] = field(default_factory=lambda: ["query", "key", "value"])
    """What is warped. Keys and values count where frames read their own, which Text2Video-Zero's never do."""

    def __post_init__(self) -> None:
        self.check("token_warping")
        check_choice("token_warping.layers", self.layers, LAYERS)
        for token in self.tokens:
            check_choice("token_warping.tokens", token, ("query", "key", "value"))
        if self.enabled and not self.tokens:
            raise ConfigError("token_warping.tokens=[] warps nothing: name query, key or value, or token_warping=none")


@dataclass
class TokenFlowConfig(StepGate):
    """TokenFlow (arXiv 2307.10373): features of key frames are carried to the frames between them."""

    layers: str = "all"
    """Self-attention layers of the UNet in which it acts: all, or decoder."""
    spacing: int = 2
    """Every how many frames there is a key frame; frame 0 is the first."""
    match: str = "map"
    """How tokens find theirs in the key frames: map, or similarity (nearest neighbours, as in the paper)."""
    joint: bool = True
    """Let key frames read the keys and values of all key frames, as in the paper; false keeps the sampler's rule."""

    def __post_init__(self) -> None:
        self.check("tokenflow")
        check_choice("tokenflow.layers", self.layers, LAYERS)
        check_choice("tokenflow.match", self.match, MATCHES)
        at_least("tokenflow.spacing", self.spacing, 1)


@dataclass
class VidToMeConfig(StepGate):
    """VidToMe (arXiv 2312.10656): tokens of several frames are merged into those of one of them."""

    layers: str = "all"
    """Self-attention layers of the UNet in which it acts: all, or decoder."""
    span: int = 4
    """Frames whose tokens are merged into those of the first of them."""
    match: str = "map"
    """Which tokens may merge: map, or similarity (every token, with its nearest one, as in the paper)."""
    ratio: float = 0.9
    """For ``similarity``: the share of the tokens that merge, the most similar first. All that M matches merge."""
    global_ratio: float = 0.8
    """The same share for the first frames of later spans, which are merged into frame 0."""

    def __post_init__(self) -> None:
        self.check("vidtome")
        check_choice("vidtome.layers", self.layers, LAYERS)
        check_choice("vidtome.match", self.match, MATCHES)
        at_least("vidtome.span", self.span, 2)
        shares = (self.ratio, self.global_ratio)
        if self.match == "map" and shares != (VidToMeConfig.ratio, VidToMeConfig.global_ratio):
            raise ConfigError(
                f"vidtome.ratio={self.ratio}, vidtome.global_ratio={self.global_ratio}: they have no effect with "
                "vidtome.match=map, which merges all tokens that the map matches; use vidtome.match=similarity"
            )
        for key in ("ratio", "global_ratio"):
            if not 0 <= getattr(self, key) <= 1:
                raise ConfigError(f"vidtome.{key}={getattr(self, key)} must be between 0 (merge nothing) and 1")


@dataclass
class GenerativeRenderingConfig(StepGate):
    """Generative Rendering (arXiv 2312.01409): features of key frames are fused on the body's surface."""

    layers: str = "all"
    """Self-attention layers of the UNet in which it acts: all, or decoder."""
    spacing: int = 2
    """Every how many frames there is a key frame; frame 0 is the first."""
    texels: int = 16
    """Samples along each side of a body part's chart on the latent grid; coarser layers have fewer."""
    weight: float = 0.5
    """Share of the fused feature in what a token gets back, above 0 to 1."""
    joint: bool = True
    """Let every frame read the keys and values of all key frames, as in the paper; false keeps the sampler's rule."""

    def __post_init__(self) -> None:
        self.check("generative_rendering")
        check_choice("generative_rendering.layers", self.layers, LAYERS)
        at_least("generative_rendering.spacing", self.spacing, 1)
        if not 1 <= self.texels <= 256:
            raise ConfigError(f"generative_rendering.texels={self.texels} must be between 1 and 256")
        if not 0 < self.weight <= 1:
            raise ConfigError(
                f"generative_rendering.weight={self.weight} must be above 0 and at most 1, or use "
                "generative_rendering=none"
            )


@dataclass(frozen=True)
class Family:
    """The groups of all related methods of one configuration, which are checked together."""

    latentwarp: LatentWarpConfig
    token_warping: TokenWarpingConfig
    tokenflow: TokenFlowConfig
    vidtome: VidToMeConfig
    generative_rendering: GenerativeRenderingConfig

    @property
    def enabled(self) -> dict[str, StepGate]:
        """The groups of the methods that are on, by name."""
        return {name: group for name, group in vars(self).items() if group.enabled}

    def results(self) -> list[dict[str, object]]:
        """Return the settings that the frames depend on; of methods that are off, none."""
        return [{"method": name, **asdict(group)} for name, group in self.enabled.items()]

    def check(self, *, num_frames: int, num_steps: int, anchor: str, background_moves: bool) -> None:
        """Refuse windows, spacings and combinations that do not fit the clip, the sampler or the camera.

        Raises:
            ConfigError: naming the key.
        """
        for name, group in self.enabled.items():
            group.indices(name, num_steps)
        on_tokens = [name for name in self.enabled if name != "latentwarp"]
        if len(on_tokens) > 1:
            raise ConfigError(
                f"{' and '.join(f'{name}=full' for name in on_tokens)} change the same attention: turn on one of them"
            )
        spaced: dict[str, TokenFlowConfig | GenerativeRenderingConfig] = {
            "tokenflow": self.tokenflow,
            "generative_rendering": self.generative_rendering,
        }
        for name, keyed in spaced.items():
            if keyed.enabled and keyed.spacing >= num_frames:
                raise ConfigError(
                    f"{name}.spacing={keyed.spacing} leaves one key frame of {num_frames} frames (num_frames): "
                    f"it must be {num_frames - 1} or less"
                )
        if self.vidtome.enabled and self.vidtome.span > num_frames:
            raise ConfigError(
                f"vidtome.span={self.vidtome.span} is more than the {num_frames} frames of the clip (num_frames)"
            )
        if anchor != "first" and any(name != "token_warping" for name in on_tokens):
            raise ConfigError(
                f"{on_tokens[0]}=full needs sampler.anchor=first, since it does not take the frames one after the "
                f"other; got sampler.anchor={anchor}"
            )
        if self.latentwarp.enabled and self.latentwarp.background and background_moves:
            raise ConfigError(
                "latentwarp.background=true takes the background for still, but it moves (camera.orbit, camera.follow, "
                "camera.shift or scene.drift); use latentwarp.background=false"
            )
