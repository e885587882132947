"""The loop with a transformer: Algorithm 1 written out, and what chunks, memory and continuing may not change."""

from dataclasses import replace

import pytest
import torch

from latentman.diffusion.attention_layers import AnchorRule, self_attention_layers
from latentman.diffusion.denoise import State, denoise
from latentman.diffusion.pwg import GuidancePlan
from latentman.networks.load import load_backbone
from tests.factories.joint_families import joint_setup, make_joint_frames
from tests.factories.literal_joint import flow_written_out
from tests.factories.quick import slow_except
from tests.factories.tiny_model import ONE_CONTROLNET


@pytest.fixture(scope="session")
def frames(joint, scale):
    return make_joint_frames(joint, scale=scale, words=16)


def close(ours, expected, tolerance=1e-4):
    return (ours - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("gradient", ["direct", "full"])
@torch.no_grad()
def test_the_loop_equals_algorithm_1_written_out(joint, frames, plan, gradient):
    plan = replace(plan, guidance=replace(plan.guidance, gradient=gradient))
    ours, literal = denoise(joint, frames, plan), flow_written_out(joint, frames, plan)
    assert close(ours, literal)
    without = denoise(joint, frames, replace(plan, guidance=GuidancePlan()))
    assert torch.equal(ours[0], without[0])
    assert not close(ours[1:], without[1:], 1e-3)


@pytest.mark.parametrize(
    "rule",
    [AnchorRule("prev"), AnchorRule("first+prev", union=True), AnchorRule("all"), AnchorRule("first", union=True)],
    ids=str,
)
@torch.no_grad()
def test_every_anchor_equals_its_steps_written_out(joint, frames, plan, rule):
    plan = replace(plan, anchor=rule, guidance=GuidancePlan(), num_steps=2)
    assert close(denoise(joint, frames, plan), flow_written_out(joint, frames, plan))


@pytest.mark.parametrize("anchor", slow_except(["first", "first+prev"], "first"))
@torch.no_grad()
def test_chunks_change_nothing_but_memory(joint, frames, plan, anchor):
    full = replace(plan, anchor=AnchorRule(anchor), guidance=replace(plan.guidance, gradient="full"))
    whole = denoise(joint, frames, full)
    assert close(denoise(joint, frames, replace(full, chunk_size=1)), whole, 1e-5)
    checkpointed = replace(full, guidance=replace(full.guidance, chunk_size=2, checkpointing=True))
    assert close(denoise(joint, frames, checkpointed), whole, 1e-5)


@torch.no_grad()
def test_continuing_from_any_step_gives_the_same_bytes(joint, frames, plan):
    states = []
    whole = denoise(joint, frames, plan, on_step=states.append)
    for state in states:
        assert torch.equal(denoise(joint, frames, plan, state=State(state.step, state.latents.clone())), whole)


@torch.no_grad()
def test_frames_read_the_anchor_and_the_anchor_reads_itself(joint, frames, plan):
    plain = replace(plan, sla_steps=range(0), guidance=GuidancePlan())
    alone = denoise(joint, frames, replace(plain, anchor_modules=()))
    read = denoise(joint, frames, plain)
    assert close(read[0], alone[0], 1e-5)
    assert not close(read[1:], alone[1:], 1e-3)


def test_every_attention_over_the_image_follows_and_is_restored(joint, frames, plan, kind):
    names = self_attention_layers(joint.unet)
    assert names[:2] == ["transformer_blocks.0.attn", f"transformer_blocks.{'0.attn2' if kind == 'sd3' else '1.attn'}"]
    assert len(names) == 4
    modules = [dict(joint.unet.named_modules())[name] for name in names]
    before = [module.processor for module in modules]
    denoise(joint, frames, replace(plan, num_steps=2, sla_steps=range(0), guidance=GuidancePlan()))
    assert [module.processor for module in modules] == before


@pytest.mark.slow
@torch.no_grad()
def test_half_precision_is_close_and_latents_stay_in_single(joint_folder, frames, joint, plan, scale):
    setup = joint_setup(joint_folder, guidance_scale=scale, dtype="bfloat16", offload=True)
    half = load_backbone(setup, ONE_CONTROLNET, torch.device("cpu"))
    assert {half.unet.dtype, half.vae.dtype, half.t5.dtype} == {torch.bfloat16}
    ours = denoise(half, make_joint_frames(half, scale=scale, words=16), replace(plan, guidance=GuidancePlan()))
    single = denoise(joint, frames, replace(plan, guidance=GuidancePlan()))
    assert ours.dtype == torch.float32
    assert close(ours, single, 0.1)
    assert not torch.equal(ours, single)
