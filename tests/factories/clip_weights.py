"""A tiny CLIP of random weights in the official format, with a vocabulary of single letters."""

import json
import string

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

SIDE = 32
START, END = "<|startoftext|>", "<|endoftext|>"


def write_clip(folder, *, preprocessor=True, seed=0):
    """Write config.json, model.safetensors, vocab.json, merges.txt and preprocessor_config.json."""
    letters = [*string.ascii_lowercase, ",", "."]
    vocabulary = [*letters, *(f"{x}</w>" for x in letters), START, END]
    # Weights with a large spread make the cosines differ clearly from frame to frame.
    text = CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=16, projection_dim=24, bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1, pad_token_id=len(vocabulary) - 1,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=SIDE,
        patch_size=8, projection_dim=24,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.15)
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    if preprocessor:
        settings = {
            "size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}, "resample": 3,
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
            "do_resize": True, "do_center_crop": True, "do_normalize": True,
        }  # fmt: skip
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
