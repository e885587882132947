"""The choice of a device."""

import pytest

from latentman.errors import ConfigError
from latentman.system.device import pick_device


@pytest.mark.parametrize("name", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ConfigError, match=f"device={name}"):
        pick_device(name)
