"""The tiny decoder learns a VAE's pictures and their gradients."""

import pytest
import torch

from latentman.train.mini.decoder import DecoderTask, decoded, decoded_examples
from latentman.train.mini.loop import begin, take_step
from latentman.train.mini.networks import new_vae
from tests.factories.mini_settings import settings

CPU = torch.device("cpu")


def examples_of(cfg):
    torch.manual_seed(2)
    vae = new_vae(cfg).eval().requires_grad_(False)
    images = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
    return vae, decoded_examples(vae, Scenes(images), cfg, lambda done, total: None)


class Scenes:
    """Pictures, as a scene set holds them."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)


def test_an_example_holds_what_the_vae_makes_of_its_latents():
    cfg = settings(**{"decoder.examples": 3})
    vae, examples = examples_of(cfg)
    shapes = [tuple(one.shape) for one in vars(examples).values()]
    assert shapes == [(3, 4, 16, 16), (3, 3, 64, 64), (3, 3, 64, 64), (3, 4, 16, 16)]
    latents = examples.latents[2:].float().requires_grad_()
    picture = decoded(vae, latents, vae.config.scaling_factor)
    (gradient,) = torch.autograd.grad((picture * examples.differences[2:].float()).sum(), latents)
    assert torch.allclose(picture, examples.pictures[2:].float(), atol=2e-3)
    assert torch.cosine_similarity(gradient.flatten(), examples.gradients[2:].float().flatten(), dim=0) > 0.999


@pytest.mark.slow
def test_training_brings_its_pictures_and_its_gradients_closer():
    cfg = settings(**{"decoder.examples": 2, "decoder.learning_rate": 0.01, "decoder.steps": 40})
    _, examples = examples_of(cfg)
    task = DecoderTask(cfg, examples)
    learner = begin(task, cfg.decoder)
    values = [take_step(task, learner, cfg.decoder, cfg, CPU) for _ in range(40)]
    assert values[-1]["error"] < 0.8 * values[0]["error"]
    assert values[-1]["cosine"] > values[0]["cosine"]
