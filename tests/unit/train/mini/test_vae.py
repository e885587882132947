import torch

from latentman.train.mini.networks import (
    new_vae,
)
from latentman.train.mini.vae import latent_statistics, standardised
from tests.factories.mini_settings import settings


def test_standardised_latents_have_zero_mean_and_unit_variance_and_decode_to_the_same_pictures() -> None:
    torch.manual_seed(3)
    vae = new_vae(settings()).eval().requires_grad_(False)
    vae.quant_conv.weight *= 3
    vae.quant_conv.bias += 2
    images = torch.randint(256, (6, 3, 64, 64), dtype=torch.uint8)
    changed = standardised(vae, *latent_statistics(vae, images))
    mean, spread = latent_statistics(changed, images)
    torch.testing.assert_close(mean, torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-5)
    torch.testing.assert_close(spread, torch.ones(4, dtype=torch.float64), rtol=1e-5, atol=0)
    assert changed.config.scaling_factor == 1.0
    shown = images.float() / 127.5 - 1
    before, after = vae.encode(shown).latent_dist, changed.encode(shown).latent_dist
    torch.testing.assert_close(changed.decode(after.mean).sample, vae.decode(before.mean).sample, rtol=0, atol=1e-4)
    # the deviation of the posterior is also on the new scale
    noise = torch.randn(before.mean.shape)
    one, other = (
        network.decode(posterior.mean + posterior.std * noise).sample
        for network, posterior in ((vae, before), (changed, after))
    )
    torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
