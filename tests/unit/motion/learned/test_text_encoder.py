"""Text encoders of learned motion models, with tiny random ones in the hub's format."""

import pytest
import torch

from latentman.errors import WeightsError
from latentman.motion.learned.mini_text import MiniTextConfig, MiniTextEncoder
from latentman.motion.learned.text_encoder import (
    CLIP_BASE,
    CLIP_LARGE,
    DISTILBERT,
    load_mini_encoder,
    load_text_encoder,
)
from tests.factories.motion_checkpoints import TEXT_WIDTH, write_clip, write_distilbert

CPU = torch.device("cpu")
LONG = " ".join(["a person walks"] * 30)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("text") / "clip")


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory):
    return write_distilbert(tmp_path_factory.mktemp("text") / "bert")


def test_clip_gives_the_projected_feature_of_the_full_model(clip_folder):
    from transformers import CLIPModel, CLIPTokenizer

    found = load_text_encoder(CLIP_BASE, str(clip_folder), TEXT_WIDTH, CPU)(["a person walks"]).values
    tokens = CLIPTokenizer.from_pretrained(str(clip_folder))("a person walks", return_tensors="pt")
    with torch.no_grad():
        text = CLIPModel.from_pretrained(str(clip_folder)).eval().text_model(input_ids=tokens.input_ids)
        projection = CLIPModel.from_pretrained(str(clip_folder)).text_projection
        torch.testing.assert_close(found, projection(text.pooler_output))
    assert found.dtype == torch.float32
    assert not found.requires_grad


@pytest.mark.parametrize("model", [CLIP_BASE, CLIP_LARGE])
def test_texts_of_one_batch_do_not_change_each_other(clip_folder, model):
    encode = load_text_encoder(model, str(clip_folder), TEXT_WIDTH, CPU)
    together = encode(["", "a person walks"]).values
    torch.testing.assert_close(together[:1], encode([""]).values)
    torch.testing.assert_close(together[1:], encode(["a person walks"]).values)


def test_distilbert_gives_the_feature_of_every_token_and_marks_the_padding(bert_folder):
    encode = load_text_encoder(DISTILBERT, str(bert_folder), TEXT_WIDTH, CPU)
    both = encode(["a person walks forward", "a person runs"])
    assert both.values.shape == (2, 6, TEXT_WIDTH)
    assert both.padding.tolist() == [[False] * 6, [False] * 5 + [True]]
    torch.testing.assert_close(both.values[1:, :5], encode(["a person runs"]).values)


def test_words_beyond_the_limit_are_named_and_ignored(clip_folder, caplog):
    encode = load_text_encoder(CLIP_BASE, str(clip_folder), TEXT_WIDTH, CPU)
    encode(["a person walks"])
    assert not caplog.records
    found = encode([f"{LONG} zebra"]).values
    assert "motion.text is longer than the motion model's limit of 20 tokens" in caplog.text
    assert "zebra" in caplog.text
    torch.testing.assert_close(found, encode([f"{LONG} penguin"]).values)


def test_distilbert_is_limited_by_its_positions(bert_folder, caplog):
    encode = load_text_encoder(DISTILBERT, str(bert_folder), TEXT_WIDTH, CPU)
    assert encode([LONG]).values.shape == (1, 12, TEXT_WIDTH)
    assert "limit of 10 tokens" in caplog.text


def test_half_precision_files_are_loaded_in_single_precision(clip_folder, tmp_path):
    from transformers import CLIPModel

    write_clip(tmp_path / "half")
    CLIPModel.from_pretrained(str(clip_folder), torch_dtype=torch.float16).save_pretrained(tmp_path / "half")
    encode = load_text_encoder(CLIP_BASE, str(tmp_path / "half"), TEXT_WIDTH, CPU)
    assert encode(["a person"]).values.dtype == torch.float32


@pytest.mark.parametrize(
    ("model", "hub_id"),
    [
        (CLIP_BASE, "openai/clip-vit-base-patch32"),
        (CLIP_LARGE, "openai/clip-vit-large-patch14"),
        (DISTILBERT, "distilbert/distilbert-base-uncased"),
    ],
)
def test_an_unavailable_encoder_is_reported_with_the_key_and_the_default(model, hub_id):
    with pytest.raises(WeightsError) as caught:
        load_text_encoder(model, None, 512, CPU)
    assert f"cannot load the text encoder from {hub_id}" in str(caught.value)
    assert f"set motion.text_encoder to a folder with {hub_id}" in str(caught.value)


def test_a_missing_folder_is_named():
    with pytest.raises(
        WeightsError, match=r"motion.text_encoder=\./clip: there is no folder clip; set motion.text_enc"
    ):
        load_text_encoder(CLIP_BASE, "./clip", 512, CPU)


def test_a_width_other_than_the_motion_models_is_refused(clip_folder):
    with pytest.raises(
        WeightsError, match=r"gives 16 features, but the motion model was trained on 512.*clip-vit-base"
    ):
        load_text_encoder(CLIP_BASE, str(clip_folder), 512, CPU)


def test_a_checkpoint_that_lacks_tensors_is_refused(clip_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = write_clip(tmp_path / "clip")
    tensors = load_file(folder / "model.safetensors")
    del tensors["text_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 1 tensors, first text_projection.weight; set motion.text_encoder"):
        load_text_encoder(CLIP_BASE, str(folder), TEXT_WIDTH, CPU)


def test_the_mini_encoder_names_unknown_words(tmp_path, caplog):
    MiniTextEncoder(["a", "person", "walks"], MiniTextConfig(dim=8, out=12, heads=2, ff=8, buckets=16)).write(tmp_path)
    encode = load_mini_encoder(tmp_path, 12, CPU)
    assert encode(["a person walks"]).values.shape == (1, 12)
    assert not caplog.records
    encode(["a person yodels"])
    assert "does not know these words and guesses from their letters: yodels" in caplog.text
    with pytest.raises(WeightsError, match="gives 12 features, but the motion model was trained on 512"):
        load_mini_encoder(tmp_path, 512, CPU)
