"""A motion adapter of random weights for the narrow model of the family sd15."""

from typing import Any

import torch
from torch import nn


def make_motion_adapter(**changes: Any) -> Any:
    from diffusers import MotionAdapter

    torch.manual_seed(4)
    narrow = {"block_out_channels": (16, 32, 32, 32), "motion_norm_num_groups": 4, "motion_num_attention_heads": 2}
    adapter = MotionAdapter(**narrow | {"motion_layers_per_block": 2, "motion_max_seq_length": 8} | changes).eval()
    # As they are initialised, these layers add nothing.
    for name, parameter in adapter.named_parameters():
        if "proj_out" in name or "to_" in name:
            nn.init.normal_(parameter, std=0.3)
    return adapter
