"""The setups of transformers, and what cannot be combined with them."""

import pytest

from latentman.engine.compose import compose
from latentman.errors import ConfigError


@pytest.mark.parametrize("name", ["sd35", "sd35_large", "flux", "flux_schnell"])
def test_a_setup_of_a_transformer_composes_with_its_schedule_and_pinned_models(name):
    config = compose([f"setup={name}"])
    setup = config.setup
    assert (config.schedule.name, setup.image_size, setup.latent_size) == ("flow", 1024, 128)
    assert len(setup.revision) == len(setup.controlnet_revision) == 40
    assert setup.architecture is None
    assert setup.ip_adapter.model is None
    if name.startswith("sd35"):
        assert setup.pwg_strength == setup.guidance_scale - 1
    else:
        assert config.text.negative == ""


def test_a_chosen_fidelity_or_schedule_comes_before_the_setups_own():
    assert compose(["setup=sd35", "schedule=ddim"]).schedule.name == "ddim"
    assert compose(["setup=sd35", "fidelity=paper"]).schedule.name == "ddim"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sampler=masactrl", r"sampler=masactrl, whose sampler.layers=decoder.*use sampler=t2v_zero"),
        ("sampler.first_layer=3", r"sampler.first_layer=3 choose layers"),
        ("sampler.masked=true", "sampler.masked=true cannot"),
        ("method=t2v_zero_uncond", "sampler.latent_motion cannot"),
        ("method=animatediff", "sampler=animatediff cannot"),
        ("method=tokenflow", "tokenflow=full cannot.*use latentwarp"),
        ("pwg.gradient=official_uncond", "pwg.gradient=official_uncond cannot.*direct or full"),
        ("setup.loras=[{path: a.safetensors}]", "setup.loras cannot"),
        ("conditioner=t2i_adapter", "conditioner=t2i_adapter cannot"),
        ("setup.model=a.safetensors", "setup.model=a.safetensors cannot"),
        ("sampler.eta=0.5", "sampler.eta=0.5 is DDIM's"),
        ("sampler.steps_offset=0", "sampler.steps_offset=0 is DDIM's"),
    ],
)
def test_what_a_transformer_does_not_have_is_refused_by_its_key(override, message):
    with pytest.raises(ConfigError, match=message):
        compose(["schedule=flow", override])


def test_latent_warp_acts_on_latents_and_is_allowed():
    assert compose(["schedule=flow", "method=latentman_latentwarp"]).latentwarp.enabled
