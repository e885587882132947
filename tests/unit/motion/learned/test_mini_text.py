"""The small text encoder: known words, unknown words, and damaged files."""

import json
from pathlib import Path

import pytest
import torch

from latentman.errors import WeightsError
from latentman.motion.learned.mini_text import CONFIG_FILE, WEIGHTS_FILE, MiniTextConfig, MiniTextEncoder

WORDS = ["a", "person", "walks", "runs", "slowly"]


@pytest.fixture
def encoder() -> MiniTextEncoder:
    torch.manual_seed(0)
    return MiniTextEncoder(WORDS, MiniTextConfig(dim=16, out=32, heads=2, ff=32, buckets=64, max_words=8)).eval()


def test_the_features_of_a_text_do_not_depend_on_batch_or_case(encoder: MiniTextEncoder) -> None:
    alone = encoder.encode(["a person walks"])
    among = encoder.encode(["a person runs slowly", "A person, WALKS!", ""])
    torch.testing.assert_close(alone[0], among[1])
    assert not torch.allclose(among[0], among[1], atol=1e-2)


def test_the_order_of_words_matters(encoder: MiniTextEncoder) -> None:
    one, other = encoder.encode(["runs slowly walks", "walks slowly runs"])
    assert not torch.allclose(one, other, atol=1e-3)


def test_an_unknown_word_is_encoded_by_its_letters(encoder: MiniTextEncoder) -> None:
    assert encoder.unknown_words("a person strolls") == ["strolls"]
    walker, other = encoder.encode(["walked", "zumba"])
    assert not torch.allclose(walker, other, atol=1e-3)
    words, pieces = encoder.tokenize(["walked"])
    assert words[0, 0] == 1
    assert (pieces[0, 0] > 0).sum() == 6  # <wa wal alk lke ked ed>


def test_hidden_words_keep_their_letters(encoder: MiniTextEncoder) -> None:
    hide = torch.zeros(1, 8, dtype=torch.bool)
    hide[0, 2] = True
    hide[0, 7] = True  # beyond the text, padding stays padding
    plain, hidden = encoder.tokenize(["a person walks"]), encoder.tokenize(["a person walks"], hide)
    assert hidden[0].tolist()[0] == [2, 3, 1, 0, 0, 0, 0, 0]
    torch.testing.assert_close(plain[1], hidden[1])


def test_words_beyond_the_limit_are_dropped(encoder: MiniTextEncoder) -> None:
    long = "a person walks " * 5
    torch.testing.assert_close(encoder.encode([long]), encoder.encode([" ".join(long.split()[:8])]))


def test_it_is_restored_from_its_files(encoder: MiniTextEncoder, tmp_path: Path) -> None:
    encoder.write(tmp_path)
    again = MiniTextEncoder.read(tmp_path)
    torch.testing.assert_close(encoder.encode(["a person runs"]), again.encode(["a person runs"]), rtol=0, atol=0)
    assert not again.training


@pytest.mark.parametrize("damage", ["missing", "truncated", "vocabulary", "json"])
def test_damaged_files_are_refused(encoder: MiniTextEncoder, tmp_path: Path, damage: str) -> None:
    encoder.write(tmp_path)
    described = json.loads((tmp_path / CONFIG_FILE).read_text(encoding="utf-8"))
    if damage == "missing":
        (tmp_path / WEIGHTS_FILE).unlink()
    elif damage == "truncated":
        (tmp_path / WEIGHTS_FILE).write_bytes((tmp_path / WEIGHTS_FILE).read_bytes()[:200])
    elif damage == "vocabulary":
        described["vocabulary"].append("jumps")
        (tmp_path / CONFIG_FILE).write_text(json.dumps(described), encoding="utf-8")
    else:
        (tmp_path / CONFIG_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"cannot read .*; restore the files of the text encoder, or train and export them again"):
        MiniTextEncoder.read(tmp_path)
