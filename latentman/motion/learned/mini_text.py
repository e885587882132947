"""The small text encoder of the mini MDM: words and their letters to one vector, replacing CLIP's 512 features.

A word that does not occur in the training captions is still encoded by its three-letter pieces.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from latentman.errors import WeightsError
from latentman.files.json_file import read_json_object
from latentman.files.opening import missing_as, reading
from latentman.files.safetensors_file import read_tensors
from latentman.system.paths import write_atomic, write_json

WEIGHTS_FILE, CONFIG_FILE = "text_encoder.safetensors", "text_encoder.json"
PADDING, UNKNOWN = 0, 1
_PIECES = 12
"""Maximum number of three-letter pieces per word."""
_ADVICE = "restore the files of the text encoder, or train and export them again"


@dataclass(frozen=True, slots=True)
class MiniTextConfig:
    """Sizes: ``dim`` of a word, ``out`` of the result, ``buckets`` of hashed pieces, at most ``max_words`` words."""

    dim: int = 128
    out: int = 512
    heads: int = 4
    ff: int = 256
    layers: int = 1
    buckets: int = 1024
    max_words: int = 24


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return re.findall(r"[a-z0-9]+", text.lower())


class MiniTextEncoder(nn.Module):
    """Word and piece embeddings, a transformer layer, the mean over words, one linear layer."""

    def __init__(self, vocabulary: list[str], config: MiniTextConfig) -> None:
        super().__init__()
        self.vocabulary, self.config = vocabulary, config
        self._index = {word: number + 2 for number, word in enumerate(vocabulary)}
        self.word = nn.Embedding(len(vocabulary) + 2, config.dim, padding_idx=PADDING)
        self.piece = nn.Embedding(config.buckets + 1, config.dim, padding_idx=PADDING)
        self.position = nn.Parameter(torch.randn(config.max_words, config.dim) * 0.02)
        layer = nn.TransformerEncoderLayer(config.dim, config.heads, config.ff, 0.0, "gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.project = nn.Linear(config.dim, config.out)
        self.norm = nn.LayerNorm(config.out)
        for table in (self.word, self.piece):
            nn.init.normal_(table.weight, 0.0, 0.05)
            with torch.no_grad():
                table.weight[PADDING] = 0.0

    def tokenize(self, texts: list[str], hide: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return word indices (N, W) and piece indices (N, W, 12); 0 is padding; words beyond the limit are dropped.

        Args:
            texts: N texts.
            hide: (N, W) words to replace by the unknown word, so that training uses only their pieces.
        """
        width = self.config.max_words
        words = torch.zeros(len(texts), width, dtype=torch.long)
        pieces = torch.zeros(len(texts), width, _PIECES, dtype=torch.long)
        for row, text in enumerate(texts):
            for column, word in enumerate(words_of(text)[:width] or ["unknown"]):
                words[row, column] = self._index.get(word, UNKNOWN)
                marked = f"<{word}>"
                for number in range(min(len(marked) - 2, _PIECES)):
                    code = zlib.crc32(marked[number : number + 3].encode())
                    pieces[row, column, number] = 1 + code % self.config.buckets
        if hide is not None:
            words = torch.where(hide & (words != PADDING), UNKNOWN, words)
        return words, pieces

    def forward(self, words: Tensor, pieces: Tensor) -> Tensor:
        """Return features (N, out) for indices from :meth:`tokenize`."""
        device = self.word.weight.device
        words, pieces = words.to(device), pieces.to(device)
        there = words != PADDING
        spelled = self.piece(pieces).sum(2) / (pieces != PADDING).sum(2, keepdim=True).clamp(min=1)
        hidden = self.word(words) + spelled + self.position
        hidden = self.encoder(hidden, src_key_padding_mask=~there)
        mean = (hidden * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        features: Tensor = self.norm(self.project(mean))
        return features

    def encode(self, texts: list[str]) -> Tensor:
        """Return features (N, out) of N texts."""
        features: Tensor = self(*self.tokenize(texts))
        return features

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text that occur in no training caption."""
        return [word for word in words_of(text) if word not in self._index]

    def write(self, folder: Path) -> None:
        """Write the weights and the vocabulary into a folder."""
        from safetensors.torch import save

        data = save({name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()})
        write_atomic(folder / WEIGHTS_FILE, lambda path: path.write_bytes(data))
        write_json(folder / CONFIG_FILE, {"config": asdict(self.config), "vocabulary": self.vocabulary})

    @classmethod
    def read(cls, folder: Path) -> MiniTextEncoder:
        """Read an encoder written by :meth:`write`.

        Raises:
            WeightsError: if a file is missing or damaged, or the two do not belong together.
        """
        what = "cannot read the text encoder in"
        with (
            missing_as(folder, error=WeightsError, advice=_ADVICE),
            reading(folder, error=WeightsError, what=what, advice=_ADVICE),
        ):
            described = read_json_object(folder / CONFIG_FILE, error=WeightsError, advice=_ADVICE)
            tensors = read_tensors(folder / WEIGHTS_FILE, advice=_ADVICE)
            encoder = cls(list(described["vocabulary"]), MiniTextConfig(**described["config"]))
            encoder.load_state_dict({name: value.float() for name, value in tensors.items()})
        return encoder.eval()
