"""The trained model refuses what acts inside the training-free samplers."""

import pytest

from latentman.engine.compose import compose
from latentman.errors import ConfigError


def test_its_method_turns_the_papers_method_off_and_has_steps_of_its_own():
    config = compose(["method=animatediff", "setup=sd15"])
    assert (config.sampler.is_animatediff, config.sla.enabled, config.pwg.enabled) == (True, False, False)
    assert (config.num_steps, config.noise.name) == (25, "independent")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sla=full", "sla acts inside the training-free samplers: use method=animatediff"),
        ("tokenflow=full", "tokenflow acts inside"),
        ("conditioner=none", r"got conditioner=none: use conditioner=controlnet"),
        ("schedule=unipc", r"schedule=unipc, sampler.eta=0.0: leave both"),
    ],
)
def test_other_settings_are_refused(override, message):
    with pytest.raises(ConfigError, match=message):
        compose(["method=animatediff", override])
