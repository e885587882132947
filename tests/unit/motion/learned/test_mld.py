"""MLD's networks and its sampler, against slow implementations."""

from dataclasses import replace

import pytest
import torch

from latentman.motion.learned.mld import MLD, MLDShape, make_scheduler, sample_latents
from latentman.motion.learned.skip_transformer import SkipTransformer
from tests.factories import naive_networks
from tests.factories.motion_checkpoints import SMALL_MLD, TEXT_WIDTH, seeded

VARIANTS = [
    SMALL_MLD,
    replace(SMALL_MLD, denoiser_arch="trans_dec"),
    replace(SMALL_MLD, denoiser_arch="trans_enc_plain"),
    replace(SMALL_MLD, mlp_dist=True),
    replace(SMALL_MLD, cross_decoder=False),
    replace(SMALL_MLD, latent_tokens=3),
]


def shapes(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def test_the_released_model_has_the_known_number_of_parameters_and_tensors():
    with torch.device("meta"):
        network = MLD()
    assert sum(p.numel() for p in network.vae.parameters()) == 18_032_135
    assert sum(p.numel() for p in network.denoiser.parameters()) == 8_349_184
    assert (len(network.vae.state_dict()), len(network.denoiser.state_dict())) == (297, 126)


def test_the_released_tensor_names_and_shapes_exist():
    with torch.device("meta"):
        found = shapes(MLD())
    assert found["vae.global_motion_token"] == (2, 256)
    assert found["vae.query_pos_decoder.pe"] == (500, 1, 256)
    assert found["vae.encoder.linear_blocks.3.weight"] == (256, 512)
    assert found["vae.decoder.middle_block.multihead_attn.in_proj_weight"] == (768, 256)
    assert found["denoiser.time_embedding.linear_1.weight"] == (256, 768)
    assert found["denoiser.emb_proj.1.weight"] == (256, 768)
    assert found["denoiser.mem_pos.pe"] == (500, 1, 256)


@pytest.mark.parametrize("shape", VARIANTS, ids=lambda shape: shape.name)
def test_sizes_and_variant_are_read_from_the_tensors(shape):
    with torch.device("meta"):
        assert MLDShape.from_keys(shapes(MLD(shape))) == shape


@pytest.mark.parametrize("shape", VARIANTS, ids=lambda shape: shape.name)
def test_every_variant_encodes_decodes_and_denoises(shape):
    network = seeded(lambda: MLD(shape))
    with torch.no_grad():
        mean, log_variance = network.vae.encode(torch.randn(2, 9, 263), torch.tensor([9, 5]))
        assert mean.shape == log_variance.shape == (shape.latent_tokens, 2, shape.width)
        decoded = network.vae.decode(mean, torch.tensor([9, 5]))
        assert decoded.shape == (2, 9, 263)
        assert not decoded[1, 5:].any()
        latents = mean.transpose(0, 1)
        assert network.denoiser(latents, torch.tensor([3, 3]), torch.randn(2, 1, TEXT_WIDTH)).shape == latents.shape


def test_frames_beyond_the_length_change_nothing():
    network = seeded(lambda: MLD(SMALL_MLD)).double()
    motion, length = torch.randn(1, 9, 263, dtype=torch.float64), torch.tensor([5])
    other = motion.clone()
    other[:, 5:] = 100.0
    with torch.no_grad():
        torch.testing.assert_close(network.vae.encode(motion, length), network.vae.encode(other, length))
        alone = network.vae.encode(motion[:, :5], length)
        torch.testing.assert_close(network.vae.encode(motion, length), alone)


def test_the_denoiser_equals_a_slow_implementation():
    network = seeded(lambda: MLD(SMALL_MLD)).double()
    latent, text = torch.randn(1, 1, 16, dtype=torch.float64), torch.randn(1, 1, TEXT_WIDTH, dtype=torch.float64)
    with torch.no_grad():
        noise = network.denoiser(latent, torch.tensor([481]), text)
        naive = naive_networks.mld_denoiser(dict(network.denoiser.state_dict()), latent[0], 481, text[0], half=2)
    torch.testing.assert_close(noise[0], naive, rtol=1e-5, atol=1e-5)  # the sinusoid is in single precision


def test_the_skip_decoder_equals_a_slow_implementation():
    network = seeded(lambda: SkipTransformer(16, ff_size=24, num_heads=4, num_layers=5, with_memory=True)).double()
    tokens, memory = torch.randn(7, 1, 16, dtype=torch.float64), torch.randn(2, 1, 16, dtype=torch.float64)
    with torch.no_grad():
        naive = naive_networks.skip_stack(dict(network.state_dict()), tokens[:, 0], 2, memory[:, 0])
        torch.testing.assert_close(network(tokens, memory=memory)[:, 0], naive, rtol=1e-9, atol=1e-10)


def test_an_even_number_of_layers_is_refused():
    with pytest.raises(ValueError, match="num_layers=4 must be odd"):
        SkipTransformer(16, ff_size=24, num_heads=4, num_layers=4)


def test_the_timesteps_equal_the_released_ones():
    scheduler = make_scheduler()
    scheduler.set_timesteps(50)
    assert scheduler.timesteps.tolist() == list(range(981, 0, -20))


@pytest.mark.parametrize("guidance_scale", [7.5, 1.0])
def test_sampling_equals_explicit_ddim_with_guidance(guidance_scale):
    torch.manual_seed(0)
    mix, texts = torch.randn(6, 6, dtype=torch.float64) / 5, torch.randn(2, 1, 6, dtype=torch.float64)

    def predict(latents, timesteps, text):
        return torch.tanh(latents @ mix + text * 0.3 + timesteps[:, None, None] / 1000)

    start = torch.randn(1, 1, 6, dtype=torch.float64)
    found = sample_latents(predict, texts, latents=start, num_steps=50, guidance_scale=guidance_scale)

    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    abar = torch.cumprod(1 - betas, dim=0)
    x = start
    for t in range(981, 0, -20):
        now = torch.tensor([t])
        uncond, cond = predict(x, now, texts[:1]), predict(x, now, texts[1:])
        noise = uncond + guidance_scale * (cond - uncond)
        before = abar[t - 20] if t > 20 else abar[0]  # set_alpha_to_one=False
        x0 = (x - (1 - abar[t]).sqrt() * noise) / abar[t].sqrt()
        x = before.sqrt() * x0 + (1 - before).sqrt() * noise
    torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-4)  # the scheduler's table is in single precision
