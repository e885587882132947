"""The loop against Algorithm 1 written out, and what no choice of memory or machine may change."""

import logging
from dataclasses import replace

import pytest
import torch

from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.decode import decode, decode_frames
from latentman.diffusion.denoise import State, denoise
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.pwg_gradient import GuidancePlan
from latentman.errors import DeviceMemoryError, NumericsError, WeightsError

from .conftest import FRAMES, GRID, IMAGE, STEPS, make_clip
from .literal import algorithm_1, steps_written_out


@torch.no_grad()
def test_the_loop_equals_algorithm_1_written_out(backbone, clip, plan):
    ours = denoise(backbone, clip, plan)
    literal = algorithm_1(backbone, clip, plan)
    assert torch.allclose(ours, literal, atol=1e-4 * float(literal.abs().max()))


@pytest.mark.parametrize(
    "rule",
    [
        AnchorRule("first"),
        AnchorRule("first", steps=range(2, STEPS), first_layer=2),
        AnchorRule("first", steps=range(2, STEPS), first_layer=2, union=True),
        AnchorRule("prev"),
        AnchorRule("first+prev", union=True),
        AnchorRule("all"),
    ],
    ids=str,
)
@pytest.mark.parametrize("chunk_size", [FRAMES, 3])
@torch.no_grad()
def test_every_preset_equals_its_steps_written_out(backbone, clip, plan, rule, chunk_size):
    modules = ("unet", "controlnet") if rule.first_layer is None else ("unet",)
    plan = replace(plan, anchor=rule, anchor_modules=modules, guidance=GuidancePlan(), chunk_size=chunk_size)
    ours, literal = denoise(backbone, clip, plan), steps_written_out(backbone, clip, plan)
    assert torch.allclose(ours, literal, atol=1e-4 * float(literal.abs().max()))


@torch.no_grad()
def test_attention_apart_equals_its_steps_written_out(backbone, clip, plan):
    plan = replace(plan, guidance=GuidancePlan(), chunk_size=3)
    ours = denoise(backbone, replace(clip, reads_apart=True), plan)
    literal = steps_written_out(backbone, clip, plan, figures=clip.figures)
    assert torch.allclose(ours, literal, atol=1e-4 * float(literal.abs().max()))
    assert not torch.allclose(ours, denoise(backbone, clip, plan), atol=1e-4 * float(literal.abs().max()))


@pytest.mark.parametrize("anchor", ["first", "prev", "first+prev", "all"])
@pytest.mark.parametrize("chunk_size", [1, 3])
def test_chunks_change_nothing_but_memory(backbone, clip, plan, anchor, chunk_size):
    plan = replace(plan, anchor=AnchorRule(anchor))
    whole = denoise(backbone, clip, plan)
    chunked = denoise(backbone, clip, replace(plan, chunk_size=chunk_size))
    assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))


def test_chunks_change_nothing_without_guidance_and_without_anchor(backbone, clip, disparity, plan):
    for changed in (replace(plan, guidance_scale=1.0), replace(plan, anchor_modules=())):
        clip = make_clip(backbone, disparity, guidance_scale=changed.guidance_scale)
        whole = denoise(backbone, clip, changed)
        chunked = denoise(backbone, clip, replace(changed, chunk_size=2))
        assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("gradient", ["direct", "official_uncond", "full"])
@pytest.mark.parametrize("anchor", ["first", "prev", "first+prev"])
def test_the_method_never_changes_frame_0(backbone, clip, plan, gradient, anchor):
    plan = replace(plan, anchor=AnchorRule(anchor), guidance=replace(plan.guidance, gradient=gradient))
    ours = denoise(backbone, clip, plan)
    baseline = denoise(backbone, clip, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))
    assert torch.equal(ours[0], baseline[0])
    assert not torch.allclose(ours[1], baseline[1], atol=1e-3)


@pytest.mark.parametrize(
    "switched",
    [
        {"sla_steps": range(0)},
        {"sla_blend": 0.5},
        {"guidance": GuidancePlan()},
        {"anchor_modules": ()},
        {"anchor_modules": ("unet",)},
        {"anchor": AnchorRule("prev")},
        {"anchor": AnchorRule(steps=range(2, STEPS))},
        {"anchor": AnchorRule(first_layer=3)},
        {"background_steps": range(STEPS)},
        {"eta": 0.5},
        {"steps_offset": 0},
    ],
    ids=str,
)
def test_every_switch_changes_the_result(backbone, clip, plan, switched):
    # The random networks' own pictures differ little; what matters is that no switch is dead.
    assert not torch.equal(denoise(backbone, clip, plan)[1:], denoise(backbone, clip, replace(plan, **switched))[1:])


def test_the_controlnets_strength_changes_the_result(backbone, clip, plan):
    weak = replace(clip, control=replace(clip.control, scales=(0.0,)))
    assert not torch.equal(denoise(backbone, clip, plan), denoise(backbone, weak, plan))


def test_masactrl_from_step_and_layer_0_is_text2video_zero_on_the_unet(backbone, clip, plan):
    plan = replace(plan, anchor_modules=("unet",))
    masactrl = replace(plan, anchor=AnchorRule(steps=range(STEPS), first_layer=0))
    assert torch.equal(denoise(backbone, clip, plan), denoise(backbone, clip, masactrl))


def test_masactrl_that_never_starts_is_independent_frames(backbone, clip, plan):
    never = replace(plan, anchor_modules=("unet",), anchor=AnchorRule(steps=range(STEPS, STEPS)))
    alone = replace(plan, anchor_modules=())
    expected = denoise(backbone, clip, alone)
    assert torch.allclose(denoise(backbone, clip, never), expected, atol=1e-5 * float(expected.abs().max()))


def test_same_seed_same_bytes_and_another_seed_another_result(backbone, clip, plan):
    first, second = (denoise(backbone, clip, plan) for _ in range(2))
    assert torch.equal(first, second)
    other = replace(clip, noise=initial_noise("shared", (FRAMES, 4, GRID, GRID), 4))
    assert not torch.allclose(first, denoise(backbone, other, plan), atol=1e-2)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"eta": 0.7},
        {"anchor": AnchorRule("first+prev")},
        {"guidance": GuidancePlan(steps=range(1, 4), gradient="official_uncond")},
    ],
    ids=str,
)
def test_going_on_from_any_step_gives_the_same_bytes(backbone, clip, plan, changed):
    plan, states = replace(plan, **changed), []
    whole = denoise(backbone, clip, plan, on_step=states.append)
    assert [s.step for s in states] == list(range(1, STEPS + 1))
    for state in states:
        assert torch.equal(denoise(backbone, clip, plan, state=State(state.step, state.latents.clone())), whole)


def test_latents_that_stop_being_finite_name_step_and_frame(backbone, clip, plan):
    broken = clip.control.features[0].clone()
    broken[2] = float("nan")
    clip = replace(clip, control=replace(clip.control, features=(broken,)))
    with pytest.raises(NumericsError, match="frame 2 are not finite after step 0"):
        denoise(backbone, clip, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))


def test_attention_replaced_on_the_way_stops_the_run(backbone, clip, plan):
    from diffusers.models.attention_processor import AttnProcessor2_0

    before = dict(backbone.unet.attn_processors)
    try:
        with pytest.raises(WeightsError, match="was replaced by AttnProcessor2_0"):
            denoise(backbone, clip, plan, on_step=lambda state: backbone.unet.set_attn_processor(AttnProcessor2_0()))
    finally:
        backbone.unet.set_attn_processor(before)


class FullMemory:
    """A device that holds so many frames: a forward hook that runs out of memory on larger batches."""

    def __init__(self, holds):
        self.holds = holds

    def __call__(self, module, arguments):
        if len(arguments[0]) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory")


def test_chunks_are_halved_when_memory_is_full_and_the_result_is_the_same(backbone, clip, plan, caplog):
    expected = denoise(backbone, clip, plan)
    hook = backbone.unet.register_forward_pre_hook(FullMemory(2))
    try:
        with caplog.at_level(logging.WARNING):
            ours = denoise(backbone, clip, plan)
    finally:
        hook.remove()
    assert torch.allclose(ours, expected, atol=1e-5 * float(expected.abs().max()))
    assert [r.getMessage()[:60] for r in caplog.records] == [
        "4 frames at once do not fit into the device's memory: going ",
        "2 frames at once do not fit into the device's memory: going ",
    ]


@pytest.mark.parametrize(("anchor", "message"), [("first", "one frame's prediction"), ("all", "sampler.anchor=all")])
def test_a_memory_too_small_for_one_chunk_is_a_clear_error(backbone, clip, plan, anchor, message):
    hook = backbone.unet.register_forward_pre_hook(FullMemory(1))
    try:
        with pytest.raises(DeviceMemoryError, match=message):
            denoise(backbone, clip, replace(plan, anchor=AnchorRule(anchor)))
    finally:
        hook.remove()
    assert not any("AnchorAttention" in type(p).__name__ for p in backbone.unet.attn_processors.values())


def test_a_memory_too_small_for_the_gradient_says_what_to_set(backbone, clip, plan):
    hook = backbone.vae.decoder.register_forward_pre_hook(FullMemory(0))
    try:
        with pytest.raises(DeviceMemoryError, match=r"gradient of Pixel-Wise Guidance: set pwg.gradient=direct"):
            denoise(backbone, clip, plan)
    finally:
        hook.remove()


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
