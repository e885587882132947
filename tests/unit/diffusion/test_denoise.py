"""The loop against Algorithm 1 written out, and what no choice of memory or machine may change."""

import inspect
import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latentman.diffusion import denoise as loop
from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.attention import anchored
from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.decode import decode
from latentman.diffusion.denoise import (
    Plan,
    Sampling,
    State,
    denoise,
    installed_attention,
    one_step,
    prediction,
    schedule_of,
)
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.schedule import build_schedule
from latentman.errors import DeviceMemoryError, NumericsError, WeightsError
from tests.factories import families
from tests.factories.families import depth_pictures, make_family_frames
from tests.factories.literal_denoising import algorithm_1, steps_written_out
from tests.factories.pipelines import reference_pipeline
from tests.factories.quick import slow_except
from tests.factories.tiny_model import FRAMES, GRID, STEPS, make_frames


@torch.no_grad()
def test_the_loop_equals_algorithm_1_written_out(backbone, frames, plan):
    ours = denoise(backbone, frames, plan)
    literal = algorithm_1(backbone, frames, plan)
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
def test_every_preset_equals_its_steps_written_out(backbone, frames, plan, rule, chunk_size):
    modules = ("unet", "controlnet") if rule.first_layer is None else ("unet",)
    plan = replace(plan, anchor=rule, anchor_modules=modules, guidance=GuidancePlan(), chunk_size=chunk_size)
    ours, literal = denoise(backbone, frames, plan), steps_written_out(backbone, frames, plan)
    assert torch.allclose(ours, literal, atol=1e-4 * float(literal.abs().max()))


@pytest.mark.parametrize(("reduction", "masks_frame0"), [("nearest", False), ("half", True)])
@torch.no_grad()
def test_attention_apart_equals_its_steps_written_out(backbone, frames, plan, reduction, masks_frame0):
    plan = replace(plan, guidance=GuidancePlan(), chunk_size=3)
    masks = AnchorMasks(frames.figures, reduction=reduction, masks_frame0=masks_frame0)
    ours = denoise(backbone, replace(frames, masks=masks), plan)
    half = reduction == "half"
    literal = steps_written_out(backbone, frames, plan, figures=frames.figures, half=half, masks_frame0=masks_frame0)
    tolerance = 1e-4 * float(literal.abs().max())
    plain = denoise(backbone, frames, plan)
    assert torch.allclose(ours, literal, atol=tolerance)
    assert not torch.allclose(ours, plain, atol=tolerance)
    assert torch.allclose(ours[0], plain[0], atol=tolerance) != masks_frame0


@pytest.mark.parametrize("anchor", ["first", "prev", "first+prev", "all"])
@pytest.mark.parametrize("chunk_size", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_chunks_change_nothing_but_memory(backbone, frames, plan, anchor, chunk_size):
    plan = replace(plan, anchor=AnchorRule(anchor))
    whole = denoise(backbone, frames, plan)
    chunked = denoise(backbone, frames, replace(plan, chunk_size=chunk_size))
    assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.slow
def test_chunks_change_nothing_without_guidance_and_without_anchor(backbone, frames, disparity, plan):
    for changed in (replace(plan, guidance_scale=1.0), replace(plan, anchor_modules=())):
        frames = make_frames(backbone, disparity, guidance_scale=changed.guidance_scale)
        whole = denoise(backbone, frames, changed)
        chunked = denoise(backbone, frames, replace(changed, chunk_size=2))
        assert torch.allclose(whole, chunked, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("gradient", ["direct", "official_uncond", "full"])
@pytest.mark.parametrize("anchor", slow_except(["first", "prev", "first+prev"], "first+prev"))
def test_the_method_never_changes_frame_0(backbone, frames, plan, gradient, anchor):
    plan = replace(plan, anchor=AnchorRule(anchor), guidance=replace(plan.guidance, gradient=gradient))
    ours = denoise(backbone, frames, plan)
    baseline = denoise(backbone, frames, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))
    assert torch.equal(ours[0], baseline[0])
    assert not torch.allclose(ours[1], baseline[1], atol=1e-3)


@pytest.fixture(scope="module")
def unswitched():
    """The latents of the plan as it is, once they are made."""
    return []


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
def test_every_switch_changes_the_result(backbone, frames, plan, switched, unswitched):
    if not unswitched:
        unswitched.append(denoise(backbone, frames, plan))
    # The random networks' own pictures differ little; what matters is that no switch is dead.
    assert not torch.equal(unswitched[0][1:], denoise(backbone, frames, replace(plan, **switched))[1:])


def test_the_controlnets_strength_changes_the_result(backbone, frames, plan):
    weak = replace(frames, control=replace(frames.control, scales=(0.0,)))
    assert not torch.equal(denoise(backbone, frames, plan), denoise(backbone, weak, plan))


def test_masactrl_from_step_and_layer_0_is_text2video_zero_on_the_unet(backbone, frames, plan):
    plan = replace(plan, anchor_modules=("unet",))
    masactrl = replace(plan, anchor=AnchorRule(steps=range(STEPS), first_layer=0))
    assert torch.equal(denoise(backbone, frames, plan), denoise(backbone, frames, masactrl))


def test_masactrl_that_never_starts_is_independent_frames(backbone, frames, plan):
    never = replace(plan, anchor_modules=("unet",), anchor=AnchorRule(steps=range(STEPS, STEPS)))
    alone = replace(plan, anchor_modules=())
    expected = denoise(backbone, frames, alone)
    assert torch.allclose(denoise(backbone, frames, never), expected, atol=1e-5 * float(expected.abs().max()))


def test_same_seed_same_bytes_and_another_seed_another_result(backbone, frames, plan):
    first, second = (denoise(backbone, frames, plan) for _ in range(2))
    assert torch.equal(first, second)
    other = replace(frames, noise=initial_noise("shared", (FRAMES, 4, GRID, GRID), 4))
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
def test_continuing_from_any_step_gives_the_same_bytes(backbone, frames, plan, changed):
    plan, states = replace(plan, **changed), []
    whole = denoise(backbone, frames, plan, on_step=states.append)
    assert [s.step for s in states] == list(range(1, STEPS + 1))
    for state in states:
        assert torch.equal(denoise(backbone, frames, plan, state=State(state.step, state.latents.clone())), whole)


def test_one_step_leaves_its_arguments_as_they_were(backbone, frames, plan):
    networks = prediction(backbone, frames, plan)
    schedule = build_schedule(backbone.scheduler, plan.num_steps, eta=0.0, seed=3)
    x_t, before = frames.noise.clone(), replace(networks)
    sampling = Sampling.of(schedule, frames, plan, backbone.device)
    with torch.no_grad(), anchored(backbone.networks(plan.anchor_modules), networks.anchor):
        first, second = (one_step(networks, sampling, State(1, x_t)).latents for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(x_t, frames.noise)
    assert networks == before
    assert len(inspect.signature(one_step).parameters) <= 5


def test_latents_that_are_no_longer_finite_name_step_and_frame(backbone, frames, plan):
    broken = frames.control.features[0].clone()
    broken[2] = float("nan")
    frames = replace(frames, control=replace(frames.control, features=(broken,)))
    with pytest.raises(NumericsError, match="frame 2 are not finite after step 0"):
        denoise(backbone, frames, replace(plan, sla_steps=range(0), guidance=GuidancePlan()))


def test_attention_that_is_replaced_during_the_loop_stops_the_run(backbone, frames, plan):
    from diffusers.models.attention_processor import AttnProcessor2_0

    before = dict(backbone.unet.attn_processors)
    try:
        with pytest.raises(WeightsError, match="was replaced by AttnProcessor2_0"):
            denoise(backbone, frames, plan, on_step=lambda state: backbone.unet.set_attn_processor(AttnProcessor2_0()))
    finally:
        backbone.unet.set_attn_processor(before)


class FullMemory:
    """A device that holds so many frames: a forward hook that runs out of memory on larger batches."""

    def __init__(self, holds, error=None):
        self.holds, self.error = holds, error or torch.OutOfMemoryError("CUDA out of memory")

    def __call__(self, module, arguments):
        if len(arguments[0]) > self.holds:
            raise self.error


CPU_ALLOCATOR = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError(CPU_ALLOCATOR), MemoryError()], ids=repr
)
def test_chunks_are_halved_when_memory_is_full_and_the_result_is_the_same(backbone, frames, plan, caplog, error):
    expected = denoise(backbone, frames, plan)
    hook = backbone.unet.register_forward_pre_hook(FullMemory(2, error))
    try:
        with caplog.at_level(logging.WARNING):
            ours = denoise(backbone, frames, plan)
    finally:
        hook.remove()
    assert torch.allclose(ours, expected, atol=1e-5 * float(expected.abs().max()))
    assert [r.getMessage() for r in caplog.records] == [
        "4 frames at once do not fit into the device's memory: continuing with 2 (sampler.chunk_size)",
        "2 frames at once do not fit into the device's memory: continuing with 1 (sampler.chunk_size)",
    ]


@pytest.mark.parametrize(("anchor", "message"), [("first", "one frame's prediction"), ("all", "sampler.anchor=all")])
def test_a_memory_too_small_for_one_chunk_is_a_clear_error(backbone, frames, plan, anchor, message):
    hook = backbone.unet.register_forward_pre_hook(FullMemory(1))
    try:
        with pytest.raises(DeviceMemoryError, match=message):
            denoise(backbone, frames, replace(plan, anchor=AnchorRule(anchor)))
    finally:
        hook.remove()
    assert not any("AnchorAttention" in type(p).__name__ for p in backbone.unet.attn_processors.values())


def test_a_memory_too_small_for_the_gradient_names_the_settings_to_change(backbone, frames, plan):
    hook = backbone.vae.decoder.register_forward_pre_hook(FullMemory(0))
    try:
        with pytest.raises(DeviceMemoryError, match=r"gradient of Pixel-Wise Guidance: set pwg.gradient=direct"):
            denoise(backbone, frames, plan)
    finally:
        hook.remove()


def test_a_frame_alone_is_the_picture_of_the_pipeline_of_diffusers(folder, family, loaded):
    frames = make_family_frames(loaded)
    plan = Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=())
    ours = denoise(loaded, frames, plan)
    image = torch.from_numpy(depth_pictures()[:1]).permute(0, 3, 1, 2)
    theirs = reference_pipeline(folder, family)(
        prompt="a red robot", negative_prompt="blurry", image=image, latents=frames.noise[:1].clone(),
        guidance_scale=5.0, num_inference_steps=2, output_type="pt",
    ).images  # fmt: skip
    assert (decode(loaded, ours[:1]) - theirs).abs().max() < 1e-4
    assert theirs.std() > 0.01


def test_the_whole_method_runs_on_the_family(loaded):
    plan = Plan(
        num_steps=2,
        guidance_scale=5.0,
        seed=3,
        anchor_modules=("unet", "controlnet"),
        sla_steps=range(0, 2),
        guidance=GuidancePlan(steps=range(0, 2), delta=0.01, strength=4.0),
    )
    frames = make_family_frames(loaded)
    guided = denoise(loaded, frames, plan)
    assert torch.isfinite(guided).all()
    alone = denoise(loaded, frames, Plan(num_steps=2, guidance_scale=5.0, seed=3, anchor_modules=()))
    assert (guided - alone).abs().max() > 1e-3
    assert guided.shape == (families.FRAMES, 4, families.GRID, families.GRID)


def test_the_equations_of_a_step_are_read_in_five_files(backbone, frames, plan):
    """What a guided step of the paper's method calls from ``denoise.py``, besides the VAE's decoder."""
    called, folder, own = set(), Path(loop.__file__).parent, loop.__file__

    def is_ours(frame):
        return frame is not None and folder in Path(frame.f_code.co_filename).parents

    def seen(frame, event, _):
        caller = frame.f_back
        while caller is not None and not is_ours(caller):  # a decorator's
            caller = caller.f_back
        if event == "call" and is_ours(frame) and caller is not None and caller.f_code.co_filename == own:
            called.add(Path(frame.f_code.co_filename).name)

    sampling = Sampling.of(schedule_of(backbone, plan), frames, plan, backbone.device)
    networks = prediction(backbone, frames, plan)
    with installed_attention(networks, plan):
        sys.setprofile(seen)
        try:
            one_step(networks.at(1), sampling, State(1, frames.noise.clone()))
        finally:
            sys.setprofile(None)
    assert called - {"decode.py"} == {"denoise.py", "sla.py", "predict.py", "schedule.py", "pwg.py"}
