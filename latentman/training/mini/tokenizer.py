"""A byte-pair tokenizer in CLIP's format, learnt from the captions of the scenes and a list of common words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from latentman.paths import write_json, write_text
from latentman.training.scenes.captions import QUALITY, VERBS
from latentman.training.scenes.characters import CHARACTERS
from latentman.training.scenes.flaws import WORDS
from latentman.training.scenes.palette import COLOURS
from latentman.training.scenes.places import PLACES

BEGIN, END = "<|startoftext|>", "<|endoftext|>"

LENGTH = 77
"""Tokens that a text encoder reads, as CLIP's."""

COMMON_WORDS = """
person man woman boy girl child old young big small hero spider iron captain wizard witch king queen prince princess
pirate cowboy samurai vampire monster dragon cat dog bear elephant lion trampoline stormtrooper batman cyborg android
dancing waltz moonwalk backflip basketball tennis boxing yoga bow arrow sword shield the of and to in on at for is was a
an with by from up down left right over under his her their snow road mountain river lake sea ocean sky sunset night day
city park castle garden room kitchen office school church bridge light dark bright long short hat helmet cape mask
""".split()
"""Words that people will try: known as a whole, they share fewer tokens with what the model does know."""

_COMMON_WEIGHT = 20


def world_texts() -> list[str]:
    """Return every phrase that the world's captions are made of."""
    phrases = [phrase for character in CHARACTERS.values() for phrase in character.phrases]
    phrases += [phrase for place in PLACES.values() for phrase in place.phrases]
    return [*phrases, *VERBS, *QUALITY, *WORDS, *COLOURS]


def learn_tokenizer(texts: Iterable[str], vocabulary: int, folder: Path) -> Any:
    """Learn a tokenizer from texts, write it to ``folder`` and return it; the same texts give the same files.

    Args:
        texts: captions.
        vocabulary: how many tokens to learn at most, letters included.
        folder: of its files, in the layout of CLIP's.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    words = Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=letters,
        end_of_word_suffix="</w>",
        special_tokens=[],
        show_progress=False,
    )
    learner.train_from_iterator([*texts, *(world_texts() + COMMON_WORDS) * _COMMON_WEIGHT], trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    # Every letter has to be there at the end of a word as well, so that no text is ever unknown.
    tokens = dict.fromkeys([*model["vocab"], *letters, *(f"{letter}</w>" for letter in letters), BEGIN, END])
    return _write(list(tokens), merges, folder)


def _write(tokens: list[str], merges: list[str], folder: Path) -> Any:
    from latentman.training.mini.networks import load_tokenizer

    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
    write_json(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    write_text(folder / "merges.txt", "#version: 0.2\n" + "\n".join(merges) + "\n")
    write_json(
        folder / "tokenizer_config.json",
        {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer", **special},
    )
    write_json(folder / "special_tokens_map.json", special)
    return load_tokenizer(folder.parent)
