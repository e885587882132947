"""OmegaConf's messages about values name the key, the value and what is allowed, in the project's words."""

import pytest

from latentman.config.value_messages import explained_value, in_our_words
from latentman.engine.compose import compose
from latentman.errors import ConfigError

OMEGACONF = (
    "could not be converted",
    "Optional",
    "ListConfig",
    "full_key",
    "object_type",
    "Interpolation key",
    "valid bool",
)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=abc", "seed=abc: the value must be a whole number, such as seed=3"),
        ("seed=1.5", "seed=1.5: the value must be a whole number, such as seed=3"),
        ("seed=[1,2]", "seed=[1, 2]: the value must be a whole number, such as seed=3"),
        ("pwg.delta=big", "pwg.delta=big: the value must be a number, such as pwg.delta=0.5"),
        ("overwrite=perhaps", "overwrite=perhaps: the value must be true or false, such as overwrite=true"),
        ("num_frames=null", "num_frames=null: a value is needed here; leave num_frames out for its default"),
        ("sla.window=3", "sla.window: the value must be a list, such as sla.window=[...], and not of the type int"),
        ("sla.window=[a,b]", "sla.window[0]=a: the value must be a number, such as sla.window[0]=0.5"),
        ("device=[a]", "device=['a']: the value must be text; put quotes around it for the shell"),
        ("companions=[{txt: a}]", "unknown key 'txt'; latentman run --cfg job shows the keys that exist"),
        (
            "setup.steps.ddim=3",
            "setup.steps.ddim: unknown key 'ddim'; latentman run --cfg job shows the keys that exist",
        ),
        ("name=${nothing.here}", "name refers to ${nothing.here}, and there is no key 'nothing.here'"),
        ("name=${oc.env:LATENTMAN_NO}", "name refers to the environment variable LATENTMAN_NO, which is not set"),
        ("name=${nores:x}", "name refers to ${nores:...}, and there is no resolver 'nores'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(override, message):
    with pytest.raises(ConfigError) as caught:
        compose([override])
    text = str(caught.value)
    assert message in text
    assert len(text.splitlines()) == 1
    assert not any(word in text for word in OMEGACONF)


def test_an_unknown_kind_of_message_keeps_its_first_line_after_the_key():
    error = ValueError("something new\n    full_key: seed")
    error.full_key = "seed"
    assert in_our_words("something new", "seed") is None
    assert explained_value(error) == "seed: something new"
    assert explained_value(ValueError("")) == "ValueError"
