"""The loop on a second device, pretended on the CPU: nothing mixes devices, and a step copies next to nothing.

Of the two copies that a step may make, one is the question whether its latents are finite, and one, in half precision
and with guidance, whether the VAE overflowed. Maps of tokens are copied in the first step that reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from latentman.correspondence.background import map_background
from latentman.diffusion import denoise as loop
from latentman.diffusion import matches, predict
from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.decode import decode_frames
from latentman.diffusion.denoise import Frames, Plan, denoise
from latentman.diffusion.schedule import Back, Schedule, seeded_noise
from latentman.engine.compose import compose
from latentman.networks.backbone import Backbone
from latentman.networks.load import load_backbone
from latentman.pipeline.sampling import sampling_plan
from tests.factories import families, tiny_model
from tests.factories.pretended_device import IS_SUPPORTED, Copies, MixedDevicesError, pretended_device, pretending
from tests.factories.scenes import clip_in

pytestmark = pytest.mark.skipif(not IS_SUPPORTED, reason="this torch cannot have a device in Python")

CPU = torch.device("cpu")
COPIES_OF_A_STEP = 2
CONF = Path(__file__).resolve().parents[3] / "conf"
SAMPLERS = [path.stem for path in sorted((CONF / "sampler").glob("*.yaml")) if path.stem != "animatediff"]
SCHEDULES = {"dpmpp": [], "unipc": [], "lcm": ["setup.guidance_scale=1.5"]}
METHODS = {
    "latentwarp": ["latentwarp=full"],
    "latentwarp_bilinear": ["latentwarp=full", "latentwarp.interpolation=bilinear"],
    "token_warping": ["token_warping=full"],
    "tokenflow": ["tokenflow=full"],
    "tokenflow_similarity": ["tokenflow=full", "tokenflow.match=similarity"],
    "vidtome": ["vidtome=full", "vidtome.span=2"],
    "vidtome_similarity": ["vidtome=full", "vidtome.span=2", "vidtome.match=similarity"],
    "generative_rendering": ["generative_rendering=full"],
}
OPTIONS = {
    "masks": ["sampler=masactrl", "sampler.masked=true", "sampler.layers=all"],
    "masks of half a token": ["sampler=masactrl", "sampler.masked=true", "sampler.mask_reduction=half"],
    "steady background": ["background=steady"],
    "mapped background": ["background=mapped"],
    "noise in every step": ["sampler.eta=0.5"],
    "anchor of the frame before": ["sampler.anchor=first+prev", "sampler.union=true"],
    "all frames": ["sampler.anchor=all"],
    "the sum of the differences": ["pwg.loss=sum"],
    "checkpointing": ["pwg.gradient=full", "pwg.checkpointing=true"],
}


def settings(backbone: Backbone, *overrides: str) -> Plan:
    return replace(sampling_plan(compose(["num_inference_steps=4", *overrides]), backbone), chunk_size=3)


def with_everything(frames: Frames) -> Frames:
    """Frames that any method can work on: a surface, exact positions, masks."""
    rng = np.random.default_rng(5)
    count, size = len(frames.noise), frames.guidance_map.size
    iuv = rng.integers(0, 3, (count, size, size, 3)).astype(np.uint8) * np.array([1, 80, 80], np.uint8)
    figures = tiny_model.moving_box(count)
    exact = [
        replace(m, positions=tuple((s + rng.uniform(-0.5, 0.5, s.shape)).astype(np.float32) for _, s in m.pairs))
        for m in (frames.latent_map, frames.guidance_map)
    ]
    return replace(frames, latent_map=exact[0], guidance_map=exact[1], figures=figures, iuv=iuv)


@pytest.fixture(scope="module")
def there(tiny_folder: Path) -> Backbone:
    """The tiny model, of the embedded model's kind, on the pretended device."""
    with pretending():
        return load_backbone(tiny_model.tiny_setup(tiny_folder), tiny_model.ONE_CONTROLNET, pretended_device())


@pytest.fixture
def clip(there: Backbone, disparity: np.ndarray) -> Frames:
    with pretending():
        return with_everything(tiny_model.make_frames(there, disparity))


def copies_of_steps(backbone: Backbone, frames: Frames, plan: Plan) -> list[Copies]:
    """Run the loop on the pretended device; return what each of its steps copied."""
    found: list[Copies] = []
    with pretending() as copies:

        def on_step(_state: loop.State) -> None:
            found.append(Copies(list(copies.to_device), list(copies.to_host)))
            copies.clear()

        latents = denoise(backbone, frames, plan, on_step=on_step)
        assert latents.device == backbone.device
    return found


def check_steps(found: list[Copies], *, noise: int = 0) -> None:
    """Every step but the first copies two things at most, beside noise."""
    for step, copies in enumerate(found[1:], start=1):
        assert len(copies) <= COPIES_OF_A_STEP + noise, (step, copies)


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["official_uncond", "full"])
def test_every_gradient_stays_on_the_device(there: Backbone, clip: Frames, gradient: str) -> None:
    check_steps(copies_of_steps(there, clip, settings(there, f"pwg.gradient={gradient}")))


def test_the_default_loop_stays_on_the_device(there: Backbone, clip: Frames) -> None:
    found = copies_of_steps(there, clip, settings(there))
    check_steps(found)
    assert len(found) == 4


@pytest.mark.slow
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_stays_on_the_device(there: Backbone, clip: Frames, sampler: str) -> None:
    check_steps(copies_of_steps(there, clip, settings(there, f"sampler={sampler}")))


@pytest.mark.slow
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_stays_on_the_device(there: Backbone, clip: Frames, schedule: str) -> None:
    plan = settings(there, f"schedule={schedule}", *SCHEDULES[schedule])
    check_steps(copies_of_steps(there, clip, plan), noise=int(schedule == "lcm"))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_related_method_stays_on_the_device(there: Backbone, clip: Frames, method: str) -> None:
    check_steps(copies_of_steps(there, clip, settings(there, *METHODS[method])))


@pytest.mark.slow
@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_the_loop_stays_on_the_device(there: Backbone, clip: Frames, option: str) -> None:
    plan = settings(there, *OPTIONS[option])
    if "mapped" in option:
        scene = clip_in("room", orbit=10.0, side=tiny_model.IMAGE)
        clip = replace(
            clip,
            background=map_background(scene, size=tiny_model.GRID),
            guidance_background=map_background(scene, size=tiny_model.IMAGE, sources="previous"),
        )
    if "masks" in option:
        size = tiny_model.GRID
        assert clip.figures is not None
        clip = replace(
            clip, masks=AnchorMasks(clip.figures, size**2, reduction="half" if "half" in option else "nearest")
        )
    check_steps(copies_of_steps(there, clip, plan), noise=int(plan.eta > 0))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_family_stays_on_the_device(family: str, folder: Path, dtype: str) -> None:
    with pretending():
        setup = families.family_setup(folder, dtype=dtype)
        backbone = load_backbone(setup, tiny_model.ONE_CONTROLNET, pretended_device())
        frames = families.make_family_frames(backbone)
    for gradient in ("direct", "official_uncond"):
        check_steps(copies_of_steps(backbone, frames, settings(backbone, f"pwg.gradient={gradient}")))


@pytest.mark.slow
def test_pictures_are_those_of_the_cpu(there: Backbone, backbone: Backbone, disparity: np.ndarray) -> None:
    plan = settings(there, "pwg.gradient=official_uncond")
    expected = decode_frames(backbone, denoise(backbone, tiny_model.make_frames(backbone, disparity), plan))
    with pretending():
        found = decode_frames(there, denoise(there, tiny_model.make_frames(there, disparity), plan))
    assert found.device == CPU
    assert (found.int() - expected.int()).abs().max() <= 1


def test_the_networks_and_the_features_keep_their_layout(there: Backbone, clip: Frames) -> None:
    for network in (there.unet, there.vae, *there.controlnets):
        kernels = [p for p in network.parameters() if p.ndim == 4 and p.shape[1] > 1]
        assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
        assert {p.device for p in network.parameters()} == {pretended_device()}
    features: torch.Tensor = clip.control.features[0]  # type: ignore[attr-defined]
    assert features.is_contiguous(memory_format=torch.channels_last)


Plant = Callable[[pytest.MonkeyPatch], None]


def forget_to_move_the_map(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(matches, "as_pixels", lambda cells, device: torch.from_numpy(cells.T.astype("int64")))


def forget_to_move_the_timestep(patch: pytest.MonkeyPatch) -> None:
    def noise(self: predict.Prediction, latents: torch.Tensor, timestep: int, text: object, frames: slice) -> object:
        t = torch.tensor([timestep])
        return self.backbone.unet(latents, t * torch.ones(1, device=latents.device), text)

    patch.setattr(predict.Prediction, "noise", noise)


def use_a_generators_noise_unmoved(patch: pytest.MonkeyPatch) -> None:
    def step_back(self: Schedule, noise_pred: torch.Tensor, step: int, latents: torch.Tensor, _: object) -> Back:
        noise = seeded_noise((1, *latents.shape[1:]), self.seed, stream=1 + step).expand_as(latents)
        result = self.scheduler.step(noise_pred, self.timesteps[step], latents, eta=1.0, variance_noise=noise)
        return Back(result.prev_sample, result.pred_original_sample, ())

    patch.setattr(Schedule, "step_back", step_back)


def draw_with_a_host_generator(patch: pytest.MonkeyPatch) -> None:
    def step_back(self: Schedule, noise_pred: torch.Tensor, step: int, latents: torch.Tensor, _: object) -> Back:
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        return Back(latents - noise_pred + noise, latents, ())

    patch.setattr(Schedule, "step_back", step_back)


def guided_through(work: Callable[[torch.Tensor], torch.Tensor]) -> Plant:
    before = predict.guided

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(predict, "guided", lambda noise, groups, scale: work(before(noise, groups, scale)))

    return plant


@pytest.mark.parametrize(
    "plant",
    [
        forget_to_move_the_map,
        forget_to_move_the_timestep,
        use_a_generators_noise_unmoved,
        draw_with_a_host_generator,
        guided_through(lambda noise: noise + torch.zeros(noise.shape)),
        guided_through(lambda noise: noise[torch.arange(len(noise))]),
        guided_through(lambda noise: torch.randn_like(noise)),
    ],
)
def test_a_planted_mixture_of_devices_raises(
    there: Backbone, clip: Frames, monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch)
    with pytest.raises(MixedDevicesError):
        copies_of_steps(there, clip, settings(there))


def through_an_array(noise: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(noise.cpu().numpy()).to(noise.device)


def frame_by_frame_question(noise: torch.Tensor) -> torch.Tensor:
    assert all(float(frame.abs().max()) >= 0 for frame in noise)
    return noise


def selected_by_a_mask(noise: torch.Tensor) -> torch.Tensor:
    for _ in range(COPIES_OF_A_STEP):
        noise[noise.isnan()]
    return noise


@pytest.mark.slow
@pytest.mark.parametrize("work", [through_an_array, frame_by_frame_question, selected_by_a_mask])
def test_a_planted_copy_in_the_loop_is_counted(
    there: Backbone, clip: Frames, monkeypatch: pytest.MonkeyPatch, work: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    guided_through(work)(monkeypatch)
    found = copies_of_steps(there, clip, settings(there))
    with pytest.raises(AssertionError):
        check_steps(found)


def test_an_array_of_a_tensor_on_the_device_raises(
    there: Backbone, clip: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    guided_through(lambda noise: torch.from_numpy(noise.numpy()))(monkeypatch)
    with pytest.raises(RuntimeError, match="numpy"):
        copies_of_steps(there, clip, settings(there))
