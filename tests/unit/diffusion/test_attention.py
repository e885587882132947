"""Anchor attention against frames that line up their keys and values one by one, through whole networks."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from latentman.diffusion.anchor_masks import AnchorMasks
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import AnchorAttention, anchored
from latentman.diffusion.attention_layers import AnchorRule, self_attention_layers
from latentman.errors import WeightsError
from tests.factories.literal_denoising import literal_attention
from tests.factories.tiny_model import FRAMES, GRID

ANCHORS = ["first", "prev", "first+prev", "all"]


def batch_of(groups, frames=FRAMES):
    generator = torch.Generator().manual_seed(0)
    shape = (groups * frames, 4, GRID, GRID)
    return torch.randn(shape, generator=generator), torch.randn(shape[0], 77, 32, generator=generator)


def chunked(unet, rule, noisy, text, groups, size, masks=None):
    """The UNet's output, frames going through it in chunks."""
    frames = len(noisy) // groups
    anchor, out = Anchor(rule, masks=masks), []
    by_group = [x.unflatten(0, (groups, frames)) for x in (noisy, text)]
    with torch.no_grad(), anchored({"unet": unet}, anchor):
        for start in range(0, frames, size):
            part = slice(start, min(start + size, frames))
            with anchor.passing("follow" if start else "lead", groups, part):
                x, words = (t[:, part].flatten(0, 1) for t in by_group)
                out.append(unet(x, 500, words).sample.unflatten(0, (groups, -1)))
    return torch.cat(out, dim=1).flatten(0, 1)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("union", [False, True])
@pytest.mark.parametrize("anchor", ANCHORS)
def test_every_anchor_equals_keys_and_values_lined_up_frame_by_frame(backbone, anchor, union, groups):
    noisy, text = batch_of(groups)
    if anchor == "all":
        union = False  # a frame's own are among all
    ours = chunked(backbone.unet, AnchorRule(anchor, union=union), noisy, text, groups, FRAMES)
    with torch.no_grad(), literal_attention([backbone.unet], groups=groups, anchor=anchor, union=union):
        literal = backbone.unet(noisy, 500, text).sample
    assert torch.allclose(ours, literal, atol=1e-5)
    with torch.no_grad():
        assert not torch.allclose(backbone.unet(noisy, 500, text).sample, literal, atol=1e-3)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("union", [False, True])
@pytest.mark.parametrize("anchor", ["first", "prev", "first+prev"])
def test_chunks_read_what_earlier_chunks_left(backbone, anchor, union, size):
    noisy, text = batch_of(2)
    rule = AnchorRule(anchor, union=union)
    whole = chunked(backbone.unet, rule, noisy, text, 2, FRAMES)
    assert torch.allclose(chunked(backbone.unet, rule, noisy, text, 2, size), whole, atol=1e-5)


def test_anchors_differ_from_each_other(backbone):
    noisy, text = batch_of(1)
    results = [chunked(backbone.unet, AnchorRule(anchor), noisy, text, 1, FRAMES) for anchor in ANCHORS]
    for i, one in enumerate(results):
        assert all(not torch.allclose(one, other, atol=1e-4) for other in results[i + 1 :])


@pytest.mark.parametrize(("reduction", "masks_frame0"), [("nearest", False), ("nearest", True), ("half", False)])
@pytest.mark.parametrize("size", [FRAMES, 3, 1])
def test_figure_and_background_read_apart_as_a_mask_over_all_keys_would(
    backbone, frames, size, reduction, masks_frame0
):
    noisy, text = batch_of(2)
    masks = AnchorMasks(frames.figures, reduction=reduction, masks_frame0=masks_frame0)
    options = {"half": reduction == "half", "masks_frame0": masks_frame0}
    ours = chunked(backbone.unet, AnchorRule(), noisy, text, 2, size, masks)
    with torch.no_grad(), literal_attention([backbone.unet], groups=2, figures=frames.figures, **options):
        literal = backbone.unet(noisy, 500, text).sample
    assert torch.allclose(ours, literal, atol=1e-5)
    assert not torch.allclose(ours, chunked(backbone.unet, AnchorRule(), noisy, text, 2, size), atol=1e-3)


@pytest.mark.parametrize("share", [0, 1])
def test_an_anchor_without_figure_or_without_background_is_read_whole(backbone, share):
    noisy, text = batch_of(1)
    masks = AnchorMasks(torch.full((FRAMES, GRID, GRID), bool(share)))
    whole = chunked(backbone.unet, AnchorRule(), noisy, text, 1, FRAMES)
    assert torch.equal(chunked(backbone.unet, AnchorRule(), noisy, text, 1, FRAMES, masks), whole)


def test_anchor_off_is_ordinary_self_attention(backbone):
    noisy, text = batch_of(2)
    with torch.no_grad():
        plain = backbone.unet(noisy, 500, text).sample
        with anchored({"unet": backbone.unet}, Anchor()):
            off = backbone.unet(noisy, 500, text).sample
    assert torch.allclose(plain, off, atol=1e-5)


def test_only_the_chosen_layers_follow(backbone):
    noisy, text = batch_of(2)
    names = self_attention_layers(backbone.unet)
    rule = AnchorRule(first_layer=len(names) - 1)
    with torch.no_grad(), literal_attention([backbone.unet], groups=2, layers=names[-1:]):
        literal = backbone.unet(noisy, 500, text).sample
    assert torch.allclose(chunked(backbone.unet, rule, noisy, text, 2, FRAMES), literal, atol=1e-5)


def test_cross_attention_processors_are_left_alone(backbone):
    before = dict(backbone.unet.attn_processors)
    with anchored({"unet": backbone.unet}, Anchor()):
        during = dict(backbone.unet.attn_processors)
    for name, processor in before.items():
        if name.endswith("attn2.processor"):
            assert during[name] is processor
        else:
            assert isinstance(during[name], AnchorAttention)
    assert backbone.unet.attn_processors == before


def test_processors_are_put_back_after_an_error(backbone):
    before = dict(backbone.unet.attn_processors)
    with pytest.raises(ZeroDivisionError), anchored({"unet": backbone.unet}, Anchor()):
        raise ZeroDivisionError
    assert backbone.unet.attn_processors == before


def test_a_processor_that_somebody_else_replaced_is_named(backbone):
    from diffusers.models.attention_processor import AttnProcessor2_0

    before = dict(backbone.unet.attn_processors)
    try:
        with anchored({"unet": backbone.unet}, Anchor()) as installed:
            installed.check()
            backbone.unet.set_attn_processor(AttnProcessor2_0())
            with pytest.raises(WeightsError, match=r"unet\.\S+attn1 was replaced by AttnProcessor2_0"):
                installed.check()
        # A processor that another library has set is left in place.
        assert all(type(p) is AttnProcessor2_0 for p in backbone.unet.attn_processors.values())
    finally:
        backbone.unet.set_attn_processor(before)


def test_attention_scale_is_that_of_the_head_dimension(backbone):
    attn = next(m for n, m in backbone.unet.named_modules() if n.endswith("attn1"))
    x = torch.randn(1, 5, attn.to_q.in_features)
    query, key, value = (f(x).view(1, 5, attn.heads, -1).transpose(1, 2) for f in (attn.to_q, attn.to_k, attn.to_v))
    expected = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(1, 5, -1)
    assert torch.allclose(AnchorAttention(Anchor(), "x")(attn, x), attn.to_out[0](expected), atol=1e-6)


def test_a_pass_leaves_its_keys_only_when_it_has_ended(backbone):
    noisy, text = batch_of(1)
    anchor = Anchor(replace(AnchorRule(), anchor="prev"))
    with torch.no_grad(), anchored({"unet": backbone.unet}, anchor):
        with anchor.passing("lead", 1):
            backbone.unet(noisy, 500, text)
            assert not anchor.kept
            assert anchor.left
        assert anchor.kept
        assert not anchor.left
    assert not anchor.kept
