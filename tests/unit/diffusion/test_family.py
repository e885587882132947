"""What every related method keeps, in the whole loop: chunks, continuing, frame 0, and both base samplers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentman.diffusion.attention_layers import AnchorRule
from latentman.diffusion.denoise import State, denoise
from latentman.diffusion.generative_rendering import GenerativeRendering
from latentman.diffusion.latentwarp import LatentWarp
from latentman.diffusion.noise import initial_noise
from latentman.diffusion.pwg import GuidancePlan
from latentman.diffusion.token_warping import TokenWarping
from latentman.diffusion.tokenflow import TokenFlow
from latentman.diffusion.vidtome import VidToMe
from latentman.errors import DeviceMemoryError
from tests.factories.quick import slow_except
from tests.factories.tiny_model import IMAGE, STEPS

STEPS_OF_METHOD = range(1, STEPS)
METHODS = {
    "latentwarp": {"latentwarp": LatentWarp(range(2))},
    "token_warping": {"tokens": TokenWarping(STEPS_OF_METHOD)},
    "tokenflow": {"tokens": TokenFlow(STEPS_OF_METHOD, spacing=3)},
    "tokenflow_similarity": {"tokens": TokenFlow(STEPS_OF_METHOD, spacing=2, match="similarity")},
    "vidtome": {"tokens": VidToMe(STEPS_OF_METHOD, span=2)},
    "vidtome_similarity": {"tokens": VidToMe(STEPS_OF_METHOD, span=2, match="similarity")},
    "generative_rendering": {"tokens": GenerativeRendering(STEPS_OF_METHOD, spacing=2)},
}
SAMPLERS = {
    "t2v_zero": {},
    "masactrl": {"anchor_modules": ("unet",), "anchor": AnchorRule(steps=range(2, STEPS), first_layer=2)},
}


@pytest.fixture
def plan(plan):
    """The whole method with one guided step: guidance is the costly part."""
    return replace(plan, guidance=replace(plan.guidance, steps=range(1, 2)))


@pytest.fixture
def clip(frames):
    """Frames whose figure shows a smooth surface, and whose noise differs: equal frames have equal features."""
    iuv = np.zeros((len(frames.noise), IMAGE, IMAGE, 3), np.uint8)
    side = np.linspace(0, 255, IMAGE).astype(np.uint8)
    iuv[..., 1], iuv[..., 2] = side[:, None], side
    iuv[:, IMAGE // 8 : -IMAGE // 8, IMAGE // 8 : -IMAGE // 8, 0] = 1
    return replace(frames, iuv=iuv, noise=initial_noise("independent", tuple(frames.noise.shape), 3))


@pytest.fixture(scope="module")
def baselines():
    """Latents without any related method, which all of them are compared with."""
    return {}


def close(a, b):
    return torch.allclose(a, b, atol=1e-5 * float(b.abs().max()))


@pytest.mark.parametrize("method", slow_except(METHODS, "tokenflow", "vidtome"))
@pytest.mark.parametrize(
    ("sampler", "gradient"),
    [("t2v_zero", "official_uncond"), pytest.param("masactrl", "direct", marks=pytest.mark.slow)],
)
def test_chunks_change_nothing_but_memory(backbone, clip, plan, method, sampler, gradient):
    plan = replace(plan, guidance=replace(plan.guidance, gradient=gradient), **SAMPLERS[sampler], **METHODS[method])
    whole = denoise(backbone, clip, plan)
    for chunk_size in (1, 3):
        assert close(denoise(backbone, clip, replace(plan, chunk_size=chunk_size)), whole)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sampler", ["t2v_zero", pytest.param("masactrl", marks=pytest.mark.slow)])
def test_a_method_changes_later_frames_and_never_frame_0(backbone, clip, plan, method, sampler, baselines):
    plan = replace(plan, **SAMPLERS[sampler])
    alone = replace(plan, sla_steps=range(0), guidance=GuidancePlan())
    for without, key in ((plan, (sampler, "with SLA and PWG")), (alone, (sampler, "alone"))):
        if key not in baselines:
            baselines[key] = denoise(backbone, clip, without)
        ours, baseline = denoise(backbone, clip, replace(without, **METHODS[method])), baselines[key]
        assert close(ours[0], baseline[0])
        assert all((ours[i] - baseline[i]).abs().max() > 1e-4 * baseline.abs().max() for i in range(1, len(ours)))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_continuing_from_any_step_gives_the_same_bytes(backbone, clip, plan, method):
    plan, states = replace(plan, **METHODS[method]), []
    whole = denoise(backbone, clip, plan, on_step=states.append)
    for state in states:
        assert torch.equal(denoise(backbone, clip, plan, state=State(state.step, state.latents.clone())), whole)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_without_steps_changes_nothing(backbone, clip, plan, method):
    plan = replace(plan, guidance=GuidancePlan())
    (key, settings), *_ = METHODS[method].items()
    never = replace(plan, **{key: replace(settings, steps=range(0))})
    assert close(denoise(backbone, clip, never), denoise(backbone, clip, plan))


@pytest.mark.parametrize("method", [name for name in METHODS if name != "latentwarp"])
def test_a_decoders_layers_are_some_of_all_layers(backbone, clip, plan, method):
    settings, plan = METHODS[method]["tokens"], replace(plan, guidance=GuidancePlan())
    everywhere, decoder = (
        denoise(backbone, clip, replace(plan, tokens=replace(settings, layers=layers))) for layers in ("all", "decoder")
    )
    assert close(everywhere[0], decoder[0])
    assert not close(everywhere, decoder)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_checkpointed_gradients_are_the_same(backbone, clip, plan, method):
    guided = replace(plan, guidance=GuidancePlan(steps=range(1, 2), gradient="full", delta=0.01), **METHODS[method])
    checkpointed = replace(guided, guidance=replace(guided.guidance, checkpointing=True))
    assert close(denoise(backbone, clip, checkpointed), denoise(backbone, clip, guided))


@pytest.mark.parametrize("method", METHODS)
def test_the_earlier_attention_is_there_again_afterwards(backbone, clip, plan, method):
    before = dict(backbone.unet.attn_processors)
    denoise(backbone, clip, replace(plan, num_steps=2, sla_steps=range(0), guidance=GuidancePlan(), **METHODS[method]))
    assert backbone.unet.attn_processors == before


class FullMemory:
    """A device that holds two frames in both halves of the guidance: a hook that runs out of memory on more."""

    def __call__(self, module, arguments):
        if len(arguments[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")


def test_a_memory_too_small_for_the_key_frames_names_the_settings_to_change(backbone, clip, plan):
    hook = backbone.unet.register_forward_pre_hook(FullMemory())
    try:
        with pytest.raises(DeviceMemoryError, match=r"does not hold 4 frames at once.*larger tokenflow.spacing"):
            denoise(backbone, clip, replace(plan, tokens=TokenFlow(range(1), spacing=1)))
        denoise(backbone, clip, replace(plan, tokens=TokenFlow(range(1), spacing=2)))
    finally:
        hook.remove()
