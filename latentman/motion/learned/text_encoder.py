"""Encoding text to the features that a motion model was trained on: CLIP, DistilBERT, or the mini model's encoder.

A text is encoded once per run, not once per step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentman.errors import WeightsError
from latentman.files.extent import check_extent
from latentman.files.json_file import read_json_object
from latentman.files.opening import reason
from latentman.motion.learned.mini_text import MiniTextEncoder
from latentman.system.paths import asset, user_path

log = logging.getLogger("latentman.motion")


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """Features of N texts: ``values`` (N, D), or (N, L, D) with ``padding`` (N, L), True on padding tokens."""

    values: Tensor
    padding: Tensor | None = None


TextEncoder = Callable[[list[str]], TextFeatures]
"""N texts to their features, in float32 on the encoder's device."""


@dataclass(frozen=True, slots=True)
class TextModel:
    """A text encoder used by motion models: its hub id, and the maximum text length with its two end tokens."""

    hub_id: str
    max_length: int
    many_tokens: bool = False
    """Features of every token (DistilBERT) instead of one projected feature (CLIP)."""


CLIP_BASE = TextModel("openai/clip-vit-base-patch32", 22)
"""MDM and GMD: CLIP ViT-B/32; the released code uses 20 tokens of a text."""
CLIP_LARGE = TextModel("openai/clip-vit-large-patch14", 77)
"""MLD: CLIP ViT-L/14."""
DISTILBERT = TextModel("distilbert/distilbert-base-uncased", 512, many_tokens=True)
"""MDM's decoder variant."""


def load_text_encoder(model: TextModel, configured: str | None, width: int, device: torch.device) -> TextEncoder:
    """Return the encoder of a learned model.

    Args:
        model: the encoder that the motion model was trained with.
        configured: ``motion.text_encoder``: a folder, ``asset:NAME`` or a hub id; None uses the model's own.
        width: number of features that the motion model expects.
        device: the torch device of the encoder.

    Raises:
        WeightsError: if it is missing, cannot be downloaded, lacks tensors, or has a different number of features.
    """
    import transformers

    source = _source(configured or model.hub_id, model)
    if model.many_tokens:
        classes = (transformers.AutoTokenizer, transformers.DistilBertModel)
    else:
        classes = (transformers.CLIPTokenizer, transformers.CLIPTextModelWithProjection)
    _check_config(source)
    with _quiet():
        tokenizer = _load(classes[0].from_pretrained, source, model)
        # Without torch_dtype, transformers loads a checkpoint in its saved precision.
        network, info = _load(
            classes[1].from_pretrained, source, model, torch_dtype=torch.float32, output_loading_info=True
        )
    missing = sorted(info["missing_keys"])
    if missing:
        raise WeightsError(
            f"the text encoder in {source} lacks {len(missing)} tensors, first {missing[0]}; {_advice(model)}"
        )
    has = network.config.dim if model.many_tokens else network.config.projection_dim
    if has != width:
        raise WeightsError(
            f"the text encoder {source} gives {has} features, but the motion model was trained on {width}; "
            f"{_advice(model)}"
        )
    network.eval().requires_grad_(False).to(device)
    return TransformersEncoder(tokenizer, network, model, device)


def _check_config(source: str) -> None:
    file = Path(source) / "config.json"
    if file.is_file():
        check_extent(file, read_json_object(file, error=WeightsError, advice="fetch it again", strict=False), ())


@dataclass(frozen=True)
class TransformersEncoder:
    """CLIP's projected feature of each text, or DistilBERT's feature of each token."""

    tokenizer: Any
    network: Any
    model: TextModel
    device: torch.device

    @torch.no_grad()
    def __call__(self, texts: list[str]) -> TextFeatures:
        """Return the features; words beyond the token limit are ignored and named in a warning."""
        limit = self._limit()
        for text in texts:
            self._warn_of_cut(text, limit)
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        ids, mask = tokens.input_ids.to(self.device), tokens.attention_mask.to(self.device)
        if self.model.many_tokens:
            hidden = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
            return TextFeatures(hidden, mask == 0)
        # CLIP attends only to earlier tokens, so padding changes nothing and needs no mask.
        return TextFeatures(self.network(input_ids=ids).text_embeds)

    def _limit(self) -> int:
        return min(self.model.max_length, int(self.network.config.max_position_embeddings))

    def _warn_of_cut(self, text: str, limit: int) -> None:
        ids = self.tokenizer(text, truncation=False, add_special_tokens=False, verbose=False).input_ids
        if len(ids) > limit - 2:
            log.warning(
                "motion.text is longer than the motion model's limit of %d tokens; this end is ignored: '%s'",
                limit - 2,
                str(self.tokenizer.decode(ids[limit - 2 :])).strip(),
            )


def load_mini_encoder(folder: Path, width: int, device: torch.device) -> TextEncoder:
    """Return the mini model's own text encoder, from the files next to the checkpoint.

    Raises:
        WeightsError: if it is missing, damaged, or its number of features is not ``width``.
    """
    encoder = MiniTextEncoder.read(folder).requires_grad_(False).to(device)
    if encoder.config.out != width:
        raise WeightsError(
            f"the text encoder in {folder} gives {encoder.config.out} features, but the motion model was trained on "
            f"{width}; use both from the same training"
        )

    @torch.no_grad()
    def encode(texts: list[str]) -> TextFeatures:
        for text in texts:
            unknown = encoder.unknown_words(text)
            if unknown:
                log.warning("the mini motion model does not know these words and guesses from their letters: %s",
                            ", ".join(unknown))  # fmt: skip
        return TextFeatures(encoder.encode(texts))

    return encode


def _source(reference: str, model: TextModel) -> str:
    """Return the folder or hub id that a reference names.

    Raises:
        WeightsError: if it is a path and there is no such folder.
    """
    if reference.startswith("asset:"):
        folder = asset(*reference.removeprefix("asset:").split("/"))
    else:
        folder = user_path(reference)
        is_path = reference.startswith((".", "/", "~")) or reference.count("/") > 1
        if not folder.exists() and not is_path:
            return reference
    if not folder.is_dir():
        raise WeightsError(f"motion.text_encoder={reference}: there is no folder {folder}; {_advice(model)}")
    return str(folder)


def _load(load: Callable[..., Any], source: str, model: TextModel, **options: Any) -> Any:
    """Call a ``from_pretrained`` and convert its errors to one clear message."""
    try:
        return load(source, **options)
    except Exception as error:  # tokenizers and the hub raise kinds of their own, and plain Exceptions
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
            raise
        raise WeightsError(f"cannot load the text encoder from {source}: {reason(error)}\n{_advice(model)}") from error


def _advice(model: TextModel) -> str:
    return (
        f"set motion.text_encoder to a folder with {model.hub_id}, or to a hub id that this machine can reach "
        f"(motion.text_encoder=null means {model.hub_id})"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Prevent transformers from listing the image tower's tensors, which a text encoder does not use."""
    from transformers.utils import logging as library

    level = library.get_verbosity()
    library.set_verbosity_error()
    library.disable_progress_bar()
    try:
        yield
    finally:
        library.set_verbosity(level)
