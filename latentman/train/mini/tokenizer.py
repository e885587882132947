"""A byte-pair tokenizer in CLIP's format, learned from the captions of the scenes and a list of common words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from latentman.system.paths import write_json, write_text
from latentman.train.scenes.captions import QUALITY, VERBS
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.flaws import WORDS
from latentman.train.scenes.palette import COLOURS
from latentman.train.scenes.places import PLACES

BEGIN, END = "<|startoftext|>", "<|endoftext|>"

Word = tuple[str, ...]
"""A word as its current symbols."""

LENGTH = 77
"""Number of tokens of a text encoder, as in CLIP."""

COMMON_WORDS = """
person man woman boy girl child old young big small hero spider iron captain wizard witch king queen prince princess
pirate cowboy samurai vampire monster dragon cat dog bear elephant lion trampoline stormtrooper batman cyborg
android dancing waltz moonwalk backflip basketball tennis boxing yoga bow arrow sword shield the of and to in on at
for is was a an with by from up down left right over under his her their snow road mountain river lake sea ocean sky
sunset night day city park castle garden room kitchen office school church bridge light dark bright long short hat
helmet cape mask
"""
"""Words that users are likely to try: as whole tokens, they share fewer tokens with known words."""

_COMMON_WEIGHT = 20


def world_texts() -> list[str]:
    """Return every phrase that occurs in the world's captions."""
    phrases = [phrase for character in CHARACTERS.values() for phrase in character.phrases]
    phrases += [phrase for place in PLACES.values() for phrase in place.phrases]
    return [*phrases, *VERBS, *QUALITY, *WORDS, *COLOURS]


def learn_tokenizer(texts: Iterable[str], vocabulary: int, folder: Path) -> Any:
    """Train a tokenizer on texts, write it to ``folder`` and return it; the same texts give the same files.

    Args:
        texts: captions.
        vocabulary: maximum number of tokens, letters included.
        folder: folder of its files, in CLIP's layout.
    """
    # The trainer of the tokenizers library merges equally frequent pairs in an order that varies between runs.
    counted = count_words([*texts, *[*world_texts(), *COMMON_WORDS.split()] * _COMMON_WEIGHT])
    tokens, merges = learn_merges(counted, vocabulary)
    return _write(tokens, [" ".join(pair) for pair in merges], folder)


def count_words(texts: Iterable[str]) -> Counter[Word]:
    """Return the words of texts, split as in CLIP, with their counts."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    cutter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    lower = normalizers.Lowercase()
    words: Counter[Word] = Counter()
    for text, number in Counter(texts).items():
        for word, _ in cutter.pre_tokenize_str(lower.normalize_str(text)):
            words[(*word[:-1], f"{word[-1]}</w>")] += number
    return words


def learn_merges(words: Counter[Word], vocabulary: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the tokens of a byte-pair encoding, in the order of their ids, and the pairs to merge, in order.

    The most frequent pair is merged first; among equally frequent ones, the alphabetically first.

    Args:
        words: words as symbols, the last of which ends in ``</w>``, with their counts.
        vocabulary: maximum number of tokens.
    """
    from tokenizers import pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    # Every letter also exists as the end of a word, so that no text is ever unknown.
    tokens = dict.fromkeys([*letters, *(f"{letter}</w>" for letter in letters)])
    merges: list[tuple[str, str]] = []
    while len(tokens) + 2 < vocabulary:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, number in words.items():
            for pair in pairwise(word):
                pairs[pair] += number
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        tokens["".join(best)] = None
        words = _merged(words, best)
    return [*tokens, BEGIN, END], merges


def _merged(words: Counter[Word], pair: tuple[str, str]) -> Counter[Word]:
    merged: Counter[Word] = Counter()
    for word, number in words.items():
        symbols: list[str] = []
        previous: str | None = None
        for symbol in word:
            if previous is not None and (previous, symbol) == pair:
                symbols[-1] = previous + symbol
                previous = None  # a merged pair is not merged again in the same pass
            else:
                symbols.append(symbol)
                previous = symbol
        merged[tuple(symbols)] += number
    return merged


def _write(tokens: list[str], merges: list[str], folder: Path) -> Any:
    from latentman.train.mini.networks import load_tokenizer

    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
    write_json(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    write_text(folder / "merges.txt", "#version: 0.2\n" + "\n".join(merges) + "\n")
    write_json(
        folder / "tokenizer_config.json",
        {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer", **special},
    )
    write_json(folder / "special_tokens_map.json", special)
    return load_tokenizer(folder.parent)
