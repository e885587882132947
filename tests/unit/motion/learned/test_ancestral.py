import numpy as np
import torch

from latentman.motion.learned.ancestral import AncestralSampler, guided
from latentman.motion.learned.mdm import MDM
from tests.factories.motion_checkpoints import SMALL_MDM, TEXT_WIDTH, seeded


def test_one_step_equals_the_posterior_of_the_paper():
    sampler = AncestralSampler.make(1000)
    abar_of = [np.cos((t / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2 for t in range(1001)]
    betas = np.array([min(1 - abar_of[i + 1] / abar_of[i], 0.999) for i in range(1000)])
    abar = np.cumprod(1 - betas)
    x, x0 = torch.randn(2, 3, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    for i in (999, 500, 1):
        mean = np.sqrt(abar[i - 1]) * betas[i] / (1 - abar[i]) * x0
        mean = mean + (1 - abar[i - 1]) * np.sqrt(1 - betas[i]) / (1 - abar[i]) * x
        variance = betas[i] * (1 - abar[i - 1]) / (1 - abar[i])
        noise = torch.randn(2, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        found = sampler.step(x, x0, i, torch.Generator().manual_seed(5))
        torch.testing.assert_close(found, mean + np.sqrt(variance) * noise, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(sampler.step(x, x0, 0, torch.Generator()), x0, rtol=1e-9, atol=1e-9)


def test_guidance_equals_two_separate_calls_and_the_null_text_keeps_the_bias():
    network = seeded(lambda: MDM(SMALL_MDM))
    motion, steps, text = torch.randn(1, 263, 1, 9), torch.tensor([3]), torch.randn(1, TEXT_WIDTH)
    with torch.no_grad():
        cond, uncond = network(motion, steps, text), network(motion, steps, torch.zeros(1, TEXT_WIDTH))
        found = guided(network, text, 2.5)(motion, steps)
        torch.testing.assert_close(found, uncond + 2.5 * (cond - uncond), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(guided(network, text, 1.0)(motion, steps), cond)


def test_with_skipped_steps_the_network_still_gets_the_original_ones():
    asked = []

    def denoise(x, steps):
        asked.append(int(steps[0]))
        return x

    AncestralSampler.make(1000, 5).sample(denoise, (1, 2), torch.Generator().manual_seed(0))
    assert asked == [999, 749, 500, 250, 0]
