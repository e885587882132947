"""Eq. 8 in three readings, each against one batched autograd graph of all frames."""

from dataclasses import replace

import pytest
import torch

from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.decode import decode
from latentman.diffusion.predict import Prediction
from latentman.diffusion.pwg import GuidancePlan, guidance_step, pixel_wise_guidance, through_networks
from latentman.diffusion.schedule import Level
from tests.factories.literal_denoising import literal_attention, pair_loss, predicted_noise
from tests.factories.tiny_model import FRAMES, GRID, IMAGE, make_frames

TIMESTEP, SCALE, ABAR = 401, 5.0, 0.3
FIRST = AnchorRule()
ANCHORS = [AnchorRule("first"), AnchorRule("prev"), AnchorRule("first+prev", union=True), AnchorRule("all")]


def prediction(backbone, frames, rule=FIRST, chunk_size=FRAMES):
    return Prediction(backbone, frames.text, frames.control, Anchor(rule), SCALE, chunk_size)


def ours(backbone, frames, latents, plan, rule=FIRST):
    """What the package takes from x_{t-1}, by delta."""
    networks = prediction(backbone, frames, rule)
    with torch.no_grad(), anchored(backbone.networks(("unet", "controlnet")), networks.anchor):
        noise = networks(latents, TIMESTEP)
        x0 = (latents - (1 - ABAR) ** 0.5 * noise) / ABAR**0.5
        gradient = pixel_wise_guidance(x0, frames.guidance_map, lambda x: decode(backbone, x), loss=plan.loss)
        return (
            guidance_step(plan, networks, gradient, latents, timestep=TIMESTEP, level=Level.of_noise(ABAR)) / plan.delta
        )


def loss_of(backbone, frames, x0, loss="mean"):
    """The sum of Eq. 7 over frames, the references detached."""
    pictures = decode(backbone, x0)
    return sum(pair_loss(pictures[i], pictures[i - 1].detach(), frames.guidance_map, i, loss) for i in range(1, FRAMES))


def literal_full(backbone, frames, latents, rule, loss="mean"):
    """Autograd through everything that x_t enters."""
    leaf = latents.clone().requires_grad_()
    with literal_attention([backbone.unet, *backbone.controlnets], groups=2, anchor=rule.anchor, union=rule.union):
        noise = predicted_noise(backbone, frames, leaf, TIMESTEP, range(FRAMES), SCALE)
        x0 = (leaf - (1 - ABAR) ** 0.5 * noise) / ABAR**0.5
        return torch.autograd.grad(loss_of(backbone, frames, x0, loss), leaf)[0]


def literal_official(backbone, frames, latents):
    """As the released code: the UNet's doubled input is the leaf, everything else is detached, one half is kept."""
    leaf = torch.cat([latents] * 2).requires_grad_()
    words = frames.text.embeds.repeat_interleave(FRAMES, 0)
    features = torch.cat([frames.control.features[0]] * 2)
    with literal_attention([backbone.unet, *backbone.controlnets], groups=2):
        with torch.no_grad():
            down, mid = backbone.controlnets[0](leaf.detach(), TIMESTEP, words, features, return_dict=False)
        uncond, cond = backbone.unet(
            leaf, TIMESTEP, words, down_block_additional_residuals=down, mid_block_additional_residual=mid
        ).sample.chunk(2)
        noise = uncond + SCALE * (cond - uncond)
        x0 = (latents - (1 - ABAR) ** 0.5 * noise) / ABAR**0.5
        return torch.autograd.grad(loss_of(backbone, frames, x0), leaf)[0].chunk(2)[0]


@pytest.fixture
def latents():
    return torch.randn(FRAMES, 4, GRID, GRID, generator=torch.Generator().manual_seed(5))


def close(a, b):
    return torch.allclose(a, b, atol=2e-4 * float(b.abs().max()))


def test_official_is_the_unconditional_half_of_the_released_codes_gradient(backbone, frames, latents):
    literal = literal_official(backbone, frames, latents)
    assert close(ours(backbone, frames, latents, GuidancePlan(gradient="official_uncond")), literal)
    assert literal[1:].abs().max() > 0


@pytest.mark.parametrize("loss", ["mean", "sum"])
def test_full_is_autograd_through_x_t(backbone, frames, latents, loss):
    literal = literal_full(backbone, frames, latents, AnchorRule(), loss)
    assert close(ours(backbone, frames, latents, GuidancePlan(gradient="full", loss=loss)), literal)


@pytest.mark.parametrize("rule", ANCHORS[1:], ids=lambda rule: rule.anchor)
def test_an_anchor_is_a_constant_whichever_it_is(backbone, frames, latents, rule):
    literal = literal_full(backbone, frames, latents, rule)
    assert close(ours(backbone, frames, latents, GuidancePlan(gradient="full"), rule), literal)


def test_direct_is_delta_strength_sqrt_of_the_noise_to_signal_ratio(backbone, frames):
    gradient = torch.randn(FRAMES, 4, GRID, GRID)
    plan = GuidancePlan(delta=0.01, strength=8.0)
    step = guidance_step(
        plan, prediction(backbone, frames), gradient, gradient, timestep=TIMESTEP, level=Level.of_noise(0.2)
    )
    assert torch.allclose(step, gradient * 0.01 * 8 * (0.8**0.5) / (0.2**0.5))


@pytest.mark.slow
@pytest.mark.parametrize("gradient", ["official_uncond", "full"])
@pytest.mark.parametrize("rule", ANCHORS[:3], ids=lambda rule: rule.anchor)
def test_chunks_and_checkpointing_leave_the_gradient_as_it_is(backbone, frames, latents, gradient, rule):
    whole = ours(backbone, frames, latents, GuidancePlan(gradient=gradient, chunk_size=FRAMES), rule)
    for chunk_size in (1, 3):
        assert close(
            ours(backbone, frames, latents, GuidancePlan(gradient=gradient, chunk_size=chunk_size), rule),
            whole,
        )
    saving = GuidancePlan(gradient=gradient, chunk_size=3, checkpointing=True)
    assert close(ours(backbone, frames, latents, saving, rule), whole)
    assert not any(getattr(m, "gradient_checkpointing", False) for m in backbone.unet.modules())


@pytest.mark.parametrize("gradient", ["direct", "official_uncond", "full"])
def test_frame_0_is_never_guided(backbone, frames, latents, gradient):
    step = ours(backbone, frames, latents, GuidancePlan(strength=8.0, gradient=gradient))
    assert step[0].abs().max() == 0
    assert all(step[i].abs().max() > 0 for i in range(1, FRAMES))


def test_full_works_without_guidance(backbone, disparity, latents):
    frames = make_frames(backbone, disparity, guidance_scale=1.0)
    literal_groups = literal_attention([backbone.unet, *backbone.controlnets], groups=1)
    leaf = latents.clone().requires_grad_()
    with literal_groups:
        noise = predicted_noise(backbone, frames, leaf, TIMESTEP, range(FRAMES), 1.0)
        x0 = (leaf - (1 - ABAR) ** 0.5 * noise) / ABAR**0.5
        (literal,) = torch.autograd.grad(loss_of(backbone, frames, x0), leaf)
    assert close(ours(backbone, frames, latents, GuidancePlan(gradient="full")), literal)


def test_small_vectors_lose_nothing_in_the_networks_precision(backbone, frames, latents):
    vectors = torch.randn(FRAMES, 4, GRID, GRID)
    networks = prediction(backbone, frames)
    with anchored(backbone.networks(("unet", "controlnet")), networks.anchor):
        large, small = (
            through_networks(networks, latents, vectors * scale, TIMESTEP, 2, uncond=True) for scale in (1, 2.0**-60)
        )
    assert torch.equal(torch.ldexp(small, torch.tensor(60)), large)


def test_the_gradient_of_frames_without_matches_is_zero(backbone, frames, latents):
    none = frames.guidance_map.pairs[0]
    empty = replace(frames.guidance_map, pairs=(none,) * FRAMES)
    for gradient in ("direct", "official_uncond", "full"):
        step = ours(
            backbone, replace(frames, guidance_map=empty), latents, GuidancePlan(strength=8.0, gradient=gradient)
        )
        assert step.abs().max() == 0
    assert empty.size == IMAGE
