from collections import Counter
from pathlib import Path

from latentman.train.mini.tokenizer import BEGIN, END, learn_merges, learn_tokenizer
from tests.factories.mini_settings import CAPTION


def test_the_same_captions_give_the_same_tokens(tmp_path: Path) -> None:
    for name in ("a", "b"):
        learn_tokenizer([CAPTION] * 3, 700, tmp_path / name / "tokenizer")
    for file in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        one, other = (tmp_path / name / "tokenizer" / file for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()


def test_a_caption_has_one_token_per_word_and_every_other_text_can_be_encoded(tmp_path: Path) -> None:
    tokenizer = learn_tokenizer([CAPTION], 2048, tmp_path / "tokenizer")
    ids = tokenizer(CAPTION).input_ids
    assert len(ids) == len(CAPTION.split()) + 2
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    for text in ("Knight in ARMOR", "naïve café", "x9!", "你好", ""):
        ids = tokenizer(text).input_ids
        assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == text.lower().replace(" ", "")
        assert ids.count(tokenizer.eos_token_id) == 1


def test_the_most_frequent_pair_is_merged_first_with_ties_in_alphabetical_order() -> None:
    words = Counter({("a", "b", "c</w>"): 2, ("x", "y</w>"): 3, ("a", "b</w>"): 2, ("a", "a", "a</w>"): 1})
    tokens, merges = learn_merges(words, 518)
    assert merges == [("x", "y</w>"), ("a", "b"), ("a", "b</w>"), ("ab", "c</w>")]
    assert tokens[-6:] == ["xy</w>", "ab", "ab</w>", "abc</w>", BEGIN, END]
