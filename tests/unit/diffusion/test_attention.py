"""Folded anchor attention against repeated keys and values, through whole networks."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from latentman.diffusion.attention import Anchor, AnchorAttention, anchored


class NaiveCrossFrame:
    """The obvious form: repeat the first frame's keys and values for every frame of its guidance group."""

    def __init__(self, groups):
        self.groups = groups

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None):
        batch, tokens, channels = hidden_states.shape
        per_group = batch // self.groups
        source = torch.stack([hidden_states[(b // per_group) * per_group] for b in range(batch)])
        query, key, value = attn.to_q(hidden_states), attn.to_k(source), attn.to_v(source)
        heads = attn.heads
        query, key, value = (x.view(batch, tokens, heads, -1).transpose(1, 2) for x in (query, key, value))
        weights = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        out = (weights @ value).transpose(1, 2).reshape(batch, tokens, channels)
        return attn.to_out[1](attn.to_out[0](out))


def naive(network, groups):
    return {
        name: NaiveCrossFrame(groups) if name.endswith("attn1.processor") else processor
        for name, processor in network.attn_processors.items()
    }


@pytest.fixture
def batch(backbone):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 4, 16, 16, generator=generator), torch.randn(8, 77, 32, generator=generator)


@pytest.mark.parametrize("groups", [1, 2])
def test_folded_attention_equals_repeated_keys_and_values(backbone, batch, groups):
    noisy, text = batch
    unet = backbone.unet
    with torch.no_grad():
        anchor = Anchor()
        with anchored({"unet": unet}, anchor), anchor.passing("record", groups):
            folded = unet(noisy, 500, text).sample
        before = dict(unet.attn_processors)
        unet.set_attn_processor(naive(unet, groups))
        try:
            reference = unet(noisy, 500, text).sample
        finally:
            unet.set_attn_processor(before)
    assert torch.allclose(folded, reference, atol=1e-5)
    with torch.no_grad():
        assert not torch.allclose(unet(noisy, 500, text).sample, reference, atol=1e-3)


def test_anchor_off_is_ordinary_self_attention(backbone, batch):
    noisy, text = batch
    with torch.no_grad():
        plain = backbone.unet(noisy, 500, text).sample
        with anchored({"unet": backbone.unet}, Anchor()):
            off = backbone.unet(noisy, 500, text).sample
    assert torch.allclose(plain, off, atol=1e-5)


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


def test_attention_scale_is_that_of_the_head_dimension(backbone):
    attn = next(m for n, m in backbone.unet.named_modules() if n.endswith("attn1"))
    x = torch.randn(1, 5, attn.to_q.in_features)
    query, key, value = (f(x).view(1, 5, attn.heads, -1).transpose(1, 2) for f in (attn.to_q, attn.to_k, attn.to_v))
    expected = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(1, 5, -1)
    assert torch.allclose(AnchorAttention(Anchor(), "x")(attn, x), attn.to_out[0](expected), atol=1e-6)
