"""The loop against Algorithm 1 written out: frames outer, steps inner, naive attention, no chunks."""

from dataclasses import replace

import pytest
import torch

from latentman.diffusion.conditioning import embed_condition
from latentman.diffusion.denoise import State, decode, decode_frames, denoise, guided, initial_state
from latentman.diffusion.pwg import guidance_loss, matched_target
from latentman.diffusion.text import encode_prompt
from latentman.errors import NumericsError

from .conftest import FRAMES, GRID, IMAGE, STEPS, random_map
from .test_attention import naive


@pytest.fixture
def inputs(backbone, disparity):
    text = encode_prompt(backbone, "a red robot", "blurry", 5.0)
    return text, embed_condition(backbone, disparity), random_map(GRID), random_map(IMAGE, seed=1)


def literal_algorithm_1(backbone, text, control, latent_map, guidance_map, plan):
    """Every frame runs through all steps, batched with frame 0 so that naive attention can see the anchor."""
    scheduler = backbone.scheduler
    scheduler.set_timesteps(plan.num_steps)
    shared = initial_state(backbone, 1, (GRID, GRID), plan.seed).latents
    aligned, clean, done = {}, {}, []
    for network in (backbone.unet, backbone.controlnet):
        network.set_attn_processor(naive(network, 2))
    for i in range(len(control)):
        x = shared.clone()
        for k, t in enumerate(scheduler.timesteps):
            if k in plan.sla_steps and i > 0:
                for (qr, qc), (sr, sc) in zip(*latent_map.pairs[i], strict=True):
                    x[0, :, qr, qc] = aligned[i - 1, k][0, :, sr, sc]
            aligned[i, k] = x
            batch = torch.cat([aligned[0, k], x] * 2)
            features = torch.cat([control[[0, i]]] * 2)
            words = text.repeat_interleave(2, 0)
            down, mid = backbone.controlnet(batch, t, words, features, return_dict=False)
            noise = backbone.unet(
                batch, t, words, down_block_additional_residuals=down, mid_block_additional_residual=mid
            ).sample
            noise = guided(noise, 2, plan.guidance_scale)[1:]
            a, a_prev = _alphas(scheduler, t, plan.num_steps)
            x0 = (x - (1 - a).sqrt() * noise) / a.sqrt()
            clean[i, k] = decode(backbone, x0)[0]
            x = a_prev.sqrt() * x0 + (1 - a_prev).sqrt() * noise
            if k in plan.pwg_steps and i > 0:
                leaf = x0.clone().requires_grad_()
                target, source = (torch.from_numpy(p).long() for p in guidance_map.pairs[i])
                with torch.enable_grad():
                    loss = guidance_loss(decode(backbone, leaf)[0], *matched_target(clean[i - 1, k], target, source))
                    (gradient,) = torch.autograd.grad(loss, leaf)
                x = x - plan.pwg_delta * plan.pwg_strength * (1 - a).sqrt() / a.sqrt() * gradient
        done.append(x)
    return torch.cat(done)


def _alphas(scheduler, t, steps):
    previous = int(t) - 1000 // steps
    a = scheduler.alphas_cumprod[t]
    return a, scheduler.alphas_cumprod[previous] if previous >= 0 else scheduler.final_alpha_cumprod


@torch.no_grad()
def test_the_loop_equals_algorithm_1_written_out(backbone, inputs, plan):
    ours = denoise(backbone, *inputs, plan)
    before = {name: dict(getattr(backbone, name).attn_processors) for name in ("unet", "controlnet")}
    try:
        literal = literal_algorithm_1(backbone, *inputs, plan)
    finally:
        for name, processors in before.items():
            getattr(backbone, name).set_attn_processor(processors)
    assert torch.allclose(ours, literal, atol=1e-4 * float(literal.abs().max()))


@pytest.mark.parametrize("chunk_size", [1, 2, 3])
def test_chunks_change_nothing_but_memory(backbone, inputs, plan, chunk_size):
    whole = denoise(backbone, *inputs, plan)
    chunked = denoise(backbone, *inputs, replace(plan, chunk_size=chunk_size))
    assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))


def test_chunks_change_nothing_without_guidance_and_without_anchor(backbone, inputs, plan):
    text, *rest = inputs
    for changed in (replace(plan, guidance_scale=1.0), replace(plan, anchor_modules=())):
        embeds = text[1:] if changed.guidance_scale == 1 else text
        whole = denoise(backbone, embeds, *rest, changed)
        chunked = denoise(backbone, embeds, *rest, replace(changed, chunk_size=2))
        assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))


def test_the_method_never_changes_frame_0(backbone, inputs, plan):
    ours = denoise(backbone, *inputs, plan)
    baseline = denoise(backbone, *inputs, replace(plan, sla_steps=range(0), pwg_steps=range(0)))
    assert torch.equal(ours[0], baseline[0])
    assert not torch.allclose(ours[1], baseline[1], atol=1e-3)


@pytest.mark.parametrize(
    "switched", [{"sla_steps": range(0)}, {"pwg_steps": range(0)}, {"anchor_modules": ()}, {"control_scale": 0.0}]
)
def test_every_switch_changes_the_result(backbone, inputs, plan, switched):
    # The random networks' own pictures differ little; what matters is that no switch is dead.
    assert not torch.equal(
        denoise(backbone, *inputs, plan)[1:], denoise(backbone, *inputs, replace(plan, **switched))[1:]
    )


def test_same_seed_same_bytes_and_another_seed_another_result(backbone, inputs, plan):
    first, second = (denoise(backbone, *inputs, plan) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.allclose(first, denoise(backbone, *inputs, replace(plan, seed=4)), atol=1e-2)


@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_going_on_from_any_step_gives_the_same_bytes(backbone, inputs, plan, eta):
    plan, states = replace(plan, eta=eta), []
    whole = denoise(backbone, *inputs, plan, on_step=states.append)
    assert [s.step for s in states] == list(range(1, STEPS + 1))
    for state in states:
        assert torch.equal(denoise(backbone, *inputs, plan, state=State(state.step, state.latents.clone())), whole)


def test_frames_share_their_noise(backbone):
    latents = initial_state(backbone, FRAMES, (GRID, GRID), 5).latents
    assert all(torch.equal(latents[0], other) for other in latents)
    assert abs(float(latents.std()) - 1) < 0.1


def test_latents_that_stop_being_finite_name_step_and_frame(backbone, inputs, plan):
    text, control, *maps = inputs
    broken = control.clone()
    broken[2] = float("nan")
    with pytest.raises(NumericsError, match="frame 2 are not finite after step 0"):
        denoise(backbone, text, broken, *maps, replace(plan, sla_steps=range(0), pwg_steps=range(0)))


def test_frames_decode_to_rounded_pictures_one_by_one(backbone):
    latents, seen = torch.randn(2, 4, GRID, GRID), []
    frames = decode_frames(backbone, latents, lambda: seen.append(1))
    with torch.no_grad():
        expected = (decode(backbone, latents) * 255).round().byte().permute(0, 2, 3, 1)
    assert frames.shape == (2, IMAGE, IMAGE, 3)
    assert (frames.int() - expected.int()).abs().max() <= 1  # batched and single convolutions may round apart
    assert len(seen) == 2


def test_latents_that_do_not_decode_are_an_error(backbone):
    with pytest.raises(NumericsError, match="frame 1 decodes"):
        decode_frames(backbone, torch.stack([torch.zeros(4, GRID, GRID), torch.full((4, GRID, GRID), float("inf"))]))
