"""Which device a name means, and what is said where this machine does not have it."""

import pytest
import torch

from latentman.errors import ConfigError
from latentman.system.device import pick_device


@pytest.mark.parametrize("name", ["gpu", "toaster", "meta"])
def test_an_unknown_device_is_refused_with_the_known_ones(name):
    with pytest.raises(ConfigError, match=f"device={name} is unknown: use auto, cpu, mps, cuda, cuda:N"):
        pick_device(name)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="device=cuda:99: this machine has"):
        pick_device("cuda:99")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_the_message_has_the_callers_advice():
    with pytest.raises(ConfigError, match="this machine has no CUDA device that torch can use; use device=auto or cpu"):
        pick_device("cuda")
    with pytest.raises(ConfigError, match="that torch can use; take preset=cpu_smoke"):
        pick_device("cuda", advice="take preset=cpu_smoke")


def test_auto_and_names_are_limited_to_the_kinds_that_the_work_can_use():
    assert pick_device("auto", kinds=("cpu",)).type == "cpu"
    assert pick_device("auto").type in ("cuda", "mps", "cpu")
    with pytest.raises(ConfigError, match="device=mps is unknown: use auto, cpu, cuda, cuda:N"):
        pick_device("mps", kinds=("cuda", "cpu"))
