"""Which device a name means, and what is said where this machine does not have it."""

import pytest
import torch

from latentman.errors import ConfigError
from latentman.system.device import check_dtype, choose_dtype, is_emulated, name_of_several, pick_device


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


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx2": True, "avx512_bf16": False}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
    ],
)
def test_auto_follows_the_instructions_of_the_cpu(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_dtype("auto", torch.device("cpu")) == expected
    assert choose_dtype("float16", torch.device("cpu")) == "float16"
    assert is_emulated("bfloat16", torch.device("cpu")) == (expected == "float32")
    assert is_emulated("float16", torch.device("cpu"))
    assert not is_emulated("float32", torch.device("cpu"))


def test_auto_is_half_precision_on_cuda():
    assert choose_dtype("auto", torch.device("cuda")) == "float16"
    assert not is_emulated("float16", torch.device("cuda"))
    assert choose_dtype("auto", torch.device("mps")) == "float32"


@pytest.fixture
def two_cards(monkeypatch):
    """Two CUDA devices, of which the second is too old for bfloat16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5) if device.index == 1 else (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old" if device.index == 1 else "New")


def test_a_card_without_bfloat16_is_named_with_what_it_has(two_cards):
    check_dtype("bfloat16", torch.device("cuda"))
    check_dtype("float16", torch.device("cuda:1"))
    check_dtype("bfloat16", torch.device("cpu"))
    with pytest.raises(ConfigError, match=r"bfloat16: Old \(cuda:1\) has no bfloat16; use setup.dtype=auto, float16"):
        check_dtype("bfloat16", torch.device("cuda:1"))


def test_of_two_cards_the_one_in_use_is_said(two_cards):
    assert (
        name_of_several(pick_device("auto")) == "using cuda:0 (New), one of 2 CUDA devices; device=cuda:N takes another"
    )
    assert "cuda:1 (Old)" in str(name_of_several(pick_device("cuda:1")))
    assert name_of_several(torch.device("cpu")) is None
    with pytest.raises(ConfigError, match="cuda:2: this machine has 2 CUDA devices"):
        pick_device("cuda:2")


def test_one_card_alone_is_not_talked_about(two_cards, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert name_of_several(torch.device("cuda")) is None
